//! Carries an approved change out: at most one Marketo user, whatever happens in between.
//!
//! 1. Look: is there a user with this e-mail? Before our first attempt such a user is somebody else's; after
//!    an attempt it is ours, if it is what was approved.
//! 2. Write down that an invite is about to be sent, under the lease.
//! 3. Send the invite.
//! 4. Look again, with patience: a new user may show only after a while.
//!
//! After an invite without an answer step 1 is repeated for [`LOOK_FOR`] before another invite is sent, and longer
//! after each further one; after a day it is given up. No step waits inside: a later look is the same effect, due
//! later.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Dispatcher, Done, LEASE, Stop, retry};
use crate::{
    domain::{
        change::{Change, CreateUser, CreatedUser},
        event::Event,
        request::{Failure, FailureKind, WaitCause, Waiting},
    },
    engine::Settlement,
    marketo::{Call, Class, Error, Identity, InviteUser, User},
    store::Claimed,
};

/// How long the user is looked for after an invite without an answer, before another invite.
const LOOK_FOR: SignedDuration = SignedDuration::from_secs(15);
/// The longest that it is looked for, after many invites without an answer: an instance in trouble is left alone.
const LOOK_FOR_AT_MOST: SignedDuration = SignedDuration::from_mins(5);
/// The longest pause between two looks: while people wait for the outcome, and once the card says that it waits.
const LOOK_EVERY: (u64, u64) = (5, 60);
/// How long an invite may take, with everything that belongs to it: it must have ended before another worker can take
/// the lease over.
const INVITE_WITHIN: Duration = Duration::from_secs(25);
/// How long a confirmed user is waited for until it is announced without its id.
const SHOWS_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// The tries after which the card says that it waits.
const QUIET_TRIES: i64 = 3;

/// What the tries so far have left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// When the first invite that may have been carried out was sent.
    attempted_at: Option<Timestamp>,
    /// The last invite that may have been carried out.
    last: Option<Attempt>,
    /// How many invites were sent that may have been carried out.
    #[serde(default)]
    sent: u32,
}

/// An invite that was sent, or was about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    outcome: AttemptOutcome,
    /// Since when it has been looked for. Counted from the first look, not from the invite: the invite may have
    /// hung, or the worker that sent it may have died.
    looked_since: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AttemptOutcome {
    /// No answer, or none that says anything.
    Unknown,
    /// Marketo said that it is done.
    Accepted,
    /// Marketo refused, with these words, but an earlier invite may have been carried out.
    Refused(String),
}

/// What to do when the user is not in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    Invite,
    LookAgain,
    /// Marketo confirmed it and does not show it.
    AnnounceUnseen,
    GiveUp(String),
}

impl Progress {
    /// What follows from not finding the user at `now`.
    fn not_found(&mut self, now: Timestamp) -> Next {
        let look_for = self.look_for();
        let Some(last) = &mut self.last else { return Next::Invite };
        let looked_for = now.duration_since(*last.looked_since.get_or_insert(now));
        match &last.outcome {
            AttemptOutcome::Unknown if looked_for >= look_for => Next::Invite,
            AttemptOutcome::Accepted if looked_for >= SHOWS_WITHIN => Next::AnnounceUnseen,
            AttemptOutcome::Refused(words) if looked_for >= SHOWS_WITHIN => Next::GiveUp(words.clone()),
            AttemptOutcome::Unknown | AttemptOutcome::Accepted | AttemptOutcome::Refused(_) => {
                Next::LookAgain
            }
        }
    }

    /// How long the user is looked for after the last invite, should it stay without an answer.
    fn look_for(&self) -> SignedDuration {
        let doublings = self.sent.saturating_sub(1).min(10);
        LOOK_FOR.saturating_mul(2_i32.saturating_pow(doublings)).min(LOOK_FOR_AT_MOST)
    }

