//! Notifies subscribers of every change of a simulator. It does not say what changed.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts changes; clones share the counter.
#[derive(Clone, Debug)]
pub struct ChangeNotifier(Arc<watch::Sender<u64>>);

impl Default for ChangeNotifier {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl ChangeNotifier {
    /// Reports a change.
    pub fn notify(&self) {
        self.0.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// Receives every change from now on. Several changes may arrive as one.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
