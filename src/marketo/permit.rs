//! Where a call takes its permit from: this process alone, or a place that several processes share.

use std::{sync::Arc, time::Duration};

use super::{
    budget::{Budget, NoPermit, Permit as Own},
    shared::{HeldPermit, SharedBudget, SharedPermits},
};
use crate::clock::Clock;

/// How much longer than a call the place of a process that died is held.
const MARGIN: Duration = Duration::from_secs(5);

/// Where permits come from.
#[derive(Debug)]
pub(super) enum Permits {
    /// The whole share is this process's.
    Own(Arc<Budget>),
    /// The share is for several processes.
    Shared(SharedBudget),
}

/// The right to make one call; dropping it says that the call has ended.
#[derive(Debug)]
pub(super) enum Permit {
    Own { _permit: Own },
    Shared { _held: HeldPermit },
}

impl Permits {
    /// At most `per_window` calls in any 20 s, and at most `at_once` at the same time, each for at most `timeout`.
    pub(super) fn new(
        per_window: u32,
        at_once: u32,
        timeout: Duration,
        places: Option<Arc<dyn SharedPermits>>,
    ) -> Self {
        match places {
            None => Self::Own(Budget::new(per_window, at_once)),
            Some(places) => Self::Shared(SharedBudget {
                places,
                per_window: per_window.max(1),
                at_once: at_once.max(1),
                life: timeout + MARGIN,
                turn: tokio::sync::Mutex::new(()),
            }),
        }
    }

    /// Waits for a permit, at most for `patience` of the clock's time.
    ///
    /// # Errors
    /// When there was none in that time, or none can be asked for.
    pub(super) async fn acquire(&self, clock: &Clock, patience: Duration) -> Result<Permit, NoPermit> {
        match self {
            Self::Own(budget) => {
                budget.acquire(clock, patience).await.map(|permit| Permit::Own { _permit: permit })
            }
            Self::Shared(shared) => {
                shared.acquire(clock, patience).await.map(|held| Permit::Shared { _held: held })
            }
        }
    }
}
