//! Creates an approved API-only user: at most one user in Marketo, whatever fails in between.
//!
//! 1. Look up the email. Before our first attempt, a user with this email belongs to somebody else; after an attempt, it
//!    is adopted if all its rights are what was approved and no other request has created it since. If there are other
//!    instances, look it up on each of them too: Marketo requires emails to be unique across all.
//! 2. Store, under the lease, that an invite is about to be sent.
//! 3. Send the invite, unless the lease is too old by then: a process that was frozen sends nothing when it wakes.
//! 4. Read the user back, patiently: a new user may not be listed at once. Once Marketo has confirmed the invite, the user
//!    is created, whatever the lookups say.
//!
//! After an invite without an answer, step 1 is repeated for a while before another invite is sent, and for longer after
//! each further one; after a day the effect gives up. An answer that nobody can explain is believed when it has come a few
//! times. No step waits: a later lookup is the same effect, due later.
//! `protocol` decides what follows from each answer and from the stored `progress`; this file makes the calls.

mod comparison;
mod progress;
mod protocol;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;

use self::{
    progress::Progress,
    protocol::{ApplyContext, InviteOutcome, LookupResult},
};
use super::{Completion, EffectAborted, Worker};
use crate::{
    clock::Clock,
    domain::{change::CreateUser, digest, event::Event, request::FailureKind},
    marketo::{Call, Class, Error, InviteUser},
    store::Claimed,
    worker::InstanceTarget,
    workflow::{CallAttempt, CallOutcome},
};

/// How long a lookup on another instance may take before that instance's last known users decide.
const LOOKUP_ELSEWHERE: Duration = Duration::from_secs(3);
/// How long a lookup of a confirmed user may take.
const READ_BACK: Duration = Duration::from_secs(8);

impl Worker {
    /// Runs one attempt. `attempted_at` is when an earlier effect made its first attempt with an unknown outcome.
    pub(super) async fn create_user(
        &self,
        claimed: &Claimed,
        user: &CreateUser,
        attempted_at: Option<Timestamp>,
    ) -> Result<Completion, EffectAborted> {
        let effect = &claimed.effect;
        let mut progress = Progress::of(effect.progress.as_deref(), attempted_at);
        let targets = &self.0.targets;
        let Some(target) = targets.iter().find(|target| target.instance.name() == user.instance) else {
            let completion = protocol::instance_gone(&progress, &user.instance);
            return Ok(self.report(claimed, None, user, completion, &Ok(false)));
        };
        let context = ApplyContext {
            id: &effect.id,
            attempts: effect.attempts,
            created_at: effect.created_at,
            user,
            identity: target.identity,
        };
        if effect.attempts == 1 {
            // Somebody may have fixed what keeps the instance from being read.
            target.instance.look_again();
        }
        let found = self.look_up(claimed, target, &progress, user).await?;
        let now = self.0.clock.now();
        if let Some(completion) = context.on_lookup(&mut progress, now, found.as_ref().cloned()) {
            return Ok(self.report(claimed, Some(target), user, completion, &is_listed(found)));
        }
        for other in targets.iter().filter(|other| other.instance.name() != user.instance) {
            let name = other.instance.name();
            let exists = exists_on(&self.0.clock, other, user).await;
            let now = self.0.clock.now();
            if let Some(completion) =
                context.on_lookup_elsewhere(&progress, now, name, exists.as_ref().copied())
            {
                return Ok(self.report(claimed, Some(other), user, completion, &exists));
            }
        }
        self.invite(claimed, target, context, &progress).await
    }

    async fn invite(
        &self,
        claimed: &Claimed,
        target: &InstanceTarget,
        context: ApplyContext<'_>,
        before: &Progress,
    ) -> Result<Completion, EffectAborted> {
        let sent = before.with_invite(self.0.clock.now());
        let body = body(claimed, context.user);
        let call = CallAttempt {
            call: Call::Invite.as_str(),
            instance: context.user.instance.clone(),
            attempt: sent.invites,
            sha256: digest::of_json(&body.body()),
        };
        if !self.0.workflow.record_attempt(claimed, &sent.text(), self.0.lease, &call).await? {
            return Err(EffectAborted::LeaseLost);
        }
        tracing::info!("inviting the user");
        let may_send = || claimed.lease.is_held(self.0.clock.now(), self.0.lease);
        let answer = target.marketo.invite(&body, may_send).await;
        let call = Some(Box::new(call_outcome(call, answer.as_ref().err())));
        let now = self.0.clock.now();
        let completion = match context.on_invite(before, &sent, now, answer.as_ref().copied()) {
            InviteOutcome::ReadBack(progress) => self.read_back(claimed, target, context, progress).await?,
            InviteOutcome::Record(completion) => {
                self.report(claimed, Some(target), context.user, completion, &answer.map(|()| false))
            }
        };
        Ok(Completion { call, ..completion })
    }

