//! When a pending request needs attention by itself, and for what: derived from the request, the current policy and the time
//! whenever it is needed. Only the next time is stored, so an edit, another policy or another clock changes everything
//! that is still to come.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    policy::{Policy, RuleInput, Terms},
    reminder,
    request::{Request, State},
};

/// What a pending request needs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nobody decided in time.
    Timeout,
    /// Additional approvers are to be asked.
    Escalation,
    /// The approvers are to be reminded.
    Reminder,
}

/// What is due now. If it is several things, the one that makes the others unnecessary.
pub fn due(now: Timestamp, policy: &Policy, request: &Request) -> Option<Due> {
    let times = Times::of(now, policy, request);
    let is_over = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    if is_over(times.timeout) {
        Some(Due::Timeout)
    } else if is_over(times.escalation) {
        Some(Due::Escalation)
    } else if is_over(times.reminder) {
        Some(Due::Reminder)
    } else {
        None
    }
}

/// When something is due next, which may be in the past; `None`: never.
pub fn next_wake(now: Timestamp, policy: &Policy, request: &Request) -> Option<Timestamp> {
    let Times { timeout, escalation, reminder } = Times::of(now, policy, request);
    [timeout, escalation, reminder].into_iter().flatten().min()
}

/// When a pending request times out; `None`: never.
pub fn times_out_at(terms: &Terms, request: &Request) -> Option<Timestamp> {
    after(request.asked_since(), terms.pending_timeout?)
}

/// When each thing is due; all `None` unless the request is pending.
#[derive(Default)]
struct Times {
    timeout: Option<Timestamp>,
    escalation: Option<Timestamp>,
    reminder: Option<Timestamp>,
}

impl Times {
    fn of(now: Timestamp, policy: &Policy, request: &Request) -> Self {
        let State::Pending { is_escalated, reminders, .. } = &request.state else { return Self::default() };
        let terms = policy.approval_rule(&RuleInput::of(request)).terms;
        let timeout = times_out_at(terms, request);
        // A clock that was ahead at the last reminder must not delay the next one.
        let last = reminders.last_at.map_or(request.asked_since(), |last| last.min(now));
        Self {
            timeout,
            escalation: terms.escalates_at(request).filter(|_| !is_escalated),
            reminder: reminder::next(last, timeout, terms, reminders.sent),
        }
    }
}

fn after(since: Timestamp, time: Duration) -> Option<Timestamp> {
    since.checked_add(SignedDuration::try_from(time).ok()?).ok()
}
