//! How much is taken in at the same time: signed requests in hand, and long bodies of whom nobody knows yet who signed them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// How much of all bodies is buffered beyond what each may always have, in bytes.
const BEYOND: usize = 16 * 1024 * 1024;

/// What is being taken in at the moment.
#[derive(Debug)]
pub(super) struct AdmissionControl {
    /// The places for signed requests; absent: as many as come.
    places: Option<Arc<Semaphore>>,
    /// What is buffered of long bodies.
    beyond: AtomicUsize,
}

/// There is too much to do at the moment.
#[derive(Debug)]
pub(super) struct Full;

impl AdmissionControl {
    pub(super) fn new(limits: &Limits) -> Self {
        let most = usize::try_from(limits.in_flight).unwrap_or(Semaphore::MAX_PERMITS);
        let places = (most > 0).then(|| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))));
        Self { places, beyond: AtomicUsize::new(0) }
    }

    /// A place among the signed requests in hand; nothing where there is no limit.
    pub(super) fn place(&self) -> Result<Option<OwnedSemaphorePermit>, Full> {
        self.places.clone().map(Semaphore::try_acquire_owned).transpose().map_err(|_| Full)
    }

    /// Nothing yet of what long bodies may have.
    pub(super) fn buffer(&self) -> BufferShare<'_> {
        BufferShare(&self.beyond, 0)
    }
}

/// A part of [`BEYOND`], given back in the end.
pub(super) struct BufferShare<'a>(&'a AtomicUsize, usize);

impl BufferShare<'_> {
    /// Takes more.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        self.1 += bytes;
        if self.0.fetch_add(bytes, Relaxed) + bytes <= BEYOND { Ok(()) } else { Err(Full) }
    }
}

impl Drop for BufferShare<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Relaxed);
    }
}
