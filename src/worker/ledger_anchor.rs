//! Shows the head of the ledger in a channel once a day, where those who could change the database cannot change it.
//! Which head is written down before; a posting without an answer is searched for before it is posted again.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{civil::Date, tz::TimeZone};

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

/// How long whoever takes an anchor in hand has for it; then it is tried again.
const HOLD: Duration = Duration::from_secs(300);
/// How often it is looked whether a day has begun.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// What stands in place of a request in the metadata of an anchor's message.
const LEDGER: &str = "ledger";

/// Where anchors are shown.
#[derive(Debug)]
pub struct LedgerAnchor {
    channel: ChannelId,
    /// The last day whose anchor is known to be shown.
    shown: Mutex<Option<Date>>,
}

impl LedgerAnchor {
    /// Shows anchors in `channel`.
    pub fn new(channel: ChannelId) -> Self {
        Self { channel, shown: Mutex::default() }
    }
}

impl Worker {
    /// Shows an anchor each day, for ever. Ends at once where none is to be shown.
    pub async fn keep_anchored(&self) {
        while self.0.anchoring.is_some() {
            if let Err(error) = self.anchor().await {
                tracing::warn!(%error, "the anchor of the ledger cannot be looked after");
            }
            self.0.clock.sleep(LOOK_EVERY).await;
        }
    }

    /// Shows the anchor of today, if that is to be done; whether it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn anchor(&self) -> Result<bool, StoreError> {
        let Some(LedgerAnchor { channel, shown }) = &self.0.anchoring else { return Ok(false) };
        let (engine, now) = (&self.0.engine, self.0.clock.now());
        let day = now.to_zoned(TimeZone::UTC).date();
        let shown = || shown.lock().unwrap_or_else(PoisonError::into_inner);
        if *shown() == Some(day) {
            return Ok(false);
        }
        let name = day.to_string();
        let (head, attempted_at) = match with_timeout(engine.store().take_anchor(&name, now, HOLD)).await? {
            Anchor::Shown => {
                *shown() = Some(day);
                return Ok(false);
            }
            Anchor::Held => return Ok(false),
            Anchor::Ours { head, attempted_at } => (head, attempted_at),
        };
        let part = MessageKey { request: RequestId(LEDGER.to_owned()), name: format!("anchor_{name}") };
        let found = match attempted_at {
            Some(since) => match self.0.slack.find_posted(channel, since, &part).await {
                // Without the right to read the history it may stand there twice.
                Err(Error { class: Class::MissingScope { .. } | Class::Refused, .. }) => Ok(None),
                found => found,
            },
            None => Ok(None),
        };
        let posted = match found {
            Ok(Some(posted)) => Ok(posted),
            Ok(None) => self.post_anchor(channel, &part, &name, &head).await,
            Err(error) => Err(error),
        };
        match posted {
            Ok(Posted { channel, ts }) => {
                engine.log_anchor(&name, &head, (&channel, &ts)).await?;
                *shown() = Some(day);
                tracing::info!(seq = head.seq, "the head of the ledger is shown");
                metrics::counter!("ledger_anchors_total", "result" => "shown").increment(1);
                Ok(true)
            }
            Err(error) => {
                tracing::warn!(%channel, %error, "the head of the ledger could not be shown; it is tried again");
                metrics::counter!("ledger_anchors_total", "result" => "failed").increment(1);
                Ok(false)
            }
        }
    }

    async fn post_anchor(
        &self,
        channel: &ChannelId,
        part: &MessageKey,
        day: &str,
        head: &Head,
    ) -> Result<Posted, Error> {
        let message = messages::ledger_anchor(day, head.seq, &head.hash);
        self.0.slack.post(channel.as_str(), &message, part, None).await
    }
}
