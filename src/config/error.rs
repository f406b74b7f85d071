//! What is wrong with the settings, worded for whoever runs the program. Faults are collected, so that one
//! start tells all of them. This file knows no setting by name, and a fault never holds a secret's value.

use std::{cell::RefCell, fmt};

/// The longest part of a refused value that is repeated in a fault, in characters.
const SHOWN_MAX: usize = 60;

/// One thing that is wrong. Always one line when shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting: `SLACK_BOT_TOKEN`, `policy.max_access`, `instance[0].base_url`.
    pub key: String,
    /// What is wrong with it and what was expected.
    pub problem: String,
}

impl ConfigError {
    /// A fault of `key`. Control characters become spaces, since a fault is one line.
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

/// The faults found so far. Shared by everything that reads, hence the cell.
#[derive(Debug, Default)]
pub(super) struct ConfigErrors(RefCell<Vec<ConfigError>>);

impl ConfigErrors {
    pub(super) fn add(&self, key: impl Into<String>, problem: impl Into<String>) {
        self.push(ConfigError::new(key, problem));
    }

    pub(super) fn push(&self, fault: ConfigError) {
        self.0.borrow_mut().push(fault);
    }

    /// The value, or nothing and one fault more.
    pub(super) fn keep<T>(&self, read: Result<T, ConfigError>) -> Option<T> {
        read.map_err(|fault| self.push(fault)).ok()
    }

    /// How many there are so far.
    pub(super) fn count(&self) -> usize {
        self.0.borrow().len()
    }

    pub(super) fn into_vec(self) -> Vec<ConfigError> {
        self.0.into_inner()
    }
}

/// A refused value as a fault repeats it: quoted, escaped and cut. Never for a secret.
pub(super) fn shown(value: &str) -> String {
    let cut: String = value.chars().take(SHOWN_MAX).collect();
    if cut.len() < value.len() { format!("{cut:?}…") } else { format!("{cut:?}") }
}
