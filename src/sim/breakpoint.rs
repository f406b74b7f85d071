//! Breakpoints that pause a call inside a simulator until a test resumes it, so that the test can act while the call is
//! in flight. A fault decides how a call is answered; a breakpoint decides only when.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use super::server::Cut;

/// Where a call is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The call has arrived and is recorded, but not executed.
    Arrived,
    /// The call is executed or refused, but its response is not sent.
    CarriedOut,
}

/// Pauses one future call. Dropping it resumes the call.
#[derive(Debug)]
pub struct Breakpoint {
    reached: oneshot::Receiver<()>,
    resume: oneshot::Sender<Resume>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resume {
    Continue,
    Cut,
}

impl Breakpoint {
    /// Waits until the call is paused; false if its simulator is gone.
    pub async fn reached(&mut self) -> bool {
        (&mut self.reached).await.is_ok()
    }

    /// Resumes the call.
    pub fn open(self) {
        let _ = self.resume.send(Resume::Continue);
    }

    /// Ends the call here by cutting its connection.
    pub fn cut(self) {
        let _ = self.resume.send(Resume::Cut);
    }
}

/// The breakpoints of one simulator, by the name of the call.
#[derive(Debug, Default)]
pub struct Breakpoints(Mutex<Vec<PendingBreakpoint>>);

/// The simulator's half of a [`Breakpoint`].
#[derive(Debug)]
struct PendingBreakpoint {
    call: String,
    moment: Moment,
    /// How many matching calls pass before the one that is paused.
    skip: usize,
    reached: oneshot::Sender<()>,
    resume: oneshot::Receiver<Resume>,
}

impl Breakpoints {
    /// Pauses a call named `call` at `moment`: the `nth` from now on to reach that moment, counted from 1. A call that
    /// matches several breakpoints is paused at each in turn.
    pub fn stop(&self, call: &str, nth: usize, moment: Moment) -> Breakpoint {
        let (reached, is_reached) = oneshot::channel();
        let (resume, resumed) = oneshot::channel();
        let skip = nth.saturating_sub(1);
        let pending = PendingBreakpoint { call: call.to_owned(), moment, skip, reached, resume: resumed };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(pending);
        Breakpoint { reached: is_reached, resume }
    }

    /// Pauses a call at every breakpoint that matches it.
    pub(in crate::sim) async fn pass(&self, call: &str, moment: Moment) -> Result<(), Cut> {
        for pending in self.take_matching(call, moment) {
            let _ = pending.reached.send(());
            if pending.resume.await == Ok(Resume::Cut) {
                return Err(Cut);
            }
        }
        Ok(())
    }

    /// Counts a call, and removes the breakpoints that match it.
    fn take_matching(&self, call: &str, moment: Moment) -> Vec<PendingBreakpoint> {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut matching, mut rest) = (Vec::new(), Vec::new());
        for mut breakpoint in pending.drain(..) {
            match (breakpoint.call == call && breakpoint.moment == moment, breakpoint.skip) {
                (true, 0) => matching.push(breakpoint),
                (true, _) => {
                    breakpoint.skip -= 1;
                    rest.push(breakpoint);
                }
                (false, _) => rest.push(breakpoint),
            }
        }
        *pending = rest;
        matching
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_matching_call_is_paused() {
        let breakpoints = Breakpoints::default();
        let mut breakpoint = breakpoints.stop("invite", 2, Moment::CarriedOut);
        assert!(breakpoints.pass("invite", Moment::Arrived).await.is_ok());
        assert!(breakpoints.pass("invite", Moment::CarriedOut).await.is_ok());
        assert!(breakpoints.pass("allusers", Moment::CarriedOut).await.is_ok());
        let call = breakpoints.pass("invite", Moment::CarriedOut);
        let resumes = async {
            assert!(breakpoint.reached().await);
            breakpoint.open();
        };
        assert!(tokio::join!(call, resumes).0.is_ok());
        assert!(breakpoints.pass("invite", Moment::CarriedOut).await.is_ok());
    }

    #[tokio::test]
    async fn a_paused_call_can_be_cut_and_a_dropped_breakpoint_resumes_it() {
        let breakpoints = Breakpoints::default();
        breakpoints.stop("invite", 1, Moment::Arrived).cut();
        drop(breakpoints.stop("invite", 2, Moment::Arrived));
        assert!(breakpoints.pass("invite", Moment::Arrived).await.is_err());
        assert!(breakpoints.pass("invite", Moment::Arrived).await.is_ok());
        let mut never = breakpoints.stop("invite", 1, Moment::Arrived);
        drop(breakpoints);
        assert!(!never.reached().await);
    }
}