    /// The pause before the next look: as long as it has been looked for, within limits.
    fn pause(&self, now: Timestamp) -> Duration {
        let since = self.last.as_ref().and_then(|last| last.looked_since);
        let since = since.map_or(0, |since| now.duration_since(since).as_secs());
        let is_unknown = self.last.as_ref().is_some_and(|last| last.outcome == AttemptOutcome::Unknown);
        let longest = if is_unknown && self.sent > 1 { LOOK_EVERY.1 } else { LOOK_EVERY.0 };
        Duration::from_secs(u64::try_from(since).unwrap_or(0).clamp(1, longest))
    }

    /// Writes an invite at `now` into the progress, before it is sent.
    fn attempt(&self, now: Timestamp) -> Self {
        Self {
            attempted_at: self.attempted_at.or(Some(now)),
            last: Some(Attempt { outcome: AttemptOutcome::Unknown, looked_since: None }),
            sent: self.sent.saturating_add(1),
        }
    }

    fn with(&self, outcome: AttemptOutcome) -> Self {
        Self { last: Some(Attempt { outcome, looked_since: None }), ..self.clone() }
    }
}

impl Dispatcher {
    pub(super) async fn apply(
        &self,
        claimed: &Claimed,
        change: &Change,
        attempted_at: Option<Timestamp>,
    ) -> Result<Done, Stop> {
        let Change::CreateUser(user) = change;
        let progress = claimed.effect.progress.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let mut progress = progress.unwrap_or(Progress { attempted_at, last: None, sent: 0 });
        let found = match self.0.marketo.find_user(user.email.as_str()).await {
            Ok(found) => found,
            Err(error) => return Ok(self.trouble(claimed, &progress, &error)),
        };
        if let Some(found) = found {
            return Ok(self.found(claimed, &progress, user, found));
        }
        let now = self.0.clock.now();
        match progress.not_found(now) {
            Next::LookAgain => Ok(self.look_again(claimed, &progress, "the user does not show yet")),
            Next::AnnounceUnseen => Ok(self.unseen(claimed, user)),
            Next::GiveUp(words) => Ok(failed(FailureKind::Rejected, words, progress.attempted_at)),
            Next::Invite if user.expiration.as_ref().is_some_and(|expiration| expiration.at() <= now) => {
                Ok(failed(FailureKind::ExpirationPassed, String::new(), progress.attempted_at))
            }
            Next::Invite if progress.sent > 0 && retry::is_over(claimed.effect.created_at, now) => {
                tracing::warn!(request = %claimed.request.id, "not created: no invite was answered");
                Ok(failed(FailureKind::Unavailable, String::new(), progress.attempted_at))
            }
            Next::Invite => self.invite(claimed, &progress, user).await,
        }
    }

    async fn invite(&self, claimed: &Claimed, before: &Progress, user: &CreateUser) -> Result<Done, Stop> {
        let now = self.0.clock.now();
        let progress = before.attempt(now);
        let store = self.0.engine.store();
        if !store.note_progress(&claimed.lease, &claimed.effect.id, &text(&progress), now, LEASE).await? {
            return Err(Stop::LeaseLost);
        }
        tracing::info!(request = %claimed.request.id, attempts = claimed.effect.attempts, "inviting");
        let invited = tokio::time::timeout(INVITE_WITHIN, self.0.marketo.invite(&body(claimed, user))).await;
        match invited.unwrap_or_else(|_| Err(Error::timeout(Call::Invite))) {
            Ok(()) => {
                let mut progress = progress.with(AttemptOutcome::Accepted);
                match self.0.marketo.find_user(user.email.as_str()).await {
                    Ok(Some(found)) => Ok(self.found(claimed, &progress, user, found)),
                    Ok(None) => {
                        progress.not_found(self.0.clock.now());
                        Ok(self.look_again(claimed, &progress, "the user does not show yet"))
                    }
                    Err(error) => Ok(self.look_again(claimed, &progress, &error.to_string())),
                }
            }
            Err(error) if error.certainly_not_executed() => Ok(self.trouble(claimed, before, &error)),
            Err(error) if matches!(error.class, Class::Unknown | Class::Unreadable) => {
                let mut done = self.look_again(claimed, &progress, &error.to_string());
                if progress.sent > 1 {
                    let until = now.checked_add(progress.look_for()).unwrap_or(Timestamp::MAX);
                    done.event = Some(Event::Waits(Waiting { cause: WaitCause::Unavailable, until }));
                }
                Ok(done)
            }
            // It may have been refused because an earlier invite, whose answer was lost, did its work.
            Err(error) if before.attempted_at.is_some() && error.class == Class::Refused => {
                let progress = progress.with(AttemptOutcome::Refused(error.message.clone()));
                Ok(self.look_again(claimed, &progress, &error.to_string()))
            }
            Err(error) => Ok(self.trouble(claimed, before, &error)),
        }
    }

