//! In-memory state of the handlers. All of it may be lost; everything else is stored.

use std::{
    collections::VecDeque,
    sync::{Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;

/// How many forms are tracked.
const FORMS_MAX: usize = 1_000;

/// The time of the latest instance select of each form, so that the later of two concurrent ones wins.
#[derive(Debug, Default)]
pub(super) struct LatestSelects(Mutex<VecDeque<(String, String)>>);

impl LatestSelects {
    /// Records a select made at `at`, an `action_ts`.
    pub(super) fn record(&self, view: &str, at: &str) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match latest.iter_mut().find(|(id, _)| id == view) {
            Some((_, last)) if last.as_str() < at => at.clone_into(last),
            Some(_) => {}
            None => {
                if latest.len() >= FORMS_MAX {
                    latest.pop_front();
                }
                latest.push_back((view.to_owned(), at.to_owned()));
            }
        }
    }

    /// Whether the select made at `at` is the latest of its form.
    pub(super) fn is_latest(&self, view: &str, at: &str) -> bool {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.iter().all(|(id, last)| id != view || last == at)
    }
}

/// The rendered answer to `help`. An app has one command, so one entry is enough.
#[derive(Debug, Default)]
pub(super) struct UsageCache(OnceLock<(String, Bytes)>);

impl UsageCache {
    /// The answer for `command`, rendered by `render` unless cached.
    pub(super) fn get(&self, command: &str, render: impl Fn() -> Bytes) -> Bytes {
        let (cached, bytes) = self.0.get_or_init(|| (command.to_owned(), render()));
        if cached == command { bytes.clone() } else { render() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_select_of_each_form_wins() {
        let latest = LatestSelects::default();
        latest.record("V1", "2.0");
        latest.record("V1", "1.0");
        latest.record("V2", "1.0");
        assert!(
            latest.is_latest("V1", "2.0") && !latest.is_latest("V1", "1.0") && latest.is_latest("V2", "1.0")
        );
        for form in 0..2 * FORMS_MAX {
            latest.record(&format!("W{form}"), "3.0");
        }
        assert_eq!(latest.0.lock().unwrap().len(), FORMS_MAX);
    }

    #[test]
    fn usage_is_cached_for_one_command_only() {
        let cache = UsageCache::default();
        assert_eq!(cache.get("/a", || Bytes::from_static(b"a")), "a");
        assert_eq!(cache.get("/b", || Bytes::from_static(b"b")), "b");
        assert_eq!(cache.get("/a", || unreachable!("it is cached")), "a");
    }
}
