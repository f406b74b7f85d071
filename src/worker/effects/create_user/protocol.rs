//! Decides what follows from each answer of Marketo. Pure: from the stored progress, the answer and the time it derives
//! what to record, or that an invite has to be sent. It makes no calls.
//!
//! Every recorded result also says whether the change waits, and whether it may have been applied: the card and its
//! Cancel button follow from that.

use jiff::Timestamp;

use super::progress::{AttemptOutcome, NextStep, Progress};
use crate::{
    domain::{
        change::{CreateUser, CreatedUser},
        event::Event,
        request::{Failure, FailureKind, WaitCause, Waiting},
    },
    marketo::{Call, Class, Error, Identity, User},
    worker::{execution::Completion, retry},
    workflow::EffectResult,
};

/// After how many attempts the card says that the change waits.
const QUIET_ATTEMPTS: i64 = 3;
const NOT_LISTED: &str = "Marketo does not list the user yet";

/// One attempt to create a user.
#[derive(Clone, Copy, Debug)]
pub(super) struct ApplyContext<'a> {
    /// The effect's id.
    pub(super) id: &'a str,
    /// How many attempts there were, this one included.
    pub(super) attempts: i64,
    /// When the effect was enqueued.
    pub(super) created_at: Timestamp,
    /// The approved user.
    pub(super) user: &'a CreateUser,
    /// How the instance's user ids relate to emails.
    pub(super) identity: Identity,
}

/// A user with the email, as Marketo lists it.
#[derive(Clone, Debug)]
pub(super) struct LookupResult {
    pub(super) user: User,
    /// Whether another request has created it since this one's first attempt.
    pub(super) is_from_another_request: bool,
}

/// What follows from the answer to an invite.
#[derive(Debug)]
pub(super) enum InviteOutcome {
    /// Marketo confirmed the invite: read the user back.
    ReadBack(Progress),
    /// Record this; the attempt is over.
    Record(Completion),
}

