//! Keeps a record of every call, and counts how many come at once and in 20 s. Identity calls do not count.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;

use super::route::{Asked, Route};
use crate::{
    clock::{Clock, Stopwatch},
    sim::change_notifier::ChangeNotifier,
};

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
    /// The answer, if it was JSON.
    pub answer: Option<Value>,
    /// How long it took until it was answered, or cut, in real time.
    pub took: Option<Duration>,
}

#[derive(Debug, Default)]
pub(super) struct Traffic {
    counts: Arc<Mutex<Counts>>,
    pulse: ChangeNotifier,
}

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
    pulse: ChangeNotifier,
    watch: Stopwatch,
    place: usize,
    counted: bool,
    pub(super) load: Load,
}

impl Traffic {
    pub(super) fn pulse(&self) -> &ChangeNotifier {
        &self.pulse
    }

    pub(super) fn arrive(&self, asked: &Asked, clock: &Clock) -> Arrival {
        let (at, watch) = (clock.now(), clock.stopwatch());
        let mut counts = locked(&self.counts);
        let counted = asked.route != Route::Token;
        counts.calls.push(CallRecord {
            at,
            name: asked.route.name(),
            method: asked.method.to_string(),
            path: asked.path.clone(),
            body: serde_json::from_slice(&asked.body).ok(),
            status: None,
            answer: None,
            took: None,
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
        self.pulse.notify();
        let (shared, pulse) = (Arc::clone(&self.counts), self.pulse.clone());
        Arrival { counts: shared, pulse, watch, place, counted, load }
    }

    pub(super) fn calls(&self) -> Vec<CallRecord> {
        locked(&self.counts).calls.clone()
    }

    pub(super) fn peak_concurrency(&self) -> usize {
        locked(&self.counts).peak_at_once
    }

    pub(super) fn peak_20s(&self) -> usize {
        locked(&self.counts).peak_in_window
    }
}

impl Arrival {
    /// The call is answered with this status and body.
    pub(super) fn answered(self, status: u16, body: Option<&Value>) {
        let call = &mut locked(&self.counts).calls[self.place];
        call.status = Some(status);
        call.answer = body.cloned();
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut counts = locked(&self.counts);
        counts.calls[self.place].took = Some(Duration::from_secs_f64(self.watch.seconds()));
        if self.counted {
            counts.at_once -= 1;
        }
        drop(counts);
        self.pulse.notify();
    }
}

fn locked(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
