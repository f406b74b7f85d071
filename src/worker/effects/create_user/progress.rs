//! What the attempts of an effect leave behind for the next one, and what follows if the user is not found. Pure.
//!
//! After an invite without an answer, the user is looked up for [`MIN_LOOKUP_TIME`] before another invite is sent, and
//! for longer after each further one.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long the user is looked up after the first invite without an answer.
pub(super) const MIN_LOOKUP_TIME: SignedDuration = SignedDuration::from_secs(15);
/// How often the user is looked up at least after an invite without an answer.
const MIN_LOOKUPS: u32 = 3;
/// How long the user is looked up after many invites without an answer: a struggling instance is spared.
const MAX_LOOKUP_TIME: SignedDuration = SignedDuration::from_mins(5);
/// The longest delay between two lookups, in seconds, while people wait for the outcome.
const MAX_LOOKUP_DELAY: u64 = 5;
/// The longest delay between two lookups, in seconds, once the card says that the change waits.
const MAX_LOOKUP_DELAY_WAITING: u64 = 60;
/// How long a user is looked up after Marketo refused it, or lists it without showing more of it.
pub(super) const LISTED_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// How long a confirmed user is looked up before it is announced as it was approved. It is announced within a minute.
const ANNOUNCED_AFTER: SignedDuration = SignedDuration::from_secs(45);
/// After how many invites in a row that were answered without a reason the answer is believed.
const MAX_UNEXPLAINED: u32 = 3;

/// What the attempts so far have left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// When the first invite that may have been executed was sent.
    pub(super) attempted_at: Option<Timestamp>,
    /// The last invite that may have been executed.
    #[serde(rename = "last")]
    pub(super) last_invite: Option<Invite>,
    /// How many invites that may have been executed were sent.
    #[serde(rename = "sent", default)]
    pub(super) invites: u32,
    /// The last invites, if they were answered without a documented reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unexplained: Option<Unexplained>,
}

/// Invites in a row that were answered, but neither confirmed nor refused as Adobe documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unexplained {
    times: u32,
    /// Marketo's last words.
    words: String,
}

/// An invite that was sent, or was about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Invite {
    outcome: AttemptOutcome,
    /// When the lookups began. Counted from the first lookup, not from the invite: the invite may have hung, or its
    /// worker may have died.
    #[serde(rename = "looked_since")]
    lookups_began_at: Option<Timestamp>,
    /// How many lookups there were since, so that a clock that is set forward does not stand for them.
    #[serde(default, skip_serializing_if = "is_zero")]
    lookups: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AttemptOutcome {
    /// No answer, or one that does not say.
    Unknown,
    /// Marketo confirmed the invite.
    Accepted,
    /// Marketo refused with this message, but an earlier invite may have been executed.
    Refused(String),
}

/// What to do if the user is not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    Invite,
    LookUpAgain,
    /// Marketo refused the invite in these words.
    Refused(String),
    /// Marketo answered several invites in these words, without a documented reason.
    Declined(String),
}

