//! A model of one request: the real decisions (`decide`, the stored progress, what follows from Marketo's answers) over a
//! queue, two workers that can die at any step, and a Marketo that lists users late and loses answers. No I/O: every
//! interleaving is a list of steps.
//!
//! Assumptions: a lease expires only if its worker died (a living one renews it, or stops in time); the last call of a dead
//! worker is executed within [`LATE`] of its death; a user is listed within the shortest lookup time.

use jiff::Timestamp;

use super::{
    super::{
        progress::{MIN_LOOKUP_TIME, Progress},
        protocol::{ApplyContext, InviteOutcome, LookupResult},
    },
    at,
    fixtures::{create, details, user},
};
use crate::{
    domain::{
        change::Change,
        decide::{Decision, DecisionContext, Submission, decide, submit},
        effect::Effect,
        event::{Action, Event},
        form::tests::{policy, terms},
        people::{Membership, Principal, UserId},
        policy::{Approval, Policy, Terms},
        request::{FailureKind, Request, State},
    },
    marketo::{Call, Class, Error, Identity, User},
    worker::execution::Completion,
    workflow::EffectResult,
};

pub(super) const LEASE: i64 = 30;
/// How long after its worker's death a call may still be executed.
pub(super) const LATE: i64 = 20;
pub(super) const REQUESTER: &str = "U0REQ";
pub(super) const ADA: &str = "U0APPROVE";

/// How Marketo treats the next call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Marketo {
    Works,
    /// Executes an invite, but the answer is lost.
    AnswerLost,
    /// Neither executed nor answered.
    CallLost,
    Busy,
    Quota,
    Denied,
    /// Refuses the values of an invite; refuses a lookup too.
    Refuses,
    /// Answers an invite without a documented reason, after it executed it or not; does not answer a lookup.
    Unexplained(bool),
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A worker takes its next step; the user of an invite is listed after these seconds.
    Work(usize, Marketo, i64),
    /// A worker runs until it is idle; Marketo treats lookups and invites differently.
    Attempt(usize, Marketo, Marketo, i64),
    /// A worker dies. Its running call may be executed after these seconds.
    Die(usize, Option<i64>),
    Pass(i64),
    Act(&'static str, Membership, Action),
    /// Somebody creates a user with this email by hand, with the requested names or others.
    ByHand(bool),
}

/// The queue with the effect that applies the change, as the store keeps it.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    attempted_at: Option<Timestamp>,
    progress: Option<String>,
    attempts: i64,
    created_at: i64,
    due_at: i64,
    /// The token of the lease, and when it expires if its worker is dead.
    lease: Option<(u32, Option<i64>)>,
}

#[derive(Debug)]
enum Worker {
    Idle,
    /// Has claimed the queue.
    Claimed(u32, Queue),
    /// Has looked the user up, and will store that an invite is about to be sent.
    WillStore(u32, Queue, Progress),
    /// Has stored it: the progress before and after.
    WillInvite(u32, Queue, Progress, Progress),
    WillReadBack(u32, Queue, Progress),
    WillComplete(u32, Completion),
}

pub(super) struct Model {
    pub(super) now: i64,
    pub(super) request: Request,
    pub(super) queue: Option<Queue>,
    workers: [Worker; 2],
    tokens: u32,
    /// When each user is listed.
    users: Vec<(i64, User)>,
    /// How many users were created, and how many invites were sent.
    pub(super) created: usize,
    pub(super) invites: usize,
    /// How often the request has reached a final state, and been retried.
    pub(super) ends: usize,
    pub(super) retries: usize,
}

fn error(call: Call, marketo: Marketo, now: i64) -> Error {
    let class = match marketo {
        Marketo::Works | Marketo::AnswerLost | Marketo::CallLost => Class::Unknown,
        Marketo::Busy => Class::NotExecuted { retry_after: None },
        Marketo::Quota => Class::QuotaReached { resets_at: at(now + 3600) },
        Marketo::Denied => Class::Denied,
        Marketo::Refuses => Class::Refused,
        Marketo::Unexplained(_) if call == Call::Invite => Class::Unexplained,
        Marketo::Unexplained(_) => Class::Unknown,
    };
    Error { call, class, code: None, status: None, message: "no".to_owned() }
}

impl Model {
    pub(super) fn new() -> Self {
        let change = Change::CreateUser(create());
        let (id, requester, origin) = ("req-1".into(), REQUESTER.into(), "C0OPS".into());
        let memberships = Vec::new();
        let submission = Submission { id, requester, memberships, origin, change, reason: None };
        let (request, _) = submit(at(0), &terms(), submission);
        Self {
            now: 0,
            request,
            queue: None,
            workers: [Worker::Idle, Worker::Idle],
            tokens: 0,
            users: Vec::new(),
            created: 0,
            invites: 0,
            ends: 0,
            retries: 0,
        }
    }

