//! The health of the process, as far as it does not follow from other modules: the Slack token, the workers, and a
//! shutdown in progress. It does not know how it is reported, and holds no secrets.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use crate::clock::Clock;

/// After how long without a sign of life the workers count as stuck, in milliseconds.
const WORKER_TIMEOUT: i64 = 60_000;

/// The health of the process.
#[derive(Debug)]
pub struct Health {
    clock: Clock,
    slack_problem: Mutex<Option<String>>,
    workers_alive_at: AtomicI64,
    is_stopping: AtomicBool,
}

impl Health {
    /// Nothing is known to be healthy yet.
    pub fn new(clock: Clock) -> Self {
        let slack_problem = Mutex::new(Some("the Slack token has not been checked yet".to_owned()));
        let (workers_alive_at, is_stopping) = (AtomicI64::new(i64::MIN), AtomicBool::new(false));
        Self { clock, slack_problem, workers_alive_at, is_stopping }
    }

    /// Records what is wrong with the Slack token, or that it is good.
    pub fn set_slack_problem(&self, problem: Option<String>) {
        *self.slack_problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    /// Records a sign of life of the workers.
    pub fn workers_alive(&self) {
        self.workers_alive_at.store(self.clock.millis(), Ordering::Relaxed);
    }

    /// Records that the process is shutting down.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Everything that keeps the process from being ready, as far as it is known here.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(self.slack_problem.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let alive_at = self.workers_alive_at.load(Ordering::Relaxed);
        if alive_at.saturating_add(WORKER_TIMEOUT) < self.clock.millis() {
            problems.push("the workers are not running".to_owned());
        }
        if self.is_stopping.load(Ordering::Relaxed) {
            problems.push("the process is stopping".to_owned());
        }
        problems
    }
}
