//! A model of one request: the real decisions (`decide`, what is written down, what follows from Marketo's answers)
//! over a queue, two workers that may die at any step, and a Marketo whose users show late and whose answers get lost.
//! No I/O: every interleaving is a list of steps.
//!
//! What it assumes: a lease runs out only for a worker that died (a living one renews it, or stops in time); what a
//! dead worker sent is carried out within [`LATE`] of its death; a user shows within the shortest time of looking.

use jiff::Timestamp;

use super::{
    super::{
        progress::{LOOK_FOR, Progress},
        protocol::{ApplyContext, InviteOutcome, LookupResult},
    },
    at,
};
use crate::{
    domain::{
        change::{Change, CreateUser, Named},
        decide::{Decision, DecisionContext, Submission, decide, submit},
        effect::{Effect, ScheduledEffect},
        event::{Action, Event},
        form::tests::{policy, terms},
        people::{Membership, Principal, UserId},
        policy::{Approval, Policy, Terms},
        request::{Request, State},
        text::{Email, PersonName},
    },
    marketo::{Call, Class, Error, Identity, User},
    worker::Completion,
    workflow::EffectResult,
};

pub(super) const LEASE: i64 = 30;
/// How long after its worker's death a call may still be carried out.
pub(super) const LATE: i64 = 20;
pub(super) const REQUESTER: &str = "U0REQ";
pub(super) const ADA: &str = "U0APPROVE";

/// What Marketo does with the next call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mood {
    Well,
    /// Carried out, if it is an invite, and not answered.
    AnswerLost,
    /// Not carried out and not answered.
    CallLost,
    Busy,
    Quota,
    Denied,
    /// An invite is refused for its values; a look is refused too.
    Refuses,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A worker takes its next step while Marketo is in this mood; an invite's user shows after these seconds.
    Work(usize, Mood, i64),
    /// A worker goes on until it is idle, Marketo being in one mood for looks and in another for invites.
    Try(usize, Mood, Mood, i64),
    /// A worker dies. A call of its that is under way may be carried out so many seconds later.
    Die(usize, Option<i64>),
    Pass(i64),
    Press(&'static str, Membership, Action),
    /// Somebody makes a user with this e-mail by hand, with these names or others.
    ByHand(bool),
}

/// The queue of the effect that applies the change, as the store keeps it.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    attempted_at: Option<Timestamp>,
    progress: Option<String>,
    attempts: i64,
    created_at: i64,
    due_at: i64,
    /// The token of a lease, and until when it holds once its worker is dead.
    lease: Option<(u32, Option<i64>)>,
}

#[derive(Debug)]
enum Worker {
    Idle,
    /// Has claimed the queue as it was then.
    Holds(u32, Lane),
    /// Has looked, and will write down that an invite is about to be sent.
    WillNote(u32, Lane, Progress),
    /// Has written it down: before, and then.
    WillInvite(u32, Lane, Progress, Progress),
    WillReadBack(u32, Lane, Progress),
    WillSettle(u32, Completion),
}

pub(super) struct World {
    pub(super) now: i64,
    pub(super) request: Request,
    pub(super) lane: Option<Lane>,
    workers: [Worker; 2],
    tokens: u32,
    /// When each user shows, and what it is.
    users: Vec<(i64, User)>,
    /// How many invites were carried out, and how many were begun.
    pub(super) made: usize,
    pub(super) begun: usize,
    /// How often the request has reached an end, and been opened again.
    pub(super) ends: usize,
    pub(super) retries: usize,
}

fn user(first_name: &str) -> User {
    let (id, userid, email) = (1, "svc@example.com".to_owned(), "svc@example.com".to_owned());
    User { id, userid, email, first_name: first_name.to_owned(), last_name: "Crm".to_owned(), api_only: true }
}

fn create() -> CreateUser {
    CreateUser {
        instance: "production".to_owned(),
        email: Email::parse("svc@example.com").unwrap(),
        first_name: PersonName::parse("Svc").unwrap(),
        last_name: PersonName::parse("Crm").unwrap(),
        role: Named { id: 101, name: "API Only".to_owned() },
        workspace: Named { id: 1, name: "Default".to_owned() },
        expiration: None,
    }
}

fn error(call: Call, mood: Mood, now: i64) -> Error {
    let class = match mood {
        Mood::Well | Mood::AnswerLost | Mood::CallLost => Class::Unknown,
        Mood::Busy => Class::NotExecuted { retry_after: None },
        Mood::Quota => Class::QuotaReached { resets_at: at(now + 3600) },
        Mood::Denied => Class::Denied,
        Mood::Refuses => Class::Refused,
    };
    Error { call, class, code: None, status: None, message: "no".to_owned() }
}

