//! The table of attacks.

use std::io::{Write, stdout};

/// Attacks and their results.
#[derive(Default)]
pub(crate) struct Table {
    group: &'static str,
    failed: usize,
    tried: usize,
}

impl Table {
    /// Starts another kind of attack.
    pub(crate) fn group(&mut self, name: &'static str) {
        self.group = name;
    }

    /// An attack, whether it was repelled, and its visible result.
    pub(crate) fn row(&mut self, attack: &str, is_repelled: bool, seen: impl std::fmt::Display) {
        self.tried += 1;
        self.failed += usize::from(!is_repelled);
        let verdict = if is_repelled { "repelled" } else { "NOT REPELLED" };
        let _ = writeln!(stdout(), "{:<10} {attack:<66} {verdict:<12} {seen}", self.group);
    }

    /// Asserts that every attack was repelled.
    pub(crate) fn is_clean(&self) {
        let _ = writeln!(stdout(), "{} attacks, {} of them not repelled", self.tried, self.failed);
        assert_eq!(self.failed, 0);
    }
}
