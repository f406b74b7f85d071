//! A pulse that beats with every change of a simulator, so that whoever shows it knows when to look again. It does not
//! say what changed.

use std::sync::Arc;

use tokio::sync::watch;

/// Beats; clones are the same pulse.
#[derive(Clone, Debug)]
pub struct ChangeNotifier(Arc<watch::Sender<u64>>);

impl Default for ChangeNotifier {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl ChangeNotifier {
    /// Something changed.
    pub fn notify(&self) {
        self.0.send_modify(|beats| *beats = beats.wrapping_add(1));
    }

    /// Feels it from now on. No beat is missed, though several may be felt as one.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
