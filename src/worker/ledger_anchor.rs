//! Posts the head of the ledger to a channel once a day, where people with access to the database cannot change it. The
//! head is stored before it is posted; a posting without an answer is searched for before it is posted again.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::Worker;
use crate::{
    domain::people::{ChannelId, RequestId},
    slack::{
        client::{MessageKey, Posted},
        error::{Class, Error},
        messages,
    },
    store::{Anchor, Head, StoreError, with_timeout},
};

/// How long a replica may take to post an anchor; then another one tries.
const HOLD: Duration = Duration::from_secs(300);
/// How often a new day is checked for.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// Takes the place of a request id in the message's metadata.
const LEDGER: &str = "ledger";

/// The channel to which the heads of the ledger are posted.
#[derive(Debug)]
pub struct LedgerAnchor {
    channel: ChannelId,
    /// The last day whose anchor is known to be posted.
    posted_day: Mutex<Option<Date>>,
}

impl LedgerAnchor {
    /// Posts to `channel`.
    pub fn new(channel: ChannelId) -> Self {
        Self { channel, posted_day: Mutex::default() }
    }
}

impl Worker {
    /// Posts an anchor each day, forever. Returns at once if there is no channel for it.
    pub async fn keep_anchored(&self) {
        while self.0.ledger_anchor.is_some() {
            if let Err(error) = self.anchor().await {
                tracing::warn!(%error, "the ledger's anchor cannot be checked");
            }
            self.0.clock.sleep(CHECK_INTERVAL).await;
        }
    }

    /// Posts today's anchor if that has not been done; whether it was posted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn anchor(&self) -> Result<bool, StoreError> {
        let Some(LedgerAnchor { channel, posted_day }) = &self.0.ledger_anchor else { return Ok(false) };
        let (workflow, now) = (&self.0.workflow, self.0.clock.now());
        let day = now.to_zoned(TimeZone::UTC).date();
        let posted_day = || posted_day.lock().unwrap_or_else(PoisonError::into_inner);
        if *posted_day() == Some(day) {
            return Ok(false);
        }
        let name = day.to_string();
        let (head, attempted_at) = match with_timeout(workflow.store().take_anchor(&name, now, HOLD)).await? {
            Anchor::Shown => {
                *posted_day() = Some(day);
                return Ok(false);
            }
            Anchor::Held => return Ok(false),
            Anchor::Ours { head, attempted_at } => (head, attempted_at),
        };
        match self.ensure_anchor_posted(channel, &name, &head, attempted_at).await {
            Ok(Posted { channel, ts }) => {
                workflow.log_anchor(&name, &head, (&channel, &ts)).await?;
                *posted_day() = Some(day);
                tracing::info!(seq = head.seq, "ledger anchor posted");
                metrics::counter!("ledger_anchors_total", "result" => "shown").increment(1);
                Ok(true)
            }
            Err(error) => {
                tracing::warn!(%channel, %error, "the ledger anchor could not be posted; it will be retried");
                metrics::counter!("ledger_anchors_total", "result" => "failed").increment(1);
                Ok(false)
            }
        }
    }

    /// Posts the anchor, unless an attempt without an answer has.
    async fn ensure_anchor_posted(
        &self,
        channel: &ChannelId,
        day: &str,
        head: &Head,
        attempted_at: Option<Timestamp>,
    ) -> Result<Posted, Error> {
        let key = MessageKey { request: RequestId(LEDGER.to_owned()), name: format!("anchor_{day}") };
        if let Some(since) = attempted_at {
            match self.0.slack.find_posted(channel, since, &key).await {
                Ok(mut found) if !found.is_empty() => return Ok(found.remove(0)),
                // Without access to the history the anchor may be posted twice.
                Ok(_) | Err(Error { class: Class::MissingScope { .. } | Class::Refused, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let message = messages::ledger_anchor(day, head.seq, &head.hash);
        self.0.slack.post(channel.as_str(), &message, &key, None).await
    }
}
