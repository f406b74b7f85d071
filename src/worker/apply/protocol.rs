//! What follows from each answer of Marketo while a change is carried out. Pure: given what was written down, the
//! answer and the time, it says what to record, or that an invite is to be sent. The calls are made elsewhere.
//!
//! Whatever is recorded says as well whether the request waits, and whether the change may have been carried out: the
//! card, and whether it can be cancelled, follow from that.

use jiff::Timestamp;

use super::progress::{AttemptOutcome, NextStep, Progress};
use crate::{
    domain::{
        change::{CreateUser, CreatedUser},
        event::Event,
        request::{Failure, FailureKind, WaitCause, Waiting},
    },
    marketo::{Call, Class, Error, Identity, User},
    worker::{Completion, retry},
    workflow::EffectResult,
};

/// The tries after which the card says that it waits.
const QUIET_TRIES: i64 = 3;
const NOT_THERE: &str = "the user does not show yet";

/// One try to carry a change out.
#[derive(Clone, Copy, Debug)]
pub(super) struct ApplyContext<'a> {
    /// The effect's id.
    pub(super) id: &'a str,
    /// How often it was begun, this time included.
    pub(super) attempts: i64,
    /// When it was decided.
    pub(super) created_at: Timestamp,
    /// What was approved.
    pub(super) user: &'a CreateUser,
    /// How a user id relates to an e-mail on the instance.
    pub(super) identity: Identity,
}

/// A user with the e-mail, as Marketo shows it.
#[derive(Clone, Debug)]
pub(super) struct LookupResult {
    pub(super) user: User,
    /// Whether another request has made it since this one's first attempt.
    pub(super) is_anothers: bool,
}

/// What follows from the answer to an invite.
#[derive(Debug)]
pub(super) enum InviteOutcome {
    /// Marketo said yes: read the user back.
    ReadBack(Progress),
    /// Record this; the try is over.
    Record(Completion),
}

