//! Records every call, and counts concurrent calls and calls within 20 s. Identity calls are not counted.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;

use super::route::{ParsedRequest, Route};
use crate::{
    clock::{Clock, Stopwatch},
    sim::change_notifier::ChangeNotifier,
};

/// The window of Marketo's rate limit, in milliseconds.
const WINDOW: i64 = 20_000;

/// One received call.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRecord {
    /// When it arrived.
    pub at: Timestamp,
    /// The endpoint's name, as in [`MarketoSim::faults`](super::MarketoSim::faults).
    pub name: &'static str,
    /// HTTP method.
    pub method: String,
    /// The path without the query, which may contain a secret.
    pub path: String,
    /// The body, if it was JSON.
    pub body: Option<Value>,
    /// The response status; `None` if the connection was cut or hung.
    pub status: Option<u16>,
    /// The response body, if it was JSON.
    pub answer: Option<Value>,
    /// Real time until the response or the cut.
    pub took: Option<Duration>,
}

#[derive(Debug, Default)]
pub(super) struct Traffic {
    counts: Arc<Mutex<Counts>>,
    changes: ChangeNotifier,
}

#[derive(Debug, Default)]
struct Counts {
    calls: Vec<CallRecord>,
    concurrent: usize,
    peak_concurrent: usize,
    peak_in_window: usize,
}

/// The load when a call arrives, including that call.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) concurrent: usize,
    pub(super) in_window: usize,
}

/// A call in flight; dropping it ends the call.
#[derive(Debug)]
pub(super) struct Arrival {
    counts: Arc<Mutex<Counts>>,
    changes: ChangeNotifier,
    stopwatch: Stopwatch,
    index: usize,
    is_counted: bool,
    pub(super) load: Load,
}

impl Traffic {
    pub(super) fn changes(&self) -> &ChangeNotifier {
        &self.changes
    }

    pub(super) fn arrive(&self, request: &ParsedRequest, clock: &Clock) -> Arrival {
        let (at, stopwatch) = (clock.now(), clock.stopwatch());
        let mut counts = lock(&self.counts);
        let is_counted = request.route != Route::Token;
        counts.calls.push(CallRecord {
            at,
            name: request.route.name(),
            method: request.method.to_string(),
            path: request.path.clone(),
            body: serde_json::from_slice(&request.body).ok(),
            status: None,
            answer: None,
            took: None,
        });
        let index = counts.calls.len() - 1;
        let mut load = Load::default();
        if is_counted {
            counts.concurrent += 1;
            let since = at.as_millisecond() - WINDOW;
            let recent = |call: &&CallRecord| call.name != "token" && call.at.as_millisecond() > since;
            load =
                Load { concurrent: counts.concurrent, in_window: counts.calls.iter().filter(recent).count() };
            counts.peak_concurrent = counts.peak_concurrent.max(load.concurrent);
            counts.peak_in_window = counts.peak_in_window.max(load.in_window);
        }
        self.changes.notify();
        let (shared, changes) = (Arc::clone(&self.counts), self.changes.clone());
        Arrival { counts: shared, changes, stopwatch, index, is_counted, load }
    }

    pub(super) fn calls(&self) -> Vec<CallRecord> {
        lock(&self.counts).calls.clone()
    }

    pub(super) fn peak_concurrency(&self) -> usize {
        lock(&self.counts).peak_concurrent
    }

    pub(super) fn peak_20s(&self) -> usize {
        lock(&self.counts).peak_in_window
    }
}

impl Arrival {
    /// Records the response.
    pub(super) fn answered(self, status: u16, body: Option<&Value>) {
        let call = &mut lock(&self.counts).calls[self.index];
        call.status = Some(status);
        call.answer = body.cloned();
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.calls[self.index].took = Some(Duration::from_secs_f64(self.stopwatch.seconds()));
        if self.is_counted {
            counts.concurrent -= 1;
        }
        drop(counts);
        self.changes.notify();
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
