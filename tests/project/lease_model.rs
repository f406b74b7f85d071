//! The lease protocol, explored: every interleaving of two workers, their deaths, a cancellation and the clock over a
//! model of one queue. The guards of the steps mirror the SQL of `store/claim.rs` and `store/outbox.rs`.
//!
//! Assumptions:
//! 1. One clock. Replicas' clocks may differ by less than a third of a lease; the model has one clock.
//! 2. Each step (claim, renew, record progress, complete, cancel) is one transaction, and transactions are serialized:
//!    the database guarantees that for a row that is locked by the statement that tests it.
//! 3. A living worker whose call is in flight, and that could not renew for two thirds of a lease, ends the call before
//!    the lease expires: its timer fires in time. Before and after a call a worker may freeze for any time, between its
//!    note and the call as well.
//! 4. A call of a dead worker takes effect before the lease expires, if it does. What happens after that is
//!    a matter of lookups, not of leases: see the model in `worker/effects/create_user/tests`.
//! 5. Every call may have been executed. (One that certainly was not undoes the progress recorded before it,
//!    which leaves the queue as it was.)
//!
//! Removing each guard shows that the explorer finds errors.

use std::collections::{HashSet, VecDeque};

/// How long a lease lasts, and when a worker that cannot renew it must have stopped, in ticks.
const LEASE: u8 = 3;
const STOPS_AFTER: u8 = 2;
/// The clock's last tick.
const END: u8 = 9;
/// How often the effect may be rescheduled.
const TRIES: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    /// Holds the queue and has looked.
    Claimed,
    /// Has recorded that it is about to call. It may wait for a permit, or freeze.
    Noted,
    /// The call is in flight.
    Calling,
    /// The call has ended.
    Called,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Worker {
    phase: Phase,
    token: u8,
    /// When its lease was last known to be held.
    kept_at: u8,
}

/// The state of the effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Effect {
    Waiting,
    Done,
    Dropped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    now: u8,
    /// The queue: whether something is due in it, and its lease.
    due: bool,
    lease: Option<(u8, u8)>,
    next_token: u8,
    effect: Effect,
    /// The effect's progress says that a call was about to be made.
    attempted: bool,
    /// The request says that the change may already be executed.
    may_be_applied: bool,
    cancelled: bool,
    recorded: u8,
    tries: u8,
    workers: [Worker; 2],
    /// Until when a call of a dead worker may still take effect.
    stray: Option<u8>,
}

/// A guard that is removed, to see whether that is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Nothing,
    ClaimIgnoresLease,
    NoteIgnoresToken,
    SettleIgnoresToken,
    CancelTakesExpiredLeases,
    CancelIgnoresWhatMayBeApplied,
    WorkersDoNotStop,
    SendIgnoresAge,
    PutOffLosesTheDueTime,
}

fn start() -> State {
    let idle = Worker { phase: Phase::Idle, token: 0, kept_at: 0 };
    State {
        now: 0,
        due: true,
        lease: None,
        next_token: 1,
        effect: Effect::Waiting,
        attempted: false,
        may_be_applied: false,
        cancelled: false,
        recorded: 0,
        tries: 0,
        workers: [idle, idle],
        stray: None,
    }
}

impl State {
    fn holds(&self, worker: usize) -> bool {
        self.lease.is_some_and(|(token, _)| token == self.workers[worker].token)
    }

    fn is_alive(&self, worker: usize) -> bool {
        !matches!(self.workers[worker].phase, Phase::Idle | Phase::Dead)
    }

    /// Every state that one step leads to.
    fn nexts(&self, broken: Broken) -> Vec<Self> {
        let mut nexts = Vec::new();
        nexts.extend(self.tick(broken));
        nexts.extend(self.cancel(broken));
        for worker in 0..2 {
            match self.workers[worker].phase {
                Phase::Idle => nexts.extend(self.claim(worker, broken)),
                Phase::Dead => {}
                Phase::Claimed => {
                    nexts.push(self.note(worker, broken));
                    nexts.push(self.settle(worker, Effect::Waiting, broken));
                }
                Phase::Noted => nexts.push(self.send(worker, broken)),
                Phase::Calling => nexts.push(self.with(worker, |worker| worker.phase = Phase::Called)),
                Phase::Called => {
                    nexts.push(self.settle(worker, Effect::Waiting, broken));
                    nexts.push(self.settle(worker, Effect::Done, broken));
                }
            }
            if self.is_alive(worker) {
                nexts.push(self.renew(worker));
                nexts.push(self.die(worker));
            }
        }
        nexts
    }