impl ApplyContext<'_> {
    /// What follows from the look before an invite; nothing: write down that an invite is about to be sent, then send
    /// it.
    pub(super) fn on_lookup(
        &self,
        progress: &mut Progress,
        now: Timestamp,
        found: Result<Option<LookupResult>, &Error>,
    ) -> Option<Completion> {
        Some(match found {
            Err(error) => self.on_error(progress, now, error),
            Ok(Some(found)) => self.found(progress, &found),
            Ok(None) => match progress.not_found(now) {
                NextStep::LookAgain => self.look_again(progress, now, NOT_THERE),
                NextStep::AnnounceUnseen => self.unseen(),
                NextStep::GiveUp(words) => failed(FailureKind::Rejected, words, progress),
                NextStep::Invite if self.user.expiration.as_ref().is_some_and(|end| end.at() <= now) => {
                    failed(FailureKind::ExpirationPassed, String::new(), progress)
                }
                NextStep::Invite if progress.sent > 0 && retry::has_expired(self.created_at, now) => {
                    failed(FailureKind::Unavailable, String::new(), progress)
                }
                NextStep::Invite => return None,
            },
        })
    }

    /// What follows from the look on another instance before an invite; nothing: the e-mail is free there.
    pub(super) fn on_lookup_elsewhere(
        &self,
        progress: &Progress,
        now: Timestamp,
        instance: &str,
        is_there: Result<bool, &Error>,
    ) -> Option<Completion> {
        match is_there {
            Ok(false) => None,
            Ok(true) => Some(failed(FailureKind::TakenElsewhere, instance.to_owned(), progress)),
            Err(error) => {
                let words = format!("{instance}: {}", error.message);
                Some(self.on_error(progress, now, &Error { message: words, ..error.clone() }))
            }
        }
    }

    /// What follows from the answer to an invite. `sent` was written down before it, `before` is what was known until
    /// then.
    pub(super) fn on_invite(
        &self,
        before: &Progress,
        sent: &Progress,
        now: Timestamp,
        answer: Result<(), &Error>,
    ) -> InviteOutcome {
        let Err(error) = answer else { return InviteOutcome::ReadBack(sent.with(AttemptOutcome::Accepted)) };
        // It may have been refused because an earlier invite, whose answer was lost, did its work.
        let is_refused = error.call == Call::Invite && error.class == Class::Refused;
        InviteOutcome::Record(if is_refused && before.may_be_applied() {
            let refused = sent.with(AttemptOutcome::Refused(error.message.clone()));
            self.look_again(&refused, now, &error.to_string())
        } else if error.certainly_not_executed() {
            self.on_error(before, now, error)
        } else {
            self.look_again(sent, now, &error.to_string())
        })
    }

    /// What follows from the look after a confirmed invite.
    pub(super) fn on_read_back(
        &self,
        progress: &mut Progress,
        now: Timestamp,
        found: Result<Option<LookupResult>, &Error>,
    ) -> Completion {
        match found {
            Ok(Some(found)) => self.found(progress, &found),
            Ok(None) => {
                progress.not_found(now);
                self.look_again(progress, now, NOT_THERE)
            }
            Err(error) => self.look_again(progress, now, &error.to_string()),
        }
    }

    /// A user with the e-mail is there: ours, or somebody else's.
    fn found(&self, progress: &Progress, found: &LookupResult) -> Completion {
        if !progress.may_be_applied() {
            return failed(FailureKind::Taken, String::new(), progress);
        }
        if found.is_anothers {
            let whose = "another request for this e-mail was carried out meanwhile";
            return failed(FailureKind::Taken, whose.to_owned(), progress);
        }
        let differences = differences(self.user, &found.user);
        if differences.is_empty() {
            return Completion::with(Event::Applied(CreatedUser {
                user_id: Some(found.user.userid.clone()),
            }));
        }
        failed(FailureKind::Mismatch, differences.join("; "), progress)
    }

    /// Marketo confirmed the user but does not show it: it is created all the same.
    fn unseen(&self) -> Completion {
        let user_id = (self.identity == Identity::Marketo).then(|| self.user.email.as_str().to_owned());
        Completion::with(Event::Applied(CreatedUser { user_id }))
    }

    /// Looks again after a pause.
    fn look_again(&self, progress: &Progress, now: Timestamp, why: &str) -> Completion {
        let due_at = retry::after(now, progress.pause(now));
        let waits = progress.waits_until(now).map(|until| (WaitCause::Unavailable, until));
        later(progress, due_at, why.to_owned(), waits)
    }

    /// A call failed without anything having been carried out by it.
    fn on_error(&self, progress: &Progress, now: Timestamp, error: &Error) -> Completion {
        let definite = match &error.class {
            Class::Denied => Some(FailureKind::AccessDenied),
            Class::Credentials => Some(FailureKind::Credentials),
            Class::NoSuchResource => Some(FailureKind::Configuration),
            // A look has no values that could be at fault.
            Class::Refused if error.call == Call::Invite => Some(FailureKind::Rejected),
            Class::Refused
            | Class::NotExecuted { .. }
            | Class::QuotaReached { .. }
            | Class::Unknown
            | Class::Unreachable
            | Class::Subscription
            | Class::Unreadable => {
                retry::has_expired(self.created_at, now).then_some(FailureKind::Unavailable)
            }
        };
        if let Some(kind) = definite {
            return failed(kind, error.message.clone(), progress);
        }
        let pause = retry::delay(self.id, self.attempts);
        let (until, cause) = match &error.class {
            Class::QuotaReached { resets_at } => {
                (retry::after((*resets_at).max(now), pause), Some(WaitCause::Quota))
            }
            Class::NotExecuted { retry_after: Some(after) } => (retry::after(now, pause.max(*after)), None),
            _ => (retry::after(now, pause), None),
        };
        let cause = cause.or((self.attempts >= QUIET_TRIES).then_some(WaitCause::Unavailable));
        later(progress, until, error.to_string(), cause.map(|cause| (cause, until)))
    }
}

/// The instance is not configured any more. What was attempted there is looked for if it comes back.
pub(super) fn instance_gone(progress: &Progress, instance: &str) -> Completion {
    failed(FailureKind::InstanceGone, instance.to_owned(), progress)
}

/// The same effect, later; with what people are told meanwhile.
fn later(
    progress: &Progress,
    due_at: Timestamp,
    error: String,
    waits: Option<(WaitCause, Timestamp)>,
) -> Completion {
    let may_be_applied = progress.may_be_applied();
    let event = waits
        .map_or(Event::Resumed, |(cause, until)| Event::Delayed(Waiting { cause, until, may_be_applied }));
    let settlement = EffectResult::Postponed { due_at, progress: Some(progress.text()), error };
    Completion::of(settlement, Some(event))
}

fn failed(kind: FailureKind, detail: String, progress: &Progress) -> Completion {
    // What is taken is not ours, whatever was attempted.
    let attempted_at = progress.attempted_at.filter(|_| kind != FailureKind::Taken);
    Completion::with(Event::ApplyFailed(Failure { kind, detail, attempted_at }))
}

/// In what a found user differs from what was approved, as facts for whoever sorts it out.
fn differences(user: &CreateUser, found: &User) -> Vec<&'static str> {
    let mut differences = Vec::new();
    if !found.api_only {
        differences.push("the user in Marketo is not API-only");
    }
    if found.first_name.trim() != user.first_name.as_str()
        || found.last_name.trim() != user.last_name.as_str()
    {
        differences.push("the user in Marketo has another name");
    }
    differences
}