impl World {
    pub(super) fn new() -> Self {
        let change = Change::CreateUser(create());
        let (id, requester, origin) = ("req-1".into(), REQUESTER.into(), "C0OPS".into());
        let memberships = Vec::new();
        let submission = Submission { id, requester, memberships, origin, change, reason: None };
        let (request, _) = submit(at(0), &terms(), submission);
        Self {
            now: 0,
            request,
            lane: None,
            workers: [Worker::Idle, Worker::Idle],
            tokens: 0,
            users: Vec::new(),
            made: 0,
            begun: 0,
            ends: 0,
            retries: 0,
        }
    }

    fn is_over(&self) -> bool {
        !self.request.state.is_open()
    }

    /// What the workflow does with an event, in one transaction.
    fn happens(&mut self, event: &Event) {
        self.happens_to(event, Membership::No);
    }

    /// As [`Self::happens`]; whoever pressed stands so in the group of the approvers.
    fn happens_to(&mut self, event: &Event, standing: Membership) {
        let approvers = vec![Principal::Group("S0MOPS".into())];
        let base = Terms { approval: Approval::Required { approvers, needed: 1 }, ..terms() };
        let policy = Policy { base, ..policy() };
        let members = |_: &UserId, _: &Principal| standing;
        let today = DecisionContext { now: at(self.now), policy: &policy, members: &members };
        let Ok(decision) = decide(today, &self.request, event) else { return };
        let Decision { next, effects, cancels_queued: withdraws, .. } = decision;
        if withdraws {
            // The guard of the store.
            match &self.lane {
                Some(lane) if lane.lease.is_none() => self.lane = None,
                _ => return,
            }
        }
        let was_over = self.is_over();
        if let Some(next) = next {
            self.request.version += 1;
            self.request.state = next;
        }
        match (was_over, self.is_over()) {
            (false, true) => self.ends += 1,
            (true, false) => self.retries += 1,
            (true, true) | (false, false) => {}
        }
        for ScheduledEffect { effect, .. } in effects {
            if let Effect::Apply { attempted_at, .. } = effect {
                assert!(self.lane.is_none(), "two changes under way");
                let (created_at, due_at) = (self.now, self.now);
                self.lane =
                    Some(Lane { attempted_at, progress: None, attempts: 0, created_at, due_at, lease: None });
            }
        }
    }

    fn claim(&mut self) -> Worker {
        let (now, token) = (self.now, self.tokens + 1);
        let Some(lane) = &mut self.lane else { return Worker::Idle };
        let is_free = match lane.lease {
            None => true,
            Some((_, until)) => until.is_some_and(|until| until <= now),
        };
        if lane.due_at > now || !is_free {
            return Worker::Idle;
        }
        lane.attempts += 1;
        lane.lease = Some((token, None));
        self.tokens = token;
        Worker::Holds(token, lane.clone())
    }

    /// The queue, if the lease is still held.
    fn held(&mut self, token: u32) -> Option<&mut Lane> {
        self.lane.as_mut().filter(|lane| lane.lease.is_some_and(|(held, _)| held == token))
    }

    fn look(&self, mood: Mood) -> Result<Option<LookupResult>, Error> {
        match mood {
            Mood::Well => {
                let shown = self.users.iter().find(|(shows_at, _)| *shows_at <= self.now);
                Ok(shown.map(|(_, user)| LookupResult { user: user.clone(), is_anothers: false }))
            }
            mood => Err(error(Call::AllUsers, mood, self.now)),
        }
    }

    /// Marketo carries an invite out; it would make a second user if it were asked to.
    fn make(&mut self, shows_at: i64) {
        assert!(
            !matches!(self.request.state, State::Cancelled { .. } | State::Denied { .. }),
            "made all the same"
        );
        self.made += 1;
        self.users.push((shows_at, user("Svc")));
    }