    /// A user with the e-mail is there: ours, or somebody else's.
    fn found(&self, claimed: &Claimed, progress: &Progress, user: &CreateUser, found: User) -> Done {
        self.0.instance.note_user(&user.email);
        if progress.attempted_at.is_none() {
            tracing::warn!(request = %claimed.request.id, "somebody else made a user with this e-mail");
            return failed(FailureKind::Taken, String::new(), None);
        }
        let differences = differences(user, &found);
        if differences.is_empty() {
            let seconds = self.0.clock.now().duration_since(claimed.effect.created_at).as_secs_f64();
            metrics::histogram!("create_user_seconds").record(seconds);
            tracing::info!(request = %claimed.request.id, "created");
            return Done::with(Event::Applied(CreatedUser { user_id: Some(found.userid) }));
        }
        tracing::warn!(request = %claimed.request.id, ?differences, "the user that was found is not what was approved");
        failed(FailureKind::Mismatch, differences.join("; "), progress.attempted_at)
    }

    /// Marketo confirmed the user but does not show it: it is created all the same.
    fn unseen(&self, claimed: &Claimed, user: &CreateUser) -> Done {
        self.0.instance.note_user(&user.email);
        tracing::warn!(request = %claimed.request.id, "created, but Marketo does not show the user yet");
        let user_id = (self.0.identity == Identity::Marketo).then(|| user.email.as_str().to_owned());
        Done::with(Event::Applied(CreatedUser { user_id }))
    }

    /// Looks again after a pause.
    fn look_again(&self, claimed: &Claimed, progress: &Progress, why: &str) -> Done {
        let now = self.0.clock.now();
        let due_at = retry::after(now, progress.pause(now));
        let error = why.to_owned();
        tracing::debug!(request = %claimed.request.id, %due_at, "looking again");
        Done { settlement: Settlement::Later { due_at, progress: Some(text(progress)), error }, event: None }
    }

    /// A call failed without anything having been carried out by it.
    fn trouble(&self, claimed: &Claimed, progress: &Progress, error: &Error) -> Done {
        let now = self.0.clock.now();
        let effect = &claimed.effect;
        let definite = match &error.class {
            Class::Denied => Some(FailureKind::AccessDenied),
            Class::Credentials => Some(FailureKind::Credentials),
            Class::NoSuchResource => Some(FailureKind::Configuration),
            Class::Refused => Some(FailureKind::Rejected),
            Class::NotExecuted { .. }
            | Class::QuotaReached { .. }
            | Class::Unknown
            | Class::Unreachable
            | Class::Subscription
            | Class::Unreadable => retry::is_over(effect.created_at, now).then_some(FailureKind::Unavailable),
        };
        if let Some(kind) = definite {
            tracing::warn!(request = %claimed.request.id, %error, "not created");
            return failed(kind, error.message.clone(), progress.attempted_at);
        }
        let pause = retry::pause(&effect.id, effect.attempts);
        let (until, cause) = match &error.class {
            Class::QuotaReached { resets_at } => {
                (retry::after((*resets_at).max(now), pause), Some(WaitCause::Quota))
            }
            Class::NotExecuted { retry_after: Some(after) } => (retry::after(now, pause.max(*after)), None),
            _ => (retry::after(now, pause), None),
        };
        let cause = cause.or((effect.attempts >= QUIET_TRIES).then_some(WaitCause::Unavailable));
        let event = cause.map(|cause| Event::Waits(Waiting { cause, until }));
        let (progress, error) = (Some(text(progress)), error.to_string());
        Done { settlement: Settlement::Later { due_at: until, progress, error }, event }
    }
}