impl ApplyContext<'_> {
    /// What follows from the lookup before an invite. `None`: store that an invite is about to be sent, then send it.
    pub(super) fn on_lookup(
        &self,
        progress: &mut Progress,
        now: Timestamp,
        found: Result<Option<LookupResult>, &Error>,
    ) -> Option<Completion> {
        Some(match found {
            Err(error) => self.on_error(progress, now, error),
            Ok(Some(found)) => self.on_found(progress, &found),
            Ok(None) => match progress.not_found(now) {
                NextStep::LookUpAgain => self.look_up_again(progress, now, NOT_LISTED),
                NextStep::AnnounceUnlisted => self.unlisted(),
                NextStep::GiveUp(message) => failed(FailureKind::Rejected, message, progress),
                NextStep::Invite if self.user.expiration.as_ref().is_some_and(|end| end.at() <= now) => {
                    failed(FailureKind::ExpirationPassed, String::new(), progress)
                }
                NextStep::Invite if progress.invites > 0 && retry::has_expired(self.created_at, now) => {
                    failed(FailureKind::Unavailable, String::new(), progress)
                }
                NextStep::Invite => return None,
            },
        })
    }

    /// What follows from the lookup on another instance before an invite. `None`: the email is free there.
    pub(super) fn on_lookup_elsewhere(
        &self,
        progress: &Progress,
        now: Timestamp,
        instance: &str,
        exists: Result<bool, &Error>,
    ) -> Option<Completion> {
        match exists {
            Ok(false) => None,
            Ok(true) => Some(failed(FailureKind::TakenElsewhere, instance.to_owned(), progress)),
            Err(error) => {
                let message = format!("{instance}: {}", error.message);
                Some(self.on_error(progress, now, &Error { message, ..error.clone() }))
            }
        }
    }

    /// What follows from the answer to an invite. `sent` is the progress stored before it, `before` the one before that.
    pub(super) fn on_invite(
        &self,
        before: &Progress,
        sent: &Progress,
        now: Timestamp,
        answer: Result<(), &Error>,
    ) -> InviteOutcome {
        let Err(error) = answer else {
            return InviteOutcome::ReadBack(sent.with_outcome(AttemptOutcome::Accepted));
        };
        // It may be refused because an earlier invite, whose answer was lost, was executed.
        let is_refused = error.call == Call::Invite && error.class == Class::Refused;
        InviteOutcome::Record(if is_refused && before.may_be_applied() {
            let refused = sent.with_outcome(AttemptOutcome::Refused(error.message.clone()));
            self.look_up_again(&refused, now, &error.to_string())
        } else if error.certainly_not_executed() {
            self.on_error(before, now, error)
        } else {
            self.look_up_again(sent, now, &error.to_string())
        })
    }

    /// What follows from the lookup after a confirmed invite.
    pub(super) fn on_read_back(
        &self,
        progress: &mut Progress,
        now: Timestamp,
        found: Result<Option<LookupResult>, &Error>,
    ) -> Completion {
        match found {
            Ok(Some(found)) => self.on_found(progress, &found),
            Ok(None) => {
                progress.not_found(now);
                self.look_up_again(progress, now, NOT_LISTED)
            }
            Err(error) => self.look_up_again(progress, now, &error.to_string()),
        }
    }

    /// A user with the email exists: ours, or another one.
    fn on_found(&self, progress: &Progress, found: &LookupResult) -> Completion {
        if !progress.may_be_applied() {
            return failed(FailureKind::Taken, String::new(), progress);
        }
        if found.is_from_another_request {
            let detail = "another request for this email was applied";
            return failed(FailureKind::Taken, detail.to_owned(), progress);
        }
        let differences = differences(self.user, &found.user);
        if differences.is_empty() {
            return Completion::with_event(Event::Applied(CreatedUser {
                user_id: Some(found.user.userid.clone()),
            }));
        }
        failed(FailureKind::Mismatch, differences.join("; "), progress)
    }

    /// Marketo has confirmed the user but does not list it: it counts as created.
    fn unlisted(&self) -> Completion {
        let user_id = (self.identity == Identity::Marketo).then(|| self.user.email.as_str().to_owned());
        Completion::with_event(Event::Applied(CreatedUser { user_id }))
    }

    /// Looks the user up again later.
    fn look_up_again(&self, progress: &Progress, now: Timestamp, error: &str) -> Completion {
        let due_at = retry::after(now, progress.delay(now));
        let wait = progress.waits_until(now).map(|until| (WaitCause::Unavailable, until));
        postponed(progress, due_at, error.to_owned(), wait)
    }

    /// A call failed without having been executed.
    fn on_error(&self, progress: &Progress, now: Timestamp, error: &Error) -> Completion {
        let permanent = match &error.class {
            Class::Denied => Some(FailureKind::AccessDenied),
            Class::Credentials => Some(FailureKind::Credentials),
            Class::NoSuchResource => Some(FailureKind::Configuration),
            // A lookup sends no values that could be rejected.
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
        if let Some(kind) = permanent {
            return failed(kind, error.message.clone(), progress);
        }
        let delay = retry::delay(self.id, self.attempts);
        let (until, cause) = match &error.class {
            Class::QuotaReached { resets_at } => {
                (retry::after((*resets_at).max(now), delay), Some(WaitCause::Quota))
            }
            Class::NotExecuted { retry_after: Some(after) } => (retry::after(now, delay.max(*after)), None),
            _ => (retry::after(now, delay), None),
        };
        let cause = cause.or((self.attempts >= QUIET_ATTEMPTS).then_some(WaitCause::Unavailable));
        postponed(progress, until, error.to_string(), cause.map(|cause| (cause, until)))
    }
}

/// The instance is no longer configured. If it comes back, a retry looks up what was attempted.
pub(super) fn instance_gone(progress: &Progress, instance: &str) -> Completion {
    failed(FailureKind::InstanceGone, instance.to_owned(), progress)
}

/// The same effect, later; `wait` is what the card shows until then.
fn postponed(
    progress: &Progress,
    due_at: Timestamp,
    error: String,
    wait: Option<(WaitCause, Timestamp)>,
) -> Completion {
    let may_be_applied = progress.may_be_applied();
    let event = wait
        .map_or(Event::Resumed, |(cause, until)| Event::Delayed(Waiting { cause, until, may_be_applied }));
    let result = EffectResult::Postponed { due_at, progress: Some(progress.text()), error };
    Completion::of(result, Some(event))
}

fn failed(kind: FailureKind, detail: String, progress: &Progress) -> Completion {
    // A taken email is not ours, whatever was attempted.
    let attempted_at = progress.attempted_at.filter(|_| kind != FailureKind::Taken);
    Completion::with_event(Event::ApplyFailed(Failure { kind, detail, attempted_at }))
}

/// How a user differs from what was approved, for the person who fixes it.
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