impl Progress {
    /// The progress with which an attempt starts: what the effect's earlier attempts stored, or the attempt of an earlier
    /// effect at `attempted_at`. The latter is looked up like our own before another invite.
    pub(super) fn of(stored: Option<&str>, attempted_at: Option<Timestamp>) -> Self {
        stored.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| Self {
            attempted_at,
            last_invite: attempted_at.map(|_| Invite {
                outcome: AttemptOutcome::Unknown,
                lookups_began_at: None,
                lookups: 0,
            }),
            invites: attempted_at.map_or(0, |_| 1),
            unexplained: None,
        })
    }

    /// The stored form.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether an invite may have been executed.
    pub(super) fn may_be_applied(&self) -> bool {
        self.attempted_at.is_some()
    }

    /// Until when the card says that the change waits; `None` before the second invite without an answer.
    pub(super) fn waits_until(&self, now: Timestamp) -> Option<Timestamp> {
        let last = self
            .last_invite
            .as_ref()
            .filter(|last| last.outcome == AttemptOutcome::Unknown && self.invites > 1)
            .filter(|_| self.unexplained.is_none())?;
        let began_at = last.lookups_began_at.unwrap_or(now);
        Some(began_at.checked_add(self.lookup_time()).unwrap_or(Timestamp::MAX))
    }

    /// Whether Marketo confirmed the last invite.
    pub(super) fn is_confirmed(&self) -> bool {
        self.last_invite.as_ref().is_some_and(|last| last.outcome == AttemptOutcome::Accepted)
    }

    /// Counts a lookup at `now`. Returns for how long the user has been looked up since the last invite.
    pub(super) fn looked(&mut self, now: Timestamp) -> SignedDuration {
        let Some(last) = &mut self.last_invite else { return SignedDuration::ZERO };
        // A clock that was set back would make the lookups last until it has caught up.
        let began_at = last.lookups_began_at.map_or(now, |began_at| began_at.min(now));
        last.lookups_began_at = Some(began_at);
        last.lookups = last.lookups.saturating_add(1);
        now.duration_since(began_at)
    }

    /// Whether a confirmed user that was looked up for this long is announced, whatever the lookups say.
    pub(super) fn is_announced_after(elapsed: SignedDuration) -> bool {
        elapsed >= ANNOUNCED_AFTER
    }

    /// What follows if the user is not found at `now`, and the last invite was not confirmed.
    pub(super) fn not_found(&mut self, now: Timestamp) -> NextStep {
        let (lookup_time, elapsed) = (self.lookup_time(), self.looked(now));
        let Some(last) = &self.last_invite else { return NextStep::Invite };
        let is_enough = last.lookups >= MIN_LOOKUPS;
        match &last.outcome {
            AttemptOutcome::Unknown if is_enough && elapsed >= lookup_time => match &self.unexplained {
                Some(unexplained) if unexplained.times >= MAX_UNEXPLAINED => {
                    NextStep::Declined(unexplained.words.clone())
                }
                _ => NextStep::Invite,
            },
            AttemptOutcome::Refused(words) if elapsed >= LISTED_WITHIN => NextStep::Refused(words.clone()),
            AttemptOutcome::Unknown | AttemptOutcome::Accepted | AttemptOutcome::Refused(_) => {
                NextStep::LookUpAgain
            }
        }
    }

    /// How long the user is looked up after the last invite if that gets no answer.
    fn lookup_time(&self) -> SignedDuration {
        let doublings = self.invites.saturating_sub(1).min(10);
        MIN_LOOKUP_TIME.saturating_mul(2_i32.saturating_pow(doublings)).min(MAX_LOOKUP_TIME)
    }

    /// The delay before the next lookup: as long as the lookups have taken so far, within limits.
    pub(super) fn delay(&self, now: Timestamp) -> Duration {
        let began_at = self.last_invite.as_ref().and_then(|last| last.lookups_began_at);
        let elapsed = began_at.map_or(0, |began_at| now.duration_since(began_at).as_secs());
        let is_unknown =
            self.last_invite.as_ref().is_some_and(|last| last.outcome == AttemptOutcome::Unknown);
        let max = if is_unknown && self.invites > 1 { MAX_LOOKUP_DELAY_WAITING } else { MAX_LOOKUP_DELAY };
        Duration::from_secs(u64::try_from(elapsed).unwrap_or(0).clamp(1, max))
    }

    /// The progress with an invite at `now`, to be stored before it is sent.
    pub(super) fn with_invite(&self, now: Timestamp) -> Self {
        Self {
            attempted_at: self.attempted_at.or(Some(now)),
            last_invite: Some(Invite {
                outcome: AttemptOutcome::Unknown,
                lookups_began_at: None,
                lookups: 0,
            }),
            invites: self.invites.saturating_add(1),
            unexplained: self.unexplained.clone(),
        }
    }

    /// The progress after an invite without an answer, or with one that says that Marketo is in trouble.
    pub(super) fn without_answer(&self) -> Self {
        Self { unexplained: None, ..self.clone() }
    }

    /// The progress after an invite that was answered in these words, without a documented reason.
    pub(super) fn with_unexplained(&self, words: String) -> Self {
        let times = self.unexplained.as_ref().map_or(0, |before| before.times).saturating_add(1);
        Self { unexplained: Some(Unexplained { times, words }), ..self.clone() }
    }

    /// The progress with the outcome of the last invite.
    pub(super) fn with_outcome(&self, outcome: AttemptOutcome) -> Self {
        Self { last_invite: Some(Invite { outcome, lookups_began_at: None, lookups: 0 }), ..self.clone() }
    }
}