    fn with(&self, worker: usize, change: impl FnOnce(&mut Worker)) -> Self {
        let mut next = *self;
        change(&mut next.workers[worker]);
        next
    }

    /// The time passes; not beyond the moment at which a worker that cannot renew stops.
    fn tick(&self, broken: Broken) -> Option<Self> {
        if self.now == END {
            return None;
        }
        let mut next = Self { now: self.now + 1, ..*self };
        next.stray = next.stray.filter(|until| *until > next.now);
        for worker in 0..2 {
            // Only during a call; before and after it a worker may freeze for any time.
            let Worker { phase, kept_at, .. } = self.workers[worker];
            let must_stop = phase == Phase::Calling && kept_at + STOPS_AFTER <= self.now;
            if must_stop && broken != Broken::WorkersDoNotStop {
                next.workers[worker].phase = Phase::Idle;
            }
        }
        Some(next)
    }

    /// `UPDATE lane … WHERE due_at <= now AND (lease_until IS NULL OR lease_until <= now)`.
    fn claim(&self, worker: usize, broken: Broken) -> Option<Self> {
        let is_free = self.lease.is_none_or(|(_, until)| until <= self.now);
        if !self.due || !(is_free || broken == Broken::ClaimIgnoresLease) {
            return None;
        }
        let mut next = *self;
        next.lease = Some((self.next_token, self.now + LEASE));
        next.workers[worker] = Worker { phase: Phase::Claimed, token: self.next_token, kept_at: self.now };
        next.next_token += 1;
        Some(next)
    }

    /// `UPDATE lane SET lease_until … WHERE lease_token = mine`; a worker that lost it stops.
    fn renew(&self, worker: usize) -> Self {
        if !self.holds(worker) {
            return self.with(worker, |worker| worker.phase = Phase::Idle);
        }
        let mut next = self.with(worker, |worker| worker.kept_at = self.now);
        next.lease = Some((self.workers[worker].token, self.now + LEASE));
        next
    }

    /// The same guard; then the progress.
    fn note(&self, worker: usize, broken: Broken) -> Self {
        if !self.holds(worker) && broken != Broken::NoteIgnoresToken {
            return self.with(worker, |worker| worker.phase = Phase::Idle);
        }
        let mut next = *self;
        let token = self.workers[worker].token;
        next.lease = Some((token, self.now + LEASE));
        next.attempted = true;
        next.workers[worker] = Worker { phase: Phase::Noted, token, kept_at: self.now };
        next
    }

    /// `Lease::is_held`: a worker that was frozen sends nothing, and records that under the same guard as a result.
    fn send(&self, worker: usize, broken: Broken) -> Self {
        let is_held =
            self.now < self.workers[worker].kept_at + STOPS_AFTER || broken == Broken::SendIgnoresAge;
        self.with(worker, |worker| worker.phase = if is_held { Phase::Calling } else { Phase::Called })
    }

    /// `UPDATE lane SET lease_token = NULL … WHERE lease_token = mine`; then the state of the effect, and what the
    /// request says about it.
    fn settle(&self, worker: usize, effect: Effect, broken: Broken) -> Self {
        let mut next = self.with(worker, |worker| worker.phase = Phase::Idle);
        if !self.holds(worker) && broken != Broken::SettleIgnoresToken {
            return next;
        }
        if effect == Effect::Waiting && self.tries == TRIES {
            return *self;
        }
        next.lease = None;
        next.effect = effect;
        if effect == Effect::Waiting {
            next.tries += 1;
            next.due = broken != Broken::PutOffLosesTheDueTime;
            next.may_be_applied = self.attempted;
        } else {
            next.due = false;
            next.recorded += 1;
        }
        next
    }

    fn die(&self, worker: usize) -> Self {
        let was = self.workers[worker];
        let mut next = self.with(worker, |worker| worker.phase = Phase::Dead);
        if was.phase == Phase::Calling {
            next.stray = self.lease.map(|(_, until)| until);
        }
        next
    }

    /// An approver cancels: not where something may be applied, and
    /// `UPDATE lane … WHERE lease_token IS NULL AND due_at IS NOT NULL`.
    fn cancel(&self, broken: Broken) -> Option<Self> {
        let is_free = match self.lease {
            None => true,
            Some((_, until)) => broken == Broken::CancelTakesExpiredLeases && until <= self.now,
        };
        let may_be = self.may_be_applied && broken != Broken::CancelIgnoresWhatMayBeApplied;
        (is_free && self.due && !may_be && !self.cancelled).then_some(Self {
            due: false,
            lease: None,
            effect: Effect::Dropped,
            cancelled: true,
            ..*self
        })
    }

