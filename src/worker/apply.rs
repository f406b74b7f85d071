//! Carries an approved change out: at most one Marketo user, whatever happens in between.
//!
//! 1. Look: is there a user with this e-mail? Before our first attempt such a user is somebody else's; after
//!    an attempt it is ours, if it is what was approved and no other request has made it since.
//!    Where there are other instances, look on each of them as well: Marketo wants an e-mail to be unique across all.
//! 2. Write down that an invite is about to be sent, under the lease.
//! 3. Send the invite.
//! 4. Look again, with patience: a new user may show only after a while.
//!
//! After an invite without an answer step 1 is repeated for a while before another invite is sent, and longer after
//! each further one; after a day it is given up. No step waits inside: a later look is the same effect, due later.
//! What follows from which answer is decided in `protocol`, from what `progress` has kept; here the calls are made.

mod progress;
mod protocol;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use self::{
    progress::Progress,
    protocol::{ApplyContext, InviteOutcome, LookupResult},
};
use super::{Completion, EffectAborted, InstanceTarget, Worker};
use crate::{
    domain::{
        change::{Change, CreateUser},
        digest,
        event::Event,
        request::FailureKind,
    },
    marketo::{Call, Class, Error, InviteUser},
    store::Claimed,
    workflow::{CallAttempt, CallOutcome},
};

impl Worker {
    pub(super) async fn apply(
        &self,
        claimed: &Claimed,
        change: &Change,
        attempted_at: Option<Timestamp>,
    ) -> Result<Completion, EffectAborted> {
        let Change::CreateUser(user) = change;
        let effect = &claimed.effect;
        let mut progress = Progress::of(effect.progress.as_deref(), attempted_at);
        let targets = &self.0.targets;
        let Some(target) = targets.iter().find(|target| target.instance.name() == user.instance) else {
            let done = protocol::instance_gone(&progress, &user.instance);
            return Ok(self.noted(claimed, None, user, done, None));
        };
        let this = ApplyContext {
            id: &effect.id,
            attempts: effect.attempts,
            created_at: effect.created_at,
            user,
            identity: target.identity,
        };
        let found = self.look(claimed, target, &progress, user).await?;
        if let Some(done) = this.on_lookup(&mut progress, self.0.clock.now(), found.as_ref().cloned()) {
            return Ok(self.noted(claimed, Some(target), user, done, found.err().as_ref()));
        }
        for other in targets.iter().filter(|other| other.instance.name() != user.instance) {
            let name = other.instance.name();
            let is_there = is_there(other, user).await;
            if let Some(done) =
                this.on_lookup_elsewhere(&progress, self.0.clock.now(), name, is_there.as_ref().copied())
            {
                return Ok(self.noted(claimed, Some(other), user, done, is_there.err().as_ref()));
            }
        }
        self.invite(claimed, target, this, &progress).await
    }

    async fn invite(
        &self,
        claimed: &Claimed,
        target: &InstanceTarget,
        this: ApplyContext<'_>,
        before: &Progress,
    ) -> Result<Completion, EffectAborted> {
        let now = self.0.clock.now();
        let sent = before.attempt(now);
        let body = body(claimed, this.user);
        let call = CallAttempt {
            call: Call::Invite.as_str(),
            instance: this.user.instance.clone(),
            attempt: sent.sent,
            sha256: digest::of_json(&body.body()),
        };
        if !self.0.engine.record_attempt(claimed, &sent.text(), self.0.lease, &call).await? {
            return Err(EffectAborted::LeaseLost);
        }
        tracing::info!(request = %claimed.request.id, attempts = this.attempts, "inviting");
        let answer = target.marketo.invite(&body).await;
        let called = Some(Box::new(outcome(call, answer.as_ref().err())));
        let done = match this.on_invite(before, &sent, self.0.clock.now(), answer.as_ref().copied()) {
            InviteOutcome::ReadBack(progress) => self.read_back(claimed, target, this, progress).await?,
            InviteOutcome::Record(done) => {
                self.noted(claimed, Some(target), this.user, done, answer.err().as_ref())
            }
        };
        Ok(Completion { called, ..done })
    }

    async fn read_back(
        &self,
        claimed: &Claimed,
        target: &InstanceTarget,
        this: ApplyContext<'_>,
        mut progress: Progress,
    ) -> Result<Completion, EffectAborted> {
        let found = self.look(claimed, target, &progress, this.user).await?;
        let done = this.on_read_back(&mut progress, self.0.clock.now(), found.as_ref().cloned());
        Ok(self.noted(claimed, Some(target), this.user, done, found.err().as_ref()))
    }

    /// Looks for a user with the e-mail; and whether another request has made it since our first attempt.
    async fn look(
        &self,
        claimed: &Claimed,
        target: &InstanceTarget,
        progress: &Progress,
        user: &CreateUser,
    ) -> Result<Result<Option<LookupResult>, Error>, EffectAborted> {
        let found = match target.marketo.find_user(user.email.as_str()).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Ok(None)),
            Err(error) => return Ok(Err(error)),
        };
        let store = self.0.engine.store();
        let is_anothers = match progress.attempted_at {
            Some(since) => store.another_was_created(&claimed.request, since).await?,
            None => false,
        };
        Ok(Ok(Some(LookupResult { user: found, is_anothers })))
    }

    /// Makes an outcome known inside: to the list of users of the instance that it is about, to logs and to metrics.
    fn noted(
        &self,
        claimed: &Claimed,
        about: Option<&InstanceTarget>,
        user: &CreateUser,
        done: Completion,
        error: Option<&Error>,
    ) -> Completion {
        let note_user = || about.inspect(|target| target.instance.add_user(&user.email));
        let request = &claimed.request.id;
        match &done.event {
            Some(Event::Applied(made)) => {
                note_user();
                let seconds = self.0.clock.now().duration_since(claimed.effect.created_at).as_secs_f64();
                metrics::histogram!("approval_to_created_seconds").record(seconds);
                tracing::info!(%request, shows_id = made.user_id.is_some(), "created");
            }
            Some(Event::ApplyFailed(failure)) => {
                if matches!(
                    failure.kind,
                    FailureKind::Taken | FailureKind::TakenElsewhere | FailureKind::Mismatch
                ) {
                    note_user();
                }
                let error = error.map(tracing::field::display);
                tracing::warn!(%request, kind = ?failure.kind, error, "not created");
            }
            _ => {}
        }
        done
    }
}

/// Whether another instance has a user with the e-mail. One that cannot be asked right now is taken at its last word,
/// so that it keeps nobody from creating users on this one; one that is only busy, or never said anything, has to be
/// waited for.
async fn is_there(other: &InstanceTarget, user: &CreateUser) -> Result<bool, Error> {
    match other.marketo.find_user(user.email.as_str()).await {
        Ok(found) => Ok(found.is_some()),
        Err(error) if matches!(error.class, Class::NotExecuted { .. }) => Err(error),
        Err(error) if other.instance.is_loaded() => {
            let instance = other.instance.name();
            tracing::warn!(instance, %error, "whether it has the user is taken from what it said last");
            Ok(other.instance.has_user(&user.email))
        }
        Err(error) => Err(error),
    }
}

/// What the ledger keeps of an answer: never the words, which may repeat what was sent.
fn outcome(sent: CallAttempt, error: Option<&Error>) -> CallOutcome {
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
