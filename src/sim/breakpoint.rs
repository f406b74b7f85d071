//! Gates at which a simulator stops a call until a test lets it go on: a moment in the life of a call that a test can
//! hold, to do something else meanwhile. Faults say what becomes of a call; gates say only when.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use super::server::Cut;

/// Where in its life a call is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It has arrived and is recorded; nothing is done yet.
    Arrived,
    /// It is carried out, or refused, and the answer is ready; nothing is sent yet.
    CarriedOut,
}

/// A gate that one call to come is stopped at. Dropping it lets the call go on.
#[derive(Debug)]
pub struct Breakpoint {
    reached: oneshot::Receiver<()>,
    open: oneshot::Sender<Resume>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resume {
    On,
    Cut,
}

impl Breakpoint {
    /// Waits until the call stands at the gate; false if it never will, because its simulator is gone.
    pub async fn reached(&mut self) -> bool {
        (&mut self.reached).await.is_ok()
    }

    /// Lets the call go on.
    pub fn open(self) {
        let _ = self.open.send(Resume::On);
    }

    /// Ends the call here: its connection is cut, and nothing more of it is done.
    pub fn cut(self) {
        let _ = self.open.send(Resume::Cut);
    }
}

/// The gates of one simulator, by the name of the call.
#[derive(Debug, Default)]
pub struct Breakpoints(Mutex<Vec<PendingBreakpoint>>);

/// The simulator's end of a gate.
#[derive(Debug)]
struct PendingBreakpoint {
    call: String,
    moment: Moment,
    /// How many calls pass before.
    before: usize,
    reached: oneshot::Sender<()>,
    way: oneshot::Receiver<Resume>,
}

impl Breakpoints {
    /// Stops a call named `call` at `moment`: the `nth` from now on that comes so far, counted from 1. Where a call
    /// meets several gates, it is stopped at each in turn.
    pub fn stop(&self, call: &str, nth: usize, moment: Moment) -> Breakpoint {
        let (reached, is_reached) = oneshot::channel();
        let (open, way) = oneshot::channel();
        let stop =
            PendingBreakpoint { call: call.to_owned(), moment, before: nth.saturating_sub(1), reached, way };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(stop);
        Breakpoint { reached: is_reached, open }
    }

    /// Stops a call where a gate says so.
    pub(in crate::sim) async fn pass(&self, call: &str, moment: Moment) -> Result<(), Cut> {
        for stop in self.due(call, moment) {
            let _ = stop.reached.send(());
            if stop.way.await == Ok(Resume::Cut) {
                return Err(Cut);
            }
        }
        Ok(())
    }

    /// Counts a call, and takes the gates whose call it is.
    fn due(&self, call: &str, moment: Moment) -> Vec<PendingBreakpoint> {
        let mut stops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut due, mut left) = (Vec::new(), Vec::new());
        for mut stop in stops.drain(..) {
            match (stop.call == call && stop.moment == moment, stop.before) {
                (true, 0) => due.push(stop),
                (true, _) => {
                    stop.before -= 1;
                    left.push(stop);
                }
                (false, _) => left.push(stop),
            }
        }
        *stops = left;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_call_that_is_meant_waits_and_no_other_one() {
        let gates = Breakpoints::default();
        let mut gate = gates.stop("invite", 2, Moment::CarriedOut);
        assert!(gates.pass("invite", Moment::Arrived).await.is_ok());
        assert!(gates.pass("invite", Moment::CarriedOut).await.is_ok());
        assert!(gates.pass("allusers", Moment::CarriedOut).await.is_ok());
        let call = gates.pass("invite", Moment::CarriedOut);
        let opens = async {
            assert!(gate.reached().await);
            gate.open();
        };
        assert!(tokio::join!(call, opens).0.is_ok());
        assert!(gates.pass("invite", Moment::CarriedOut).await.is_ok());
    }

    #[tokio::test]
    async fn a_call_may_be_cut_at_its_gate_and_a_gate_that_is_dropped_is_open() {
        let gates = Breakpoints::default();
        gates.stop("invite", 1, Moment::Arrived).cut();
        drop(gates.stop("invite", 2, Moment::Arrived));
        assert!(gates.pass("invite", Moment::Arrived).await.is_err());
        assert!(gates.pass("invite", Moment::Arrived).await.is_ok());
        let mut never = gates.stop("invite", 1, Moment::Arrived);
        drop(gates);
        assert!(!never.reached().await);
    }
}
