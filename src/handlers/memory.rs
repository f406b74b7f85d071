//! What handlers remember in this process. All of it may be lost: what must not be is stored.

use std::{
    collections::VecDeque,
    sync::{Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;

/// How many forms are remembered.
const FORMS: usize = 1_000;

/// When an instance was last selected in each form, so that of two selections that came close together the later one
/// wins.
#[derive(Debug, Default)]
pub(super) struct LatestSelects(Mutex<VecDeque<(String, String)>>);

impl LatestSelects {
    /// Takes in a selection made at `at`.
    pub(super) fn note(&self, view: &str, at: &str) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match latest.iter_mut().find(|(known, _)| known == view) {
            Some((_, last)) if last.as_str() < at => at.clone_into(last),
            Some(_) => {}
            None => {
                if latest.len() >= FORMS {
                    latest.pop_front();
                }
                latest.push_back((view.to_owned(), at.to_owned()));
            }
        }
    }

    /// Whether nothing later was selected than at `at`.
    pub(super) fn is_latest(&self, view: &str, at: &str) -> bool {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.iter().all(|(known, last)| known != view || last == at)
    }
}

/// The answer to `help`, written once. An app has one command.
#[derive(Debug, Default)]
pub(super) struct UsageCache(OnceLock<(String, Bytes)>);

impl UsageCache {
    /// The answer for `command`, made by `write` where it is not known.
    pub(super) fn get(&self, command: &str, write: impl Fn() -> Bytes) -> Bytes {
        let (known, bytes) = self.0.get_or_init(|| (command.to_owned(), write()));
        if known == command { bytes.clone() } else { write() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_selection_of_each_form_counts() {
        let latest = LatestSelects::default();
        latest.note("V1", "2.0");
        latest.note("V1", "1.0");
        latest.note("V2", "1.0");
        assert!(
            latest.is_latest("V1", "2.0") && !latest.is_latest("V1", "1.0") && latest.is_latest("V2", "1.0")
        );
        for form in 0..2 * FORMS {
            latest.note(&format!("W{form}"), "3.0");
        }
        assert_eq!(latest.0.lock().unwrap().len(), FORMS);
    }

    #[test]
    fn the_usage_of_another_command_is_not_mixed_up() {
        let cache = UsageCache::default();
        assert_eq!(cache.get("/a", || Bytes::from_static(b"a")), "a");
        assert_eq!(cache.get("/b", || Bytes::from_static(b"b")), "b");
        assert_eq!(cache.get("/a", || unreachable!("it is known")), "a");
    }
}