fn failed(kind: FailureKind, detail: String, attempted_at: Option<Timestamp>) -> Done {
    Done::with(Event::NotApplied(Failure { kind, detail, attempted_at }))
}

fn text(progress: &Progress) -> String {
    serde_json::to_string(progress).unwrap_or_default()
}

fn body(claimed: &Claimed, user: &CreateUser) -> InviteUser {
    InviteUser {
        email: user.email.as_str().to_owned(),
        first_name: user.first_name.as_str().to_owned(),
        last_name: user.last_name.as_str().to_owned(),
        reason: claimed.request.reason.as_ref().map(|reason| reason.as_str().to_owned()),
        expires_at: user.expiration.as_ref().map(|expiration| expiration.iso8601()),
        role_id: user.role.id,
        workspace_id: user.workspace.id,
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn an_unanswered_invite_is_looked_for_before_another_one() {
        let mut fresh = Progress::default();
        assert_eq!(fresh.not_found(at(0)), Next::Invite);
        let mut sent = fresh.attempt(at(0));
        // The first look came late: the worker died, and another one took over.
        assert_eq!(sent.not_found(at(40)), Next::LookAgain);
        assert_eq!(sent.not_found(at(50)), Next::LookAgain);
        assert_eq!(sent.not_found(at(55)), Next::Invite);
        let mut again = sent.attempt(at(55));
        assert_eq!((again.attempted_at, again.not_found(at(60))), (Some(at(0)), Next::LookAgain));
    }

    #[test]
    fn the_more_invites_stay_unanswered_the_longer_it_is_looked() {
        let (mut progress, mut now) = (Progress::default().attempt(at(0)), 0);
        for expected in [15, 30, 60, 120, 240, 300, 300] {
            progress.not_found(at(now));
            assert_eq!(progress.not_found(at(now + expected - 1)), Next::LookAgain);
            now += expected;
            assert_eq!(progress.not_found(at(now)), Next::Invite);
            progress = progress.attempt(at(now));
        }
        // What an earlier version has written down.
        assert_eq!(
            serde_json::from_str::<Progress>("{\"attempted_at\":null,\"last\":null}").unwrap(),
            Progress::default()
        );
    }

    #[test]
    fn a_confirmed_user_is_never_invited_again() {
        let mut confirmed = Progress::default().attempt(at(0)).with(AttemptOutcome::Accepted);
        assert_eq!(confirmed.not_found(at(1)), Next::LookAgain);
        assert_eq!(confirmed.not_found(at(60)), Next::LookAgain);
        assert_eq!(confirmed.not_found(at(61)), Next::AnnounceUnseen);
        assert_eq!(confirmed.not_found(at(600_000)), Next::AnnounceUnseen);
    }

    #[test]
    fn a_refusal_after_a_lost_answer_is_believed_only_after_looking() {
        let refused = AttemptOutcome::Refused("exists".to_owned());
        let mut refused = Progress::default().attempt(at(0)).with(refused);
        assert_eq!(refused.not_found(at(1)), Next::LookAgain);
        assert_eq!(refused.not_found(at(61)), Next::GiveUp("exists".to_owned()));
    }

    proptest! {
        #[test]
        fn no_invite_follows_another_within_the_time_of_looking(gaps in prop::collection::vec(0_i64..40, 1..60)) {
            let (mut progress, mut now, mut last_invite) = (Progress::default(), 0, None);
            for gap in gaps {
                now += gap;
                if progress.not_found(at(now)) == Next::Invite {
                    if let Some(last) = last_invite {
                        prop_assert!(now - last >= LOOK_FOR.as_secs());
                    }
                    progress = progress.attempt(at(now));
                    last_invite = Some(now);
                    // What is written down is what is read back.
                    prop_assert_eq!(&serde_json::from_str::<Progress>(&text(&progress)).unwrap(), &progress);
                }
            }
        }
    }
}