    /// The invariant of every state. `called` is whether a call was ever begun on the way here.
    fn fault(&self, called: bool) -> Option<&'static str> {
        let calling = |worker: &Worker| worker.phase == Phase::Calling;
        let at_once = self.workers.iter().filter(|worker| calling(worker)).count()
            + usize::from(self.stray.is_some_and(|until| until > self.now));
        if at_once > 1 {
            return Some("two calls at once");
        }
        if self.recorded > 1 {
            return Some("an outcome is recorded twice");
        }
        if self.cancelled && called {
            return Some("cancelled, and called all the same");
        }
        if self.cancelled && self.recorded > 0 {
            return Some("cancelled, and recorded all the same");
        }
        // Waiting work comes back: it is due, and a lease in the way expires.
        if self.effect == Effect::Waiting && !self.due {
            return Some("work is lost");
        }
        None
    }
}

/// Every reachable state, breadth first, or the first violation.
fn explore(broken: Broken) -> (usize, HashSet<Effect>, Option<&'static str>) {
    let first = (start(), false);
    let (mut seen, mut queue) = (HashSet::from([first]), VecDeque::from([first]));
    let mut ends = HashSet::new();
    while let Some((state, called)) = queue.pop_front() {
        if let Some(fault) = state.fault(called) {
            return (seen.len(), ends, Some(fault));
        }
        ends.insert(state.effect);
        for next in state.nexts(broken) {
            let called = called || next.workers.iter().any(|worker| worker.phase == Phase::Calling);
            if seen.insert((next, called)) {
                queue.push_back((next, called));
            }
        }
    }
    (seen.len(), ends, None)
}

#[test]
fn no_interleaving_runs_an_effect_twice() {
    let (states, ends, fault) = explore(Broken::Nothing);
    assert_eq!(fault, None);
    assert_eq!(ends, HashSet::from([Effect::Waiting, Effect::Done, Effect::Dropped]));
    assert!(states > 10_000, "only {states} states");
}

#[test]
fn removing_any_guard_breaks_the_protocol() {
    for (broken, expected) in [
        (Broken::ClaimIgnoresLease, &["two calls at once"][..]),
        (Broken::NoteIgnoresToken, &["two calls at once", "cancelled, and called all the same"]),
        (
            Broken::SettleIgnoresToken,
            &["two calls at once", "an outcome is recorded twice", "cancelled, and called all the same"],
        ),
        (Broken::CancelTakesExpiredLeases, &["cancelled, and called all the same"]),
        (Broken::CancelIgnoresWhatMayBeApplied, &["cancelled, and called all the same"]),
        (Broken::WorkersDoNotStop, &["two calls at once"]),
        (Broken::SendIgnoresAge, &["two calls at once"]),
        (Broken::PutOffLosesTheDueTime, &["work is lost"]),
    ] {
        let (_, _, fault) = explore(broken);
        assert!(fault.is_some_and(|fault| expected.contains(&fault)), "{broken:?}: {fault:?}");
    }
}

#[test]
fn every_reachable_state_can_finish() {
    // From every state in which the effect waits and a worker is left, some path leads to an end.
    let mut seen = HashSet::from([start()]);
    let mut queue = VecDeque::from([start()]);
    let mut ways: Vec<(State, State)> = Vec::new();
    while let Some(state) = queue.pop_front() {
        for next in state.nexts(Broken::Nothing) {
            ways.push((next, state));
            if seen.insert(next) {
                queue.push_back(next);
            }
        }
    }
    let mut back: std::collections::HashMap<State, Vec<State>> = std::collections::HashMap::new();
    for (to, from) in ways {
        back.entry(to).or_default().push(from);
    }
    let mut ended: HashSet<State> =
        seen.iter().copied().filter(|state| state.effect != Effect::Waiting).collect();
    let mut queue: VecDeque<State> = ended.iter().copied().collect();
    while let Some(state) = queue.pop_front() {
        for from in back.get(&state).into_iter().flatten() {
            if ended.insert(*from) {
                queue.push_back(*from);
            }
        }
    }
    // Near the clock's last tick a lease may have no time left to expire.
    let stuck = seen.iter().filter(|state| {
        let is_early = state.now + LEASE <= END;
        let is_manned = state.workers.iter().any(|worker| worker.phase != Phase::Dead);
        is_early && is_manned && !ended.contains(*state)
    });
    assert_eq!(stuck.count(), 0);
}
