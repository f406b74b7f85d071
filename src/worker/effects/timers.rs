//! Timers: effects that only tell the workflow that a time has come. Whether anything follows is decided there.

use super::Completion;
use crate::domain::event::Event;

pub(super) fn time_out() -> Completion {
    Completion::with_event(Event::DecisionTimedOut)
}

pub(super) fn escalate() -> Completion {
    Completion::with_event(Event::EscalationDue)
}
