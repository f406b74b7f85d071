//! Faults that a test or the playground injects into future calls: into one call each, in the order in which they were
//! scripted, or into every call until they are lifted.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;

/// What happens to one call instead of the normal response.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Answered with this status and JSON body; the call is not executed.
    Answer {
        /// HTTP status.
        status: u16,
        /// JSON body.
        body: Value,
        /// Seconds in a `Retry-After` header.
        retry_after: Option<u32>,
    },
    /// Executed, but answered with this status and JSON body.
    AppliedThenAnswer {
        /// HTTP status.
        status: u16,
        /// JSON body.
        body: Value,
    },
    /// Answered 200 with an HTML page, as a captive portal does; not executed.
    Html,
    /// Never answered; not executed.
    Hang,
    /// The connection is cut before the call is executed.
    Cut,
    /// The call is executed, then the connection is cut without a response.
    AppliedThenCut,
    /// Answered normally after this delay by the simulator's clock.
    Slow(Duration),
}

/// Matches every call.
pub const EVERY: &str = "*";

/// The faults of one simulator, by the name of the call.
#[derive(Debug, Default)]
pub struct Faults {
    scripted: Mutex<VecDeque<(String, Fault)>>,
    persistent: Mutex<Vec<(String, Fault)>>,
}

impl Faults {
    /// Injects `fault` into the next call named `call`. Faults for the same call queue up.
    pub fn script(&self, call: &str, fault: Fault) {
        self.scripted.lock().unwrap_or_else(PoisonError::into_inner).push_back((call.to_owned(), fault));
    }

    /// Injects `fault` into the next `times` calls named `call`.
    pub fn script_many(&self, call: &str, fault: &Fault, times: usize) {
        for _ in 0..times {
            self.script(call, fault.clone());
        }
    }

    /// Takes the fault for the current call named `call`, if there is one.
    pub fn take(&self, call: &str) -> Option<Fault> {
        let mut scripted = self.scripted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = scripted.iter().position(|(name, _)| name == call) {
            return scripted.remove(index).map(|(_, fault)| fault);
        }
        let persistent = self.persistent.lock().unwrap_or_else(PoisonError::into_inner);
        let matches = |(name, _): &&(String, Fault)| name == call || name == EVERY;
        persistent.iter().rev().find(matches).map(|(_, fault)| fault.clone())
    }

    /// Injects `fault` into every future call named `call`, or with [`EVERY`] into every call. Scripted faults come first.
    pub fn persist(&self, call: &str, fault: Fault) {
        self.persistent.lock().unwrap_or_else(PoisonError::into_inner).push((call.to_owned(), fault));
    }

    /// Removes the persistent faults.
    pub fn lift(&self) {
        self.persistent.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.scripted.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.lift();
    }
}
