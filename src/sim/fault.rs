//! Faults that a test or the demo scripts for the calls to come: one call each, first scripted first used, or every
//! call until they are lifted.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;

/// What happens to one call in place of the ordinary answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Answered with this status and JSON body; the call is not carried out.
    Answer {
        /// HTTP status.
        status: u16,
        /// JSON body.
        body: Value,
        /// Seconds in a `Retry-After` header.
        retry_after: Option<u32>,
    },
    /// Carried out, but answered with this status and JSON body all the same.
    AppliedThenAnswer {
        /// HTTP status.
        status: u16,
        /// JSON body.
        body: Value,
    },
    /// Answered 200 with an HTML page, as a captive proxy does; not carried out.
    Html,
    /// Never answered; not carried out.
    Hang,
    /// The connection is cut before the call is carried out.
    Cut,
    /// The call is carried out, then the connection is cut without an answer.
    AppliedThenCut,
    /// Answered as usual, after this much of the clock's time.
    Slow(Duration),
}

/// The name of all calls.
pub const EVERY: &str = "*";

/// The faults of one simulator, by the name of the call.
#[derive(Debug, Default)]
pub struct Faults {
    scripted: Mutex<VecDeque<(String, Fault)>>,
    standing: Mutex<Vec<(String, Fault)>>,
}

impl Faults {
    /// The next call named `call` meets `fault`; scripted again, the one after it, and so on.
    pub fn script(&self, call: &str, fault: Fault) {
        self.scripted.lock().unwrap_or_else(PoisonError::into_inner).push_back((call.to_owned(), fault));
    }

    /// Scripts `fault` for the next `times` calls named `call`.
    pub fn script_many(&self, call: &str, fault: &Fault, times: usize) {
        for _ in 0..times {
            self.script(call, fault.clone());
        }
    }

    /// Takes the fault that the call named `call` must meet now, if one is scripted.
    pub fn take(&self, call: &str) -> Option<Fault> {
        let mut scripted = self.scripted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = scripted.iter().position(|(name, _)| name == call) {
            return scripted.remove(place).map(|(_, fault)| fault);
        }
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let meets = |(name, _): &&(String, Fault)| name == call || name == EVERY;
        standing.iter().rev().find(meets).map(|(_, fault)| fault.clone())
    }

    /// From now on every call named `call` meets `fault`, or with [`EVERY`] every call; what is scripted comes first.
    pub fn stand(&self, call: &str, fault: Fault) {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).push((call.to_owned(), fault));
    }

    /// Drops the faults that stand.
    pub fn lift(&self) {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Drops every fault that has not been met yet.
    pub fn clear(&self) {
        self.scripted.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.lift();
    }
}
