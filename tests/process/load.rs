//! Who may load the machine at a time. Most tests of a process measure how long something takes, so none runs beside
//! the crash matrix or the attacks, which use every core.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::const_new(());

/// A test that runs beside others like it, until this is dropped.
pub(crate) type Shared = RwLockReadGuard<'static, ()>;

/// Waits until no test has the machine for itself. A test holds one guard at a time: with two it could wait for a test
/// that waits for it.
pub(crate) async fn shared() -> Shared {
    MACHINE.read().await
}

/// Waits until no other test runs, and has the machine until the answer is dropped.
pub(crate) async fn exclusive() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
}