    fn is_final(&self) -> bool {
        !self.request.state.is_open()
    }

    /// Handles an event as the workflow does, in one transaction.
    fn handle(&mut self, event: &Event) {
        self.handle_from(event, Membership::No);
    }

    /// As [`Self::handle`], with the membership of the person who acts in the approvers' group.
    fn handle_from(&mut self, event: &Event, membership: Membership) {
        let approvers = vec![Principal::Group("S0MOPS".into())];
        let base = Terms { approval: Approval::Required { approvers, needed: 1 }, ..terms() };
        let policy = Policy { base, ..policy() };
        let members = |_: &UserId, _: &Principal| membership;
        let context = DecisionContext { now: at(self.now), policy: &policy, members: &members };
        let Ok(decision) = decide(context, &self.request, event) else { return };
        let Decision { next, effects, cancels_queued, .. } = decision;
        if cancels_queued {
            // As the store does.
            match &self.queue {
                Some(queue) if queue.lease.is_none() => self.queue = None,
                _ => return,
            }
        }
        let was_final = self.is_final();
        if let Some(next) = next {
            self.request.version += 1;
            self.request.state = next;
        }
        match (was_final, self.is_final()) {
            (false, true) => self.ends += 1,
            (true, false) => self.retries += 1,
            (true, true) | (false, false) => {}
        }
        for effect in effects {
            if let Effect::Apply { attempted_at, .. } = effect {
                assert!(self.queue.is_none(), "two changes at once");
                let (created_at, due_at) = (self.now, self.now);
                self.queue = Some(Queue {
                    attempted_at,
                    progress: None,
                    attempts: 0,
                    created_at,
                    due_at,
                    lease: None,
                });
            }
        }
    }

    fn claim(&mut self) -> Worker {
        let (now, token) = (self.now, self.tokens + 1);
        let Some(queue) = &mut self.queue else { return Worker::Idle };
        let is_free = match queue.lease {
            None => true,
            Some((_, until)) => until.is_some_and(|until| until <= now),
        };
        if queue.due_at > now || !is_free {
            return Worker::Idle;
        }
        queue.attempts += 1;
        queue.lease = Some((token, None));
        self.tokens = token;
        Worker::Claimed(token, queue.clone())
    }

    /// The queue, if the token still has its lease.
    fn leased(&mut self, token: u32) -> Option<&mut Queue> {
        self.queue.as_mut().filter(|queue| queue.lease.is_some_and(|(leased, _)| leased == token))
    }

    fn look_up(&self, marketo: Marketo) -> Result<Option<LookupResult>, Error> {
        match marketo {
            Marketo::Works => {
                let listed = self.users.iter().find(|(listed_at, _)| *listed_at <= self.now);
                let result = |user: &User| LookupResult {
                    user: user.clone(),
                    details: Some(Ok(details())),
                    is_from_another_request: false,
                };
                Ok(listed.map(|(_, user)| result(user)))
            }
            marketo => Err(error(Call::AllUsers, marketo, self.now)),
        }
    }

    /// Marketo executes an invite, even if that creates a second user.
    fn create(&mut self, listed_at: i64) {
        assert!(
            !matches!(self.request.state, State::Cancelled { .. } | State::Denied { .. }),
            "created after a cancellation"
        );
        self.created += 1;
        self.users.push((listed_at, user("Svc")));
    }

