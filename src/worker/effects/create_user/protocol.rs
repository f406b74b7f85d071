//! Decides what follows from each answer of Marketo. Pure: from the stored progress, the answer and the time it derives
//! what to record, or that an invite has to be sent. It makes no calls.
//!
//! Every recorded result also says whether the change waits, and whether it may have been applied: the card and its
//! Cancel button follow from that.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    comparison::Comparison,
    progress::{AttemptOutcome, LISTED_WITHIN, MIN_LOOKUP_TIME, NextStep, Progress},
};
use crate::{
    domain::{
        change::{CreateUser, CreatedUser, Detail, Difference},
        event::Event,
        request::{Failure, FailureKind, WaitCause, Waiting},
    },
    marketo::{Call, Class, Error, Identity, User, UserDetails},
    worker::{execution::Completion, retry},
    workflow::EffectResult,
};

/// After how many attempts the card says that the change waits.
const QUIET_ATTEMPTS: i64 = 3;
/// A longer wait is shown on the card at once.
const QUIET_WAIT: Duration = Duration::from_secs(30);
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

/// A user with the email, as Marketo shows it.
#[derive(Clone, Debug)]
pub(super) struct LookupResult {
    /// As Marketo lists it: by its email or, if no user has it, by its login.
    pub(super) user: User,
    /// What the user may do. Only read if it may be ours, and Marketo has not confirmed it.
    pub(super) details: Option<Result<UserDetails, Error>>,
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
        if progress.is_confirmed() {
            return Some(self.on_read_back(progress, now, found));
        }
        Some(match found {
            Err(error) => self.on_error(progress, now, error),
            Ok(Some(found)) => self.on_found(progress, now, &found),
            Ok(None) => match progress.not_found(now) {
                NextStep::LookUpAgain => self.look_up_again(progress, now, NOT_LISTED),
                NextStep::Refused(words) => failed(FailureKind::Rejected, words, progress),
                NextStep::Declined(words) => failed(FailureKind::Declined, words, progress),
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
        let is_refused = error.call == Call::Invite && error.class == Class::Refused;
        let is_unexplained = matches!(error.class, Class::Unexplained | Class::Unreadable);
        InviteOutcome::Record(if is_refused && before.may_be_applied() {
            // It may be refused because an earlier invite, whose answer was lost, was executed.
            let refused = sent.with_outcome(AttemptOutcome::Refused(words(error)));
            self.look_up_again(&refused, now, &error.to_string())
        } else if error.certainly_not_executed() {
            self.on_error(before, now, error)
        } else if is_unexplained {
            self.look_up_again(&sent.with_unexplained(words(error)), now, &error.to_string())
        } else {
            self.look_up_again(&sent.without_answer(), now, &error.to_string())
        })
    }

    /// What follows from a lookup after a confirmed invite. The user is created, whatever the lookup says; what it shows
    /// otherwise than approved is a note.
    pub(super) fn on_read_back(
        &self,
        progress: &mut Progress,
        now: Timestamp,
        found: Result<Option<LookupResult>, &Error>,
    ) -> Completion {
        let is_over = Progress::is_announced_after(progress.looked(now));
        match found {
            Ok(Some(found)) if found.user.has_email(self.user.email.as_str()) => {
                let comparison = Comparison::of(self.user, &found.user, None);
                // The flag may be shown a few seconds late.
                if comparison.differs_in(Detail::ApiOnly) && !is_over {
                    return self.look_up_again(progress, now, "the user is not API-only yet");
                }
                created(&found.user, comparison)
            }
            Ok(_) if !is_over => self.look_up_again(progress, now, NOT_LISTED),
            // Another lookup would get the same answer, and each refused one sends a notification to Marketo's admins.
            Err(Error { class: Class::Denied | Class::Credentials | Class::QuotaReached { .. }, .. }) => {
                self.unlisted()
            }
            Err(error) if !is_over => self.look_up_again(progress, now, &error.to_string()),
            Ok(_) | Err(_) => self.unlisted(),
        }
    }

    /// A user with the email or the login exists: ours, or another one.
    fn on_found(&self, progress: &mut Progress, now: Timestamp, found: &LookupResult) -> Completion {
        if !found.user.has_email(self.user.email.as_str()) {
            return failed(FailureKind::LoginTaken, String::new(), progress);
        }
        if !progress.may_be_applied() {
            return failed(FailureKind::Taken, String::new(), progress);
        }
        if found.is_from_another_request {
            let detail = "another request for this email was applied";
            return failed(FailureKind::Taken, detail.to_owned(), progress);
        }
        let elapsed = progress.looked(now);
        let details = match &found.details {
            Some(Ok(details)) => details,
            Some(Err(error)) if matches!(error.class, Class::NoSuchResource | Class::Refused) => {
                return if elapsed < LISTED_WITHIN {
                    self.look_up_again(progress, now, &error.to_string())
                } else {
                    failed(FailureKind::Mismatch, words(error), progress)
                };
            }
            Some(Err(error)) => return self.on_error(progress, now, error),
            None => return self.look_up_again(progress, now, "the user's rights were not read"),
        };
        let comparison = Comparison::of(self.user, &found.user, Some(details));
        if comparison.is_acceptable() {
            return created(&found.user, comparison);
        }
        // A new user may be shown incompletely at first.
        if elapsed < MIN_LOOKUP_TIME {
            return self.look_up_again(progress, now, "the user differs from what was approved");
        }
        let differences = comparison.into_differences();
        let attempted_at = progress.attempted_at;
        let failure = Failure { differences, attempted_at, ..Failure::new(FailureKind::Mismatch) };
        Completion::with_event(Event::ApplyFailed(failure))
    }

    /// Marketo has confirmed the user but does not show it: it counts as created.
    fn unlisted(&self) -> Completion {
        let user_id = (self.identity == Identity::Marketo).then(|| self.user.email.as_str().to_owned());
        Completion::with_event(Event::Applied(CreatedUser::new(user_id)))
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
            | Class::Unexplained
            | Class::Unreachable
            | Class::TokenRejected
            | Class::Subscription
            | Class::Unreadable => {
                retry::has_expired(self.created_at, now).then_some(FailureKind::Unavailable)
            }
        };
        if let Some(kind) = permanent {
            return failed(kind, error.message.clone(), progress);
        }
        let delay = retry::delay(self.id, self.attempts);
        let (wait, cause) = match &error.class {
            Class::QuotaReached { resets_at } => {
                let remaining = Duration::try_from((*resets_at).max(now).duration_since(now));
                (delay.saturating_add(remaining.unwrap_or_default()), Some(WaitCause::Quota))
            }
            Class::NotExecuted { retry_after: Some(after) } => (delay.max(*after), None),
            _ => (delay, None),
        };
        let until = retry::after(now, wait);
        let is_shown = self.attempts >= QUIET_ATTEMPTS || wait > QUIET_WAIT;
        let cause = cause.or(is_shown.then_some(WaitCause::Unavailable));
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
    let is_taken = matches!(kind, FailureKind::Taken | FailureKind::LoginTaken);
    let attempted_at = progress.attempted_at.filter(|_| !is_taken);
    Completion::with_event(Event::ApplyFailed(Failure { detail, attempted_at, ..Failure::new(kind) }))
}

fn created(user: &User, comparison: Comparison) -> Completion {
    let user_id = Some(user.userid.clone()).filter(|id| !id.is_empty());
    let differences: Vec<Difference> = comparison.into_differences();
    Completion::with_event(Event::Applied(CreatedUser { user_id, differences }))
}

/// Marketo's words, or its HTTP status if it has none.
fn words(error: &Error) -> String {
    match error.status {
        Some(status) if error.message.is_empty() => format!("HTTP {status}"),
        _ => error.message.clone(),
    }
}
