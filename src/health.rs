//! The health of the process, as far as it does not follow from other modules: the Slack token, the workers, and a
//! shutdown in progress. It does not know how it is reported, and holds no secrets.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use crate::clock::Clock;

/// After how long without a sign of life a worker loop counts as dead, in milliseconds.
const WORKER_TIMEOUT: i64 = 60_000;

/// The health of the process.
#[derive(Debug)]
pub struct Health {
    clock: Clock,
    slack_problem: Mutex<Option<String>>,
    worker_loops: Mutex<Vec<WorkerLoop>>,
    is_stopping: AtomicBool,
}

#[derive(Debug)]
struct WorkerLoop {
    name: String,
    /// In monotonic milliseconds.
    alive_at: Arc<AtomicI64>,
}

/// Where one loop of the workers shows that it is alive.
#[derive(Debug)]
pub struct LivenessMark {
    clock: Clock,
    alive_at: Arc<AtomicI64>,
}

impl LivenessMark {
    /// Records a sign of life.
    pub fn set(&self) {
        self.alive_at.store(self.clock.monotonic_millis(), Ordering::Relaxed);
    }
}

impl Health {
    /// Nothing is known to be healthy yet.
    pub fn new(clock: Clock) -> Self {
        let slack_problem = Mutex::new(Some("the Slack token has not been checked yet".to_owned()));
        Self { clock, slack_problem, worker_loops: Mutex::default(), is_stopping: AtomicBool::new(false) }
    }

    /// Records what is wrong with the Slack token, or that it is good.
    pub fn set_slack_problem(&self, problem: Option<String>) {
        *self.slack_problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    /// Registers a loop of the workers that starts now, and that has to show signs of life.
    pub fn worker_loop(&self, name: &str) -> LivenessMark {
        let alive_at = Arc::new(AtomicI64::new(self.clock.monotonic_millis()));
        let worker_loop = WorkerLoop { name: name.to_owned(), alive_at: Arc::clone(&alive_at) };
        self.worker_loops.lock().unwrap_or_else(PoisonError::into_inner).push(worker_loop);
        LivenessMark { clock: self.clock.clone(), alive_at }
    }

    /// Records that the process is shutting down.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Everything that keeps the process from being ready, as far as it is known here.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(self.slack_problem.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let loops = self.worker_loops.lock().unwrap_or_else(PoisonError::into_inner);
        if loops.is_empty() {
            problems.push("the workers are not running".to_owned());
        }
        let now = self.clock.monotonic_millis();
        for WorkerLoop { name, alive_at } in loops.iter() {
            if alive_at.load(Ordering::Relaxed).saturating_add(WORKER_TIMEOUT) < now {
                problems.push(format!("the workers are not running: {name}"));
            }
        }
        if self.is_stopping.load(Ordering::Relaxed) {
            problems.push("the process is stopping".to_owned());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dead_loop_is_reported_and_a_live_one_is_not() {
        let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
        let health = Health::new(clock.clone());
        health.set_slack_problem(None);
        assert_eq!(health.problems(), ["the workers are not running"]);
        let (dead, live) = (health.worker_loop("Slack"), health.worker_loop("Marketo instance production"));
        assert!(health.problems().is_empty());
        dead.set();
        clock.advance(Duration::from_secs(61));
        live.set();
        assert_eq!(health.problems(), ["the workers are not running: Slack"]);
    }
}
