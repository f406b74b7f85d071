//! What the process knows of its own condition: the answer to "are you ready?". It knows nothing of how the
//! answer is given, and holds no secrets.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use crate::clock::Clock;

/// How long the workers may be silent before they count as stuck, in milliseconds.
const WORKERS_SILENT: i64 = 60_000;

/// The condition of the process.
#[derive(Debug)]
pub struct Health {
    clock: Clock,
    slack: Mutex<Option<String>>,
    workers_seen: AtomicI64,
    is_stopping: AtomicBool,
}

impl Health {
    /// Nothing is known to be good yet.
    pub fn new(clock: Clock) -> Self {
        let slack = Mutex::new(Some("Slack's token is not checked yet".to_owned()));
        Self { clock, slack, workers_seen: AtomicI64::new(i64::MIN), is_stopping: AtomicBool::new(false) }
    }

    /// Slack's token is good, or what is wrong with it.
    pub fn slack(&self, trouble: Option<String>) {
        *self.slack.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// The workers are alive.
    pub fn workers_alive(&self) {
        self.workers_seen.store(self.clock.millis(), Ordering::Relaxed);
    }

    /// The process is about to end.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// What keeps the process from being ready, as far as it is known here.
    pub fn troubles(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        troubles.extend(self.slack.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let seen = self.workers_seen.load(Ordering::Relaxed);
        if seen.saturating_add(WORKERS_SILENT) < self.clock.millis() {
            troubles.push("the workers are not running".to_owned());
        }
        if self.is_stopping.load(Ordering::Relaxed) {
            troubles.push("the process is stopping".to_owned());
        }
        troubles
    }
}
