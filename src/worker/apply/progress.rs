//! What the tries of an apply have left behind, and what follows when the user is not found. Pure.
//!
//! After an invite without an answer the user is looked for, for [`LOOK_FOR`], before another invite is sent, and
//! longer after each further one.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long the user is looked for after an invite without an answer, before another invite.
pub(super) const LOOK_FOR: SignedDuration = SignedDuration::from_secs(15);
/// The longest that it is looked for, after many invites without an answer: an instance in trouble is left alone.
const LOOK_FOR_AT_MOST: SignedDuration = SignedDuration::from_mins(5);
/// The longest pause between two looks: while people wait for the outcome, and once the card says that it waits.
const LOOK_EVERY: (u64, u64) = (5, 60);
/// How long a confirmed user is waited for until it is announced without its id.
const SHOWS_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// What the tries so far have left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// When the first invite that may have been carried out was sent.
    pub(super) attempted_at: Option<Timestamp>,
    /// The last invite that may have been carried out.
    pub(super) last: Option<Attempt>,
    /// How many invites were sent that may have been carried out.
    #[serde(default)]
    pub(super) sent: u32,
}

/// An invite that was sent, or was about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    outcome: AttemptOutcome,
    /// Since when it has been looked for. Counted from the first look, not from the invite: the invite may have
    /// hung, or the worker that sent it may have died.
    looked_since: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AttemptOutcome {
    /// No answer, or none that says anything.
    Unknown,
    /// Marketo said that it is done.
    Accepted,
    /// Marketo refused, with these words, but an earlier invite may have been carried out.
    Refused(String),
}

/// What to do when the user is not in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    Invite,
    LookAgain,
    /// Marketo confirmed it and does not show it.
    AnnounceUnseen,
    GiveUp(String),
}

impl Progress {
    /// What an effect begins with, given what its earlier tries have written down, and when an earlier effect made an
    /// attempt whose outcome is not known. That attempt is looked for as one of our own is, before another invite.
    pub(super) fn of(written: Option<&str>, attempted_at: Option<Timestamp>) -> Self {
        written.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| Self {
            attempted_at,
            last: attempted_at.map(|_| Attempt { outcome: AttemptOutcome::Unknown, looked_since: None }),
            sent: attempted_at.map_or(0, |_| 1),
        })
    }

    /// As it is written down.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether an invite may have been carried out.
    pub(super) fn may_be_applied(&self) -> bool {
        self.attempted_at.is_some()
    }

    /// Until when people are told that Marketo is waited for, after more than one invite without an answer.
    pub(super) fn waits_until(&self, now: Timestamp) -> Option<Timestamp> {
        let last =
            self.last.as_ref().filter(|last| last.outcome == AttemptOutcome::Unknown && self.sent > 1)?;
        Some(last.looked_since.unwrap_or(now).checked_add(self.look_for()).unwrap_or(Timestamp::MAX))
    }

    /// What follows from not finding the user at `now`.
    pub(super) fn not_found(&mut self, now: Timestamp) -> NextStep {
        let look_for = self.look_for();
        let Some(last) = &mut self.last else { return NextStep::Invite };
        let looked_for = now.duration_since(*last.looked_since.get_or_insert(now));
        match &last.outcome {
            AttemptOutcome::Unknown if looked_for >= look_for => NextStep::Invite,
            AttemptOutcome::Accepted if looked_for >= SHOWS_WITHIN => NextStep::AnnounceUnseen,
            AttemptOutcome::Refused(words) if looked_for >= SHOWS_WITHIN => NextStep::GiveUp(words.clone()),
            AttemptOutcome::Unknown | AttemptOutcome::Accepted | AttemptOutcome::Refused(_) => {
                NextStep::LookAgain
            }
        }
    }

    /// How long the user is looked for after the last invite, should it stay without an answer.
    fn look_for(&self) -> SignedDuration {
        let doublings = self.sent.saturating_sub(1).min(10);
        LOOK_FOR.saturating_mul(2_i32.saturating_pow(doublings)).min(LOOK_FOR_AT_MOST)
    }

    /// The pause before the next look: as long as it has been looked for, within limits.
    pub(super) fn pause(&self, now: Timestamp) -> Duration {
        let since = self.last.as_ref().and_then(|last| last.looked_since);
        let since = since.map_or(0, |since| now.duration_since(since).as_secs());
        let is_unknown = self.last.as_ref().is_some_and(|last| last.outcome == AttemptOutcome::Unknown);
        let longest = if is_unknown && self.sent > 1 { LOOK_EVERY.1 } else { LOOK_EVERY.0 };
        Duration::from_secs(u64::try_from(since).unwrap_or(0).clamp(1, longest))
    }

    /// Writes an invite at `now` into the progress, before it is sent.
    pub(super) fn attempt(&self, now: Timestamp) -> Self {
        Self {
            attempted_at: self.attempted_at.or(Some(now)),
            last: Some(Attempt { outcome: AttemptOutcome::Unknown, looked_since: None }),
            sent: self.sent.saturating_add(1),
        }
    }

    pub(super) fn with(&self, outcome: AttemptOutcome) -> Self {
        Self { last: Some(Attempt { outcome, looked_since: None }), ..self.clone() }
    }
}