    fn work(&mut self, worker: usize, mood: Mood, delay: i64) {
        let change = create();
        let this = |lane: &Lane| ApplyContext {
            id: "effect-1",
            attempts: lane.attempts,
            created_at: at(lane.created_at),
            user: &change,
            identity: Identity::Marketo,
        };
        let now = at(self.now);
        let held = std::mem::replace(&mut self.workers[worker], Worker::Idle);
        self.workers[worker] = match held {
            Worker::Idle => self.claim(),
            Worker::Holds(token, lane) => {
                let mut progress = Progress::of(lane.progress.as_deref(), lane.attempted_at);
                let found = self.look(mood);
                match this(&lane).on_lookup(&mut progress, now, found.as_ref().cloned()) {
                    Some(done) => Worker::WillSettle(token, done),
                    None => Worker::WillNote(token, lane, progress),
                }
            }
            Worker::WillNote(token, lane, before) => {
                let sent = before.attempt(now);
                match self.held(token) {
                    None => Worker::Idle,
                    Some(held) => {
                        held.progress = Some(sent.text());
                        Worker::WillInvite(token, lane, before, sent)
                    }
                }
            }
            Worker::WillInvite(token, lane, before, sent) => {
                let is_open = matches!(self.request.state, State::Applying { .. });
                assert!(is_open, "an invite for a request that is {}", self.request.state.name());
                self.begun += 1;
                if matches!(mood, Mood::Well | Mood::AnswerLost) {
                    self.make(self.now + delay);
                }
                let answer =
                    if mood == Mood::Well { Ok(()) } else { Err(error(Call::Invite, mood, self.now)) };
                match this(&lane).on_invite(&before, &sent, now, answer.as_ref().copied()) {
                    InviteOutcome::ReadBack(progress) => Worker::WillReadBack(token, lane, progress),
                    InviteOutcome::Record(done) => Worker::WillSettle(token, done),
                }
            }
            Worker::WillReadBack(token, lane, mut progress) => {
                let found = self.look(mood);
                let done = this(&lane).on_read_back(&mut progress, now, found.as_ref().cloned());
                Worker::WillSettle(token, done)
            }
            Worker::WillSettle(token, done) => {
                self.settle(token, done);
                Worker::Idle
            }
        };
    }

    fn settle(&mut self, token: u32, Completion { settlement, event, .. }: Completion) {
        let Some(lane) = self.held(token) else { return };
        match settlement {
            EffectResult::Done => self.lane = None,
            EffectResult::Postponed { due_at, progress, .. } => {
                lane.due_at = due_at.duration_since(at(0)).as_secs() + 1;
                (lane.progress, lane.lease) = (progress, None);
            }
            EffectResult::DeadLetter { error } => panic!("buried: {error}"),
        }
        if let Some(event) = event {
            self.happens(&event);
        }
    }

    fn die(&mut self, worker: usize, late: Option<i64>) {
        let token = match std::mem::replace(&mut self.workers[worker], Worker::Idle) {
            Worker::Idle => return,
            Worker::WillInvite(token, ..) => {
                if let Some(late) = late {
                    self.make(self.now + late + LOOK_FOR.as_secs());
                }
                token
            }
            Worker::Holds(token, _)
            | Worker::WillNote(token, ..)
            | Worker::WillReadBack(token, ..)
            | Worker::WillSettle(token, _) => token,
        };
        let until = self.now + LEASE;
        if let Some(lane) = self.held(token) {
            lane.lease = Some((token, Some(until)));
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Work(worker, mood, delay) => self.work(worker, mood, delay),
            Step::Try(worker, look, invite, delay) => {
                for _ in 0..6 {
                    let is_invite = matches!(self.workers[worker], Worker::WillInvite(..));
                    self.work(worker, if is_invite { invite } else { look }, delay);
                    if matches!(self.workers[worker], Worker::Idle) {
                        break;
                    }
                }
            }
            Step::Die(worker, late) => self.die(worker, late),
            Step::Pass(seconds) => self.now += seconds,
            Step::Press(by, standing, press) => {
                self.happens_to(&Event::ActionTaken { by: by.into(), action: press }, standing);
            }
            Step::ByHand(same) => self.users.push((self.now, user(if same { "Svc" } else { "Else" }))),
        }
    }

    /// Marketo is well, workers live, and whoever can press Retry does.
    pub(super) fn quietens(&mut self) {
        let approve = || Step::Press(ADA, Membership::Yes, Action::approves(1));
        self.step(approve());
        for _ in 0..500 {
            let State::Failed { failure, .. } = &self.request.state else {
                if self.is_over() {
                    return;
                }
                let is_idle = self.workers.iter().all(|worker| matches!(worker, Worker::Idle));
                self.step(Step::Work(0, Mood::Well, 3));
                self.step(Step::Work(1, Mood::Well, 3));
                if is_idle {
                    let until = self.lane.as_ref().map(|lane| {
                        lane.lease
                            .and_then(|(_, until)| until)
                            .map_or(lane.due_at, |until| until.max(lane.due_at))
                    });
                    self.step(Step::Pass(until.map_or(1, |until| (until - self.now).max(1))));
                }
                continue;
            };
            if !failure.kind.is_retryable() {
                return;
            }
            self.step(Step::Press(ADA, Membership::Yes, Action::Retry));
        }
        panic!("no end: {:?}", self.request.state.name());
    }
}
