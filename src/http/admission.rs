//! Admission control: limits how many verified requests are in flight, and how much memory long unverified bodies take.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// The common buffer of all long bodies, in bytes.
const SHARED_BUFFER: usize = 16 * 1024 * 1024;

/// The requests and bodies of the moment.
#[derive(Debug)]
pub(super) struct AdmissionControl {
    /// One permit for each verified request in flight; `None`: no limit.
    in_flight: Option<Arc<Semaphore>>,
    /// How much of the common buffer is in use, in bytes.
    shared: AtomicUsize,
}

/// A limit is reached.
#[derive(Debug)]
pub(super) struct Full;

impl AdmissionControl {
    pub(super) fn new(limits: &Limits) -> Self {
        let max = usize::try_from(limits.in_flight).unwrap_or(Semaphore::MAX_PERMITS);
        let in_flight = (max > 0).then(|| Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))));
        Self { in_flight, shared: AtomicUsize::new(0) }
    }

    /// A permit for a verified request; `None` if there is no limit.
    pub(super) fn permit(&self) -> Result<Option<OwnedSemaphorePermit>, Full> {
        self.in_flight.clone().map(Semaphore::try_acquire_owned).transpose().map_err(|_| Full)
    }

    /// An empty share of the common buffer, for one body.
    pub(super) fn buffer(&self) -> BufferShare<'_> {
        BufferShare(&self.shared, 0)
    }
}

/// A share of [`SHARED_BUFFER`], returned on drop.
pub(super) struct BufferShare<'a>(&'a AtomicUsize, usize);

impl BufferShare<'_> {
    /// Takes more of the common buffer.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        self.1 += bytes;
        if self.0.fetch_add(bytes, Relaxed) + bytes <= SHARED_BUFFER { Ok(()) } else { Err(Full) }
    }
}

impl Drop for BufferShare<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Relaxed);
    }
}
