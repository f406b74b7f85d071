//! Errors in the settings, for the operator. They are collected, so that one start reports all of them. This file does not
//! know any setting, and an error never contains a secret.

use std::{cell::RefCell, fmt};

/// How many characters of an invalid value an error repeats.
const MAX_SHOWN: usize = 60;

/// One error in the settings. Its message is always one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting: `SLACK_BOT_TOKEN`, `policy.max_access`, `instance[0].base_url`.
    pub key: String,
    /// What is wrong with it and what was expected.
    pub problem: String,
}

impl ConfigError {
    /// An error in the setting `key`. Control characters become spaces.
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: one_line(&key.into()), problem: one_line(&problem.into()) }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.problem)
    }
}

impl std::error::Error for ConfigError {}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// The errors found so far. Every reader adds to them through a shared reference, hence the cell.
#[derive(Debug, Default)]
pub(super) struct ConfigErrors(RefCell<Vec<ConfigError>>);

impl ConfigErrors {
    pub(super) fn add(&self, key: impl Into<String>, problem: impl Into<String>) {
        self.push(ConfigError::new(key, problem));
    }

    pub(super) fn push(&self, error: ConfigError) {
        self.0.borrow_mut().push(error);
    }

    /// Returns the value, or adds the error.
    pub(super) fn value_of<T>(&self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// The number of errors found so far.
    pub(super) fn count(&self) -> usize {
        self.0.borrow().len()
    }

    pub(super) fn into_vec(self) -> Vec<ConfigError> {
        self.0.into_inner()
    }
}

/// An invalid value for an error: quoted, escaped and truncated. Never use it for a secret.
pub(super) fn quoted(value: &str) -> String {
    let shown: String = value.chars().take(MAX_SHOWN).collect();
    if shown.len() < value.len() { format!("{shown:?}…") } else { format!("{shown:?}") }
}
