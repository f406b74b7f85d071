//! One table of the configuration file, read key by key. Each reader returns a value, or adds an error that names the
//! key's path, what was expected and, for a wrong type, what was found. It does not know any key.

use std::{ops::RangeInclusive, time::Duration};

use toml::{Table, Value};

use super::{
    duration,
    error::{ConfigErrors, quoted},
    keys,
};

/// A table with its path. A missing table reads like an empty one.
#[derive(Debug)]
pub(super) struct Section<'a> {
    path: String,
    table: Option<&'a Table>,
    /// Whether it is not a table at all. That is one error; missing keys are not reported then.
    is_broken: bool,
    errors: &'a ConfigErrors,
}

impl<'a> Section<'a> {
    /// Opens the table `name` of the file, which may have the keys `known`.
    pub(super) fn open(root: &'a Table, name: &str, known: &[&str], errors: &'a ConfigErrors) -> Self {
        match root.get(name) {
            Some(value) => Self::of(value, name.to_owned(), known, errors),
            None => Self { path: name.to_owned(), table: None, is_broken: false, errors },
        }
    }

    /// Reads `value` as a table, which may have the keys `known`.
    pub(super) fn of(value: &'a Value, path: String, known: &[&str], errors: &'a ConfigErrors) -> Self {
        let table = value.as_table();
        let section = Self { path, table, is_broken: table.is_none(), errors };
        match table {
            Some(table) => {
                for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
                    section.reject(&bare_or_quoted(key), keys::unknown(key, known));
                }
            }
            None => errors.add(&section.path, wrong_type("a table", value)),
        }
        section
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.table?.get(key)
    }

    /// Whether a key is present.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Adds an error about a key.
    pub(super) fn reject(&self, key: &str, problem: impl Into<String>) {
        self.errors.add(format!("{}.{key}", self.path), problem);
    }

    /// Adds an error if a key is missing.
    pub(super) fn require(&self, key: &str, expected: &str) {
        if !self.is_broken && self.get(key).is_none() {
            self.reject(key, format!("is not set: expected {expected}"));
        }
    }

    /// Adds an error if a list is missing or empty.
    pub(super) fn require_list(&self, key: &str, expected: &str) {
        self.require(key, expected);
        if self.get(key).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.reject(key, format!("is empty: expected {expected}"));
        }
    }

    /// A string, parsed by `read`. `expected` is for the error about a value of another type.
    pub(super) fn text<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.get(key)?;
        let read = match value.as_str() {
            Some(text) => read(text),
            None => Err(wrong_type(expected, value)),
        };
        read.map_err(|problem| self.reject(key, problem)).ok()
    }

    /// One of a few strings.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)], default: T) -> T {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
        let expected = words.join(" or ");
        self.text(key, &expected, |text| {
            let found = choices.iter().find(|(word, _)| *word == text);
            found.map(|(_, choice)| *choice).ok_or_else(|| unexpected(text, &expected))
        })
        .unwrap_or(default)
    }

    /// A whole number within `bounds`.
    pub(super) fn whole(&self, key: &str, bounds: RangeInclusive<u32>, default: u32) -> u32 {
        let Some(value) = self.get(key) else { return default };
        let expected = match bounds.end() {
            &u32::MAX => format!("a whole number, {} or more", bounds.start()),
            end => format!("a whole number from {} to {end}", bounds.start()),
        };
        let Some(number) = value.as_integer() else {
            self.reject(key, wrong_type(&expected, value));
            return default;
        };
        match u32::try_from(number).ok().filter(|number| bounds.contains(number)) {
            Some(number) => number,
            None => {
                self.reject(key, format!("{number} is out of range: expected {expected}"));
                default
            }
        }
    }

    /// A duration.
    pub(super) fn duration(&self, key: &str, default: Duration) -> Duration {
        self.text(key, duration::EXPECTED, read_duration).unwrap_or(default)
    }

    /// A duration, or `"off"`.
    pub(super) fn duration_or_off(&self, key: &str, default: Option<Duration>) -> Option<Duration> {
        let expected = format!("{}, or \"off\"", duration::EXPECTED);
        self.text(key, &expected, |text| match text {
            "off" => Ok(None),
            text => read_duration(text).map(Some).map_err(|problem| format!("{problem}, or \"off\"")),
        })
        .unwrap_or(default)
    }

    /// A duration, or the number `0` for `None`.
    pub(super) fn duration_or_none(&self, key: &str, default: Option<Duration>) -> Option<Duration> {
        if self.get(key).and_then(Value::as_integer) == Some(0) {
            return None;
        }
        let expected = format!("{}, or 0", duration::EXPECTED);
        let read = |text: &str| read_duration(text).map_err(|problem| format!("{problem}, or 0"));
        self.text(key, &expected, read).map_or(default, Some)
    }

    /// A list without duplicates. Each item that `read` rejects is an error.
    pub(super) fn list<T: PartialEq>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        let Some(value) = self.get(key) else { return list };
        let Some(items) = value.as_array() else {
            self.reject(key, wrong_type(&format!("a list of {expected}"), value));
            return list;
        };
        for (index, item) in items.iter().enumerate() {
            match read(item) {
                Ok(item) if list.contains(&item) => {}
                Ok(item) => list.push(item),
                Err(problem) => self.reject(&format!("{key}[{index}]"), problem),
            }
        }
        list
    }

    /// One item, or a list, which must not be empty.
    pub(super) fn one_or_more<T: PartialEq>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Vec<T> {
        match self.get(key) {
            None => Vec::new(),
            Some(Value::Array(items)) => {
                if items.is_empty() {
                    self.reject(key, format!("is empty: expected {expected}, or no such key"));
                }
                self.list(key, expected, read)
            }
            Some(item) => read(item).map_err(|problem| self.reject(key, problem)).ok().into_iter().collect(),
        }
    }

    /// A list of strings.
    pub(super) fn texts<T: PartialEq>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        self.list(key, expected, |item| match item.as_str() {
            Some(text) => read(text),
            None => Err(wrong_type("a string", item)),
        })
    }
}

fn read_duration(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Some(length) if length <= duration::MAX => Ok(length),
        Some(_) => Err(format!("{} is too long: expected at most 3650d", quoted(text))),
        None => Err(unexpected(text, duration::EXPECTED)),
    }
}

/// The error for an invalid value of the right type.
pub(super) fn unexpected(found: &str, expected: &str) -> String {
    format!("{} is invalid: expected {expected}", quoted(found))
}

/// The error for a value of the wrong type. It does not repeat the value.
pub(super) fn wrong_type(expected: &str, found: &Value) -> String {
    let found = match found {
        Value::String(_) => "a string",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date or time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    };
    format!("expected {expected}, found {found}")
}

/// A key as the file writes it.
pub(super) fn bare_or_quoted(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if is_bare { key.to_owned() } else { quoted(key) }
}
