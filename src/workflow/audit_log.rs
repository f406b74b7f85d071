//! What is entered into the ledger, by whom and under which name.
//!
//! | entry | who | when |
//! | --- | --- | --- |
//! | `submitted` | the requester | a form was taken; with the rule that holds for it |
//! | `approved`, `agreed`, `denied`, `cancelled`, `edited`, `retried` | whoever pressed | a press counted; with the revision |
//! | `refused` | whoever pressed or submitted | it counted for nothing; with the reason |
//! | `calling`, `called` | the bot | a call that changes something in Marketo is about to be made, and what became of it |
//! | `applied`, `not_applied`, `waits`, `resumed` | the bot | what became of the change |
//! | `timed_out`, `reminded`, `escalated`, `card_lost`, `card_gone` | the bot, or whose press showed it | time, and the card |
//! | `configuration` | the bot | it started with other settings, or another version, than before |
//! | `anchored` | the bot | the head of the ledger was shown in the channel for that |
//! | `clock_set_back` | the bot | times are earlier from here on (entered by the store) |
//!
//! The last three, and presses on requests that are not known, belong to no request.

use serde_json::json;

use super::{StoreError, Workflow};
use crate::{
    domain::{
        decide::Refusal,
        digest,
        effect::ScheduledEffect,
        event::Action,
        people::{ChannelId, RequestId, UserId},
        request::Request,
    },
    store::{BOT, Claimed, Head, NO_REQUEST, NewLedgerEntry, Tx, with_timeout},
};

/// The longest id of an unknown request that is entered.
const ID_MAX: usize = 64;

/// A call that changes something outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallAttempt {
    /// Its name.
    pub call: &'static str,
    /// The instance.
    pub instance: String,
    /// How many such calls there were for this effect, this one included.
    pub attempt: u32,
    /// The digest of what is sent.
    pub sha256: String,
}

/// What became of such a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOutcome {
    /// The call.
    pub sent: CallAttempt,
    /// In a word: `accepted`, or what went wrong.
    pub outcome: &'static str,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The instance's own code, if the answer had one.
    pub code: Option<i64>,
}

impl Workflow {
    /// The effects and the ledger entry, which always go together.
    pub(super) async fn enqueue_and_log(
        &self,
        tx: &mut Tx,
        request: &Request,
        entry: &str,
        actor: &str,
        body: serde_json::Value,
        effects: &[ScheduledEffect],
    ) -> Result<(), StoreError> {
        tx.enqueue(&request.id, effects, self.clock.now(), || self.clock.new_id()).await?;
        self.append_log(tx, &request.id, actor, entry, &body).await
    }

    /// A press that counts for nothing.
    pub(super) async fn log_refused_action(
        &self,
        tx: &mut Tx,
        request: &Request,
        by: &UserId,
        press: &str,
        why: &Refusal,
    ) -> Result<(), StoreError> {
        let body = json!({ "press": press, "why": why.name(), "revision": request.revision });
        self.append_log(tx, &request.id, by.as_str(), "refused", &body).await
    }

    /// A press on a request that is not known.
    pub(super) async fn log_unknown_request(
        &self,
        tx: &mut Tx,
        id: &RequestId,
        by: &UserId,
        press: &Action,
    ) -> Result<(), StoreError> {
        let named: String = id.as_str().chars().take(ID_MAX).collect();
        let body = json!({ "press": press.name(), "why": Refusal::UnknownRequest.name(), "named": named });
        self.append_log(tx, &no_request(), by.as_str(), "refused", &body).await
    }

    /// A submission for a user for whom another request is open.
    pub(super) async fn log_refused_submission(
        &self,
        tx: &mut Tx,
        request: &Request,
    ) -> Result<(), StoreError> {
        let asked = digest::of_json(&json!(request.change));
        let body = json!({ "press": "submit", "why": Refusal::AnotherIsOpen.name(), "asked_sha256": asked });
        self.append_log(tx, &no_request(), request.requester.as_str(), "refused", &body).await
    }

    /// Writes down, under the effect's lease, that a call is about to be made. False when the lease is lost: then it must
    /// not be made.
    ///
    /// # Errors
    /// When the database fails; then it must not be made either.
    pub async fn record_attempt(
        &self,
        claimed: &Claimed,
        progress: &str,
        lease: std::time::Duration,
        sent: &CallAttempt,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        if !tx.save_progress(&claimed.lease, &claimed.effect.id, progress, now, lease).await? {
            return Ok(false);
        }
        self.append_log(&mut tx, &claimed.request.id, BOT, "calling", &sent.body()).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// What became of a call.
    pub(super) async fn log_call_outcome(
        &self,
        tx: &mut Tx,
        request: &RequestId,
        called: &CallOutcome,
    ) -> Result<(), StoreError> {
        let mut body = called.sent.body();
        body["outcome"] = json!(called.outcome);
        body["status"] = json!(called.status);
        body["code"] = json!(called.code);
        self.append_log(tx, request, BOT, "called", &body).await
    }

    /// Enters with which configuration the bot works, unless it is the one that was entered last, by whichever replica.
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
            self.append_log(&mut tx, &no_request(), BOT, NAME, body).await?;
            tx.commit().await
        })
        .await
    }

    /// Writes down where the head of the ledger was shown on `day`.
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

    async fn append_log(
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

fn no_request() -> RequestId {
    RequestId(NO_REQUEST.to_owned())
}