    fn work(&mut self, worker: usize, marketo: Marketo, delay: i64) {
        let change = create();
        let context = |queue: &Queue| ApplyContext {
            id: "effect-1",
            attempts: queue.attempts,
            created_at: at(queue.created_at),
            user: &change,
            identity: Identity::Marketo,
        };
        let now = at(self.now);
        let current = std::mem::replace(&mut self.workers[worker], Worker::Idle);
        self.workers[worker] = match current {
            Worker::Idle => self.claim(),
            Worker::Claimed(token, queue) => {
                let mut progress = Progress::of(queue.progress.as_deref(), queue.attempted_at);
                let found = self.look_up(marketo);
                match context(&queue).on_lookup(&mut progress, now, found.as_ref().cloned()) {
                    Some(completion) => Worker::WillComplete(token, completion),
                    None => Worker::WillStore(token, queue, progress),
                }
            }
            Worker::WillStore(token, queue, before) => {
                let sent = before.with_invite(now);
                match self.leased(token) {
                    None => Worker::Idle,
                    Some(stored) => {
                        stored.progress = Some(sent.text());
                        Worker::WillInvite(token, queue, before, sent)
                    }
                }
            }
            Worker::WillInvite(token, queue, before, sent) => {
                let is_open = matches!(self.request.state, State::Applying { .. });
                assert!(is_open, "an invite for a request that is {}", self.request.state.name());
                self.invites += 1;
                if matches!(marketo, Marketo::Works | Marketo::AnswerLost | Marketo::Unexplained(true)) {
                    self.create(self.now + delay);
                }
                let answer = if marketo == Marketo::Works {
                    Ok(())
                } else {
                    Err(error(Call::Invite, marketo, self.now))
                };
                match context(&queue).on_invite(&before, &sent, now, answer.as_ref().copied()) {
                    InviteOutcome::ReadBack(progress) => Worker::WillReadBack(token, queue, progress),
                    InviteOutcome::Record(completion) => Worker::WillComplete(token, completion),
                }
            }
            Worker::WillReadBack(token, queue, mut progress) => {
                let found = self.look_up(marketo);
                let completion = context(&queue).on_read_back(&mut progress, now, found.as_ref().cloned());
                Worker::WillComplete(token, completion)
            }
            Worker::WillComplete(token, completion) => {
                self.complete(token, completion);
                Worker::Idle
            }
        };
    }

    fn complete(&mut self, token: u32, Completion { result, event, .. }: Completion) {
        let Some(queue) = self.leased(token) else { return };
        match result {
            EffectResult::Done => self.queue = None,
            EffectResult::Postponed { due_at, progress, .. } => {
                queue.due_at = due_at.duration_since(at(0)).as_secs() + 1;
                (queue.progress, queue.lease) = (progress, None);
            }
        }
        if let Some(event) = event {
            self.handle(&event);
        }
    }

    fn die(&mut self, worker: usize, late: Option<i64>) {
        let token = match std::mem::replace(&mut self.workers[worker], Worker::Idle) {
            Worker::Idle => return,
            Worker::WillInvite(token, ..) => {
                if let Some(late) = late {
                    self.create(self.now + late + MIN_LOOKUP_TIME.as_secs());
                }
                token
            }
            Worker::Claimed(token, _)
            | Worker::WillStore(token, ..)
            | Worker::WillReadBack(token, ..)
            | Worker::WillComplete(token, _) => token,
        };
        let until = self.now + LEASE;
        if let Some(queue) = self.leased(token) {
            queue.lease = Some((token, Some(until)));
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Work(worker, marketo, delay) => self.work(worker, marketo, delay),
            Step::Attempt(worker, lookup, invite, delay) => {
                for _ in 0..6 {
                    let is_invite = matches!(self.workers[worker], Worker::WillInvite(..));
                    self.work(worker, if is_invite { invite } else { lookup }, delay);
                    if matches!(self.workers[worker], Worker::Idle) {
                        break;
                    }
                }
            }
            Step::Die(worker, late) => self.die(worker, late),
            Step::Pass(seconds) => self.now += seconds,
            Step::Act(by, membership, action) => {
                self.handle_from(&Event::ActionTaken { by: by.into(), action }, membership);
            }
            Step::ByHand(is_same) => self.users.push((self.now, user(if is_same { "Svc" } else { "Else" }))),
        }
    }

    /// From now on Marketo works, workers live, and failures are retried, until nothing is left to do.
    pub(super) fn settle_down(&mut self) {
        let approve = || Step::Act(ADA, Membership::Yes, Action::approves(1));
        self.step(approve());
        for _ in 0..500 {
            let State::Failed { failure, .. } = &self.request.state else {
                if self.is_final() {
                    return;
                }
                let is_idle = self.workers.iter().all(|worker| matches!(worker, Worker::Idle));
                self.step(Step::Work(0, Marketo::Works, 3));
                self.step(Step::Work(1, Marketo::Works, 3));
                if is_idle {
                    let until = self.queue.as_ref().map(|queue| {
                        queue
                            .lease
                            .and_then(|(_, until)| until)
                            .map_or(queue.due_at, |until| until.max(queue.due_at))
                    });
                    self.step(Step::Pass(until.map_or(1, |until| (until - self.now).max(1))));
                }
                continue;
            };
            // Somebody else's user stays what it is.
            if !failure.kind.is_retryable() || failure.kind == FailureKind::Mismatch {
                return;
            }
            self.step(Step::Act(ADA, Membership::Yes, Action::Retry));
        }
        panic!("no final state: {:?}", self.request.state.name());
    }
}
