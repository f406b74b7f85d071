//! Keeps a record of every call, and counts how many come at once and in 20 s. Identity calls do not count.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use super::route::{Asked, Route};

const WINDOW: i64 = 20_000;

/// One call as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRecord {
    /// When it arrived.
    pub at: Timestamp,
    /// The name of the endpoint, as faults are scripted by it.
    pub name: &'static str,
    /// HTTP method.
    pub method: String,
    /// The path without the query, which may carry a secret.
    pub path: String,
    /// The body, if it was JSON.
    pub body: Option<Value>,
    /// What was answered; `None` if the connection was cut or hung.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
pub(super) struct Traffic(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    calls: Vec<CallRecord>,
    at_once: usize,
    peak_at_once: usize,
    peak_in_window: usize,
}

/// How much is going on when a call arrives, itself included.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) at_once: usize,
    pub(super) in_window: usize,
}

/// A call in work; dropping it ends the call.
#[derive(Debug)]
pub(super) struct Arrival {
    counts: Arc<Mutex<Counts>>,
    place: usize,
    counted: bool,
    pub(super) load: Load,
}

impl Traffic {
    pub(super) fn arrive(&self, asked: &Asked, at: Timestamp) -> Arrival {
        let mut counts = locked(&self.0);
        let counted = asked.route != Route::Token;
        counts.calls.push(CallRecord {
            at,
            name: asked.route.name(),
            method: asked.method.to_string(),
            path: asked.path.clone(),
            body: serde_json::from_slice(&asked.body).ok(),
            status: None,
        });
        let place = counts.calls.len() - 1;
        let mut load = Load::default();
        if counted {
            counts.at_once += 1;
            let since = at.as_millisecond() - WINDOW;
            let recent = |call: &&CallRecord| call.name != "token" && call.at.as_millisecond() > since;
            load = Load { at_once: counts.at_once, in_window: counts.calls.iter().filter(recent).count() };
            counts.peak_at_once = counts.peak_at_once.max(load.at_once);
            counts.peak_in_window = counts.peak_in_window.max(load.in_window);
        }
        Arrival { counts: Arc::clone(&self.0), place, counted, load }
    }

    pub(super) fn calls(&self) -> Vec<CallRecord> {
        locked(&self.0).calls.clone()
    }

    pub(super) fn peak_concurrency(&self) -> usize {
        locked(&self.0).peak_at_once
    }

    pub(super) fn peak_20s(&self) -> usize {
        locked(&self.0).peak_in_window
    }
}

impl Arrival {
    /// The call is answered with this status.
    pub(super) fn answered(self, status: u16) {
        locked(&self.counts).calls[self.place].status = Some(status);
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if self.counted {
            locked(&self.counts).at_once -= 1;
        }
    }
}

fn locked(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