    async fn read_back(
        &self,
        claimed: &Claimed,
        target: &InstanceTarget,
        context: ApplyContext<'_>,
        mut progress: Progress,
    ) -> Result<Completion, EffectAborted> {
        let found = self.look_up(claimed, target, &progress, context.user).await?;
        let completion = context.on_read_back(&mut progress, self.0.clock.now(), found.as_ref().cloned());
        Ok(self.report(claimed, Some(target), context.user, completion, &is_listed(found)))
    }

    /// Looks up the user by email, and whether another request has created it since our first attempt.
    async fn look_up(
        &self,
        claimed: &Claimed,
        target: &InstanceTarget,
        progress: &Progress,
        user: &CreateUser,
    ) -> Result<Result<Option<LookupResult>, Error>, EffectAborted> {
        let looked = async {
            let Some(found) = target.marketo.find_user(user.email.as_str()).await? else { return Ok(None) };
            // What Marketo confirmed has the rights that were sent.
            let is_in_doubt = progress.may_be_applied() && !progress.is_confirmed();
            let details = match is_in_doubt && found.has_email(user.email.as_str()) {
                true => Some(target.marketo.user_details(&found.userid).await),
                false => None,
            };
            Ok(Some((found, details)))
        };
        let looked = tokio::select! {
            looked = looked => looked,
            () = self.0.clock.sleep(READ_BACK), if progress.is_confirmed() => Err(no_answer()),
        };
        let (user, details) = match looked {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Ok(None)),
            Err(error) => return Ok(Err(error)),
        };
        let store = self.0.workflow.store();
        let is_from_another_request = match progress.attempted_at {
            Some(since) => store.another_was_created(&claimed.request, since).await?,
            None => false,
        };
        Ok(Ok(Some(LookupResult { user, details, is_from_another_request })))
    }

    /// Reports an outcome to the instance's list of users, the log and the metrics. `is_listed`: whether Marketo lists a user
    /// with the email, as far as the last call told.
    fn report(
        &self,
        claimed: &Claimed,
        target: Option<&InstanceTarget>,
        user: &CreateUser,
        completion: Completion,
        is_listed: &Result<bool, Error>,
    ) -> Completion {
        let add_user = |is_listed| target.inspect(|target| target.instance.add_user(&user.email, is_listed));
        match &completion.event {
            Some(Event::Applied(created)) => {
                add_user(matches!(is_listed, Ok(true)));
                let seconds = self.0.clock.now().duration_since(claimed.effect.created_at).as_secs_f64();
                metrics::histogram!("approval_to_created_seconds").record(seconds);
                tracing::info!(has_id = created.user_id.is_some(), "user created");
            }
            Some(Event::ApplyFailed(failure)) => {
                if matches!(
                    failure.kind,
                    FailureKind::Taken
                        | FailureKind::LoginTaken
                        | FailureKind::TakenElsewhere
                        | FailureKind::Mismatch
                ) {
                    add_user(true);
                }
                let error = is_listed.as_ref().err().map(tracing::field::display);
                tracing::warn!(kind = ?failure.kind, error, "user not created");
            }
            _ => {}
        }
        completion
    }
}

/// Whether a lookup found a user.
fn is_listed(found: Result<Option<LookupResult>, Error>) -> Result<bool, Error> {
    found.map(|found| found.is_some())
}

/// Whether another instance has a user with this email. If it does not answer in time, its last known list of users decides,
/// so that its outage, its rate limit or its quota does not delay this one. If its list was never read, the effect waits.
async fn exists_on(clock: &Clock, other: &InstanceTarget, user: &CreateUser) -> Result<bool, Error> {
    let reason = tokio::select! {
        found = other.marketo.find_user(user.email.as_str()) => match found {
            Ok(found) => return Ok(found.is_some()),
            Err(error) if !other.instance.is_loaded() => return Err(error),
            Err(error) => error.to_string(),
        },
        () = clock.sleep(LOOKUP_ELSEWHERE), if other.instance.is_loaded() => "no answer in time".to_owned(),
    };
    let instance = other.instance.name();
    tracing::warn!(instance, reason, "another instance cannot be read; its last known users are used");
    Ok(other.instance.address_use(&user.email).is_some())
}

/// The lookup of a confirmed user took too long.
fn no_answer() -> Error {
    let (call, message) = (Call::AllUsers, "no answer in time".to_owned());
    Error { call, class: Class::Unknown, code: None, status: None, message }
}

/// What the ledger keeps of an answer: never the message, which may repeat what was sent.
fn call_outcome(sent: CallAttempt, error: Option<&Error>) -> CallOutcome {
    CallOutcome {
        sent,
        outcome: error.map_or("accepted", |error| error.class.as_str()),
        status: error.and_then(|error| error.status),
        code: error.and_then(|error| error.code),
    }
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
