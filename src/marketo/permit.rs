//! The source of a call's permit: this process's own rate limit, or one that several processes share.

use std::{sync::Arc, time::Duration};

use super::{
    budget::{Budget, LocalPermit, NoPermit},
    shared::{HeldPermit, SharedBudget, SharedPermits},
};
use crate::clock::Clock;

/// How much longer than a call the permit of a crashed process stays taken.
const MARGIN: Duration = Duration::from_secs(5);

/// The source of permits.
#[derive(Debug)]
pub(super) enum Permits {
    /// The limits are for this process alone.
    Local(Arc<Budget>),
    /// The limits are for several processes together.
    Shared(SharedBudget),
}

/// The right to make one call. Drop it when the call has ended.
#[derive(Debug)]
pub(super) enum Permit {
    Local { _permit: LocalPermit },
    Shared { _permit: HeldPermit },
}

impl Permits {
    /// At most `per_window` calls in any 20 s, and at most `max_concurrent` at the same time, each for up to `timeout`.
    pub(super) fn new(
        per_window: u32,
        max_concurrent: u32,
        timeout: Duration,
        shared: Option<Arc<dyn SharedPermits>>,
    ) -> Self {
        match shared {
            None => Self::Local(Budget::new(per_window, max_concurrent)),
            Some(permits) => Self::Shared(SharedBudget {
                permits,
                per_window: per_window.max(1),
                max_concurrent: max_concurrent.max(1),
                expires_after: timeout + MARGIN,
                turn: tokio::sync::Mutex::new(()),
            }),
        }
    }

    /// Waits for a permit, at most `timeout` of the clock's time.
    ///
    /// # Errors
    /// If none became free in that time, or the shared permits are unavailable.
    pub(super) async fn acquire(&self, clock: &Clock, timeout: Duration) -> Result<Permit, NoPermit> {
        match self {
            Self::Local(budget) => {
                budget.acquire(clock, timeout).await.map(|permit| Permit::Local { _permit: permit })
            }
            Self::Shared(budget) => {
                budget.acquire(clock, timeout).await.map(|permit| Permit::Shared { _permit: permit })
            }
        }
    }
}
