//! The ledger entries: their names, their actors and what they contain.
//!
//! | entry | actor | when |
//! | --- | --- | --- |
//! | `submitted` | the requester | a form was accepted; with the rule that matched |
//! | `approved`, `agreed`, `denied`, `cancelled`, `edited`, `retried`, `asked_again` | the person who acted | an action was accepted; with the revision |
//! | `refused` | the person who acted or submitted | it was refused; with the reason, or with a number beyond the limit of a minute |
//! | `calling`, `called` | the bot | a call that changes something in Marketo is about to be made, and its outcome |
//! | `applied`, `not_applied`, `waits`, `resumed` | the bot | the change was applied, failed, waits, or no longer waits |
//! | `timed_out`, `reminded`, `escalated`, `escalation_ended`, `card_lost` | the bot, or the person whose action came after the timeout | wake-ups, and the card |
//! | `configuration` | the bot | it started with other settings, or another version, than before |
//! | `anchored` | the bot | the head of the ledger was posted |
//! | `clock_set_back` | the bot | times are earlier from here on (added by the store) |
//!
//! The last three, and refused actions on unknown requests, belong to no request.

use serde_json::json;

use super::{StoreError, Workflow};
use crate::{
    domain::{
        decide::Refusal,
        digest,
        effect::Effect,
        event::Action,
        people::{ChannelId, RequestId, UserId},
        request::Request,
    },
    store::{BOT, Claimed, Head, NO_REQUEST, NewLedgerEntry, Tx, with_timeout},
};

/// The longest id of an unknown request that is logged, in characters.
const ID_MAX: usize = 64;

/// A call that changes something in Marketo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallAttempt {
    /// The name of the call.
    pub call: &'static str,
    /// The instance.
    pub instance: String,
    /// How many such calls the effect has made, this one included.
    pub attempt: u32,
    /// The digest of the body.
    pub sha256: String,
}

/// The outcome of a call that changes something in Marketo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOutcome {
    /// The call.
    pub sent: CallAttempt,
    /// `accepted`, or the error class.
    pub outcome: &'static str,
    /// The HTTP status, if there was a response.
    pub status: Option<u16>,
    /// Marketo's error code, if the response had one.
    pub code: Option<i64>,
}

impl Workflow {
    /// Saves the effects and the ledger entry of a decision, which always go together.
    pub(super) async fn enqueue_and_log(
        &self,
        tx: &mut Tx,
        request: &Request,
        entry: &str,
        actor: &str,
        body: serde_json::Value,
        effects: &[Effect],
    ) -> Result<(), StoreError> {
        tx.enqueue(request, effects, self.clock.now(), || self.clock.new_id()).await?;
        self.append_log(tx, &request.id, actor, entry, &body).await
    }

    /// Logs a refused action.
    pub(super) async fn log_refused_action(
        &self,
        tx: &mut Tx,
        request: &Request,
        by: &UserId,
        action: &str,
        why: &Refusal,
    ) -> Result<(), StoreError> {
        let body = json!({ "press": action, "why": why.name(), "revision": request.revision });
        self.log_refusal(tx, &request.id, by, &body).await
    }

    /// Logs an action on an unknown request.
    pub(super) async fn log_unknown_request(
        &self,
        tx: &mut Tx,
        id: &RequestId,
        by: &UserId,
        action: &Action,
    ) -> Result<(), StoreError> {
        let named: String = id.as_str().chars().take(ID_MAX).collect();
        let body = json!({ "press": action.name(), "why": Refusal::UnknownRequest.name(), "named": named });
        self.log_refusal(tx, &no_request(), by, &body).await
    }

    /// Logs a submission that conflicts with an open request.
    pub(super) async fn log_refused_submission(
        &self,
        tx: &mut Tx,
        request: &Request,
    ) -> Result<(), StoreError> {
        let sha256 = digest::of_json(&json!(request.change));
        let body = json!({ "press": "submit", "why": Refusal::AnotherIsOpen.name(), "asked_sha256": sha256 });
        self.log_refusal(tx, &no_request(), &request.requester, &body).await
    }

    /// Saves, under the effect's lease, that a call is about to be made. False if the lease is lost: then the call must not
    /// be made.
    ///
    /// # Errors
    /// When the database fails; then the call must not be made either.
    pub async fn record_attempt(
        &self,
        claimed: &Claimed,
        progress: &str,
        lease: std::time::Duration,
        call: &CallAttempt,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        if !tx.save_progress(&claimed.lease, &claimed.effect.id, progress, now, lease).await? {
            return Ok(false);
        }
        self.append_log(&mut tx, &claimed.request.id, BOT, "calling", &call.body()).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Logs the outcome of a call.
    pub(super) async fn log_call_outcome(
        &self,
        tx: &mut Tx,
        request: &RequestId,
        outcome: &CallOutcome,
    ) -> Result<(), StoreError> {
        let mut body = outcome.sent.body();
        body["outcome"] = json!(outcome.outcome);
        body["status"] = json!(outcome.status);
        body["code"] = json!(outcome.code);
        self.append_log(tx, request, BOT, "called", &body).await
    }

    /// Logs the configuration of the bot, unless it is the one that was logged last, by any replica. With another one, what
    /// is due for open requests and what their messages say may have changed: it is worked out anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_configuration(&self, body: &serde_json::Value) -> Result<(), StoreError> {
        const NAME: &str = "configuration";
        with_timeout(async {
            let mut tx = self.store.begin().await?;
            if tx.last_of_none(NAME).await?.as_deref() == Some(&body.to_string()) {
                return Ok(());
            }
            self.refresh_open_requests(&mut tx).await?;
            self.append_log(&mut tx, &no_request(), BOT, NAME, body).await?;
            tx.commit().await
        })
        .await
    }

    /// Saves and logs where the head of the ledger was posted on `day`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_anchor(
        &self,
        day: &str,
        head: &Head,
        place: (&ChannelId, &str),
    ) -> Result<(), StoreError> {
        with_timeout(async {
            let mut tx = self.store.begin().await?;
            if tx.note_anchor(day, place).await? {
                let (channel, ts) = place;
                let Head { seq, hash } = head;
                let body = json!({ "day": day, "seq": seq, "hash": hash, "channel": channel, "ts": ts });
                self.append_log(&mut tx, &no_request(), BOT, "anchored", &body).await?;
            }
            tx.commit().await
        })
        .await
    }

    pub(super) async fn append_log(
        &self,
        tx: &mut Tx,
        request: &RequestId,
        actor: &str,
        name: &str,
        body: &serde_json::Value,
    ) -> Result<(), StoreError> {
        let body = body.to_string();
        tx.append(&NewLedgerEntry { at: self.clock.now(), request, actor, name, body: &body }).await
    }
}

impl CallAttempt {
    fn body(&self) -> serde_json::Value {
        let Self { call, instance, attempt, sha256 } = self;
        json!({ "call": call, "instance": instance, "attempt": attempt, "body_sha256": sha256 })
    }
}

pub(super) fn no_request() -> RequestId {
    RequestId(NO_REQUEST.to_owned())
}
