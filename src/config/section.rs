//! One table of the configuration file, read key by key. Each reader answers with a value or leaves a fault
//! that names the key's path, what was expected and, for a wrong type, what was found. It knows no key by
//! name; which there are is told when the table is opened.

use std::{ops::RangeInclusive, time::Duration};

use toml::{Table, Value};

use super::{
    duration,
    error::{ConfigErrors, shown},
    keys,
};

/// A table with its path. An absent table reads like an empty one.
#[derive(Debug)]
pub(super) struct Section<'a> {
    path: String,
    table: Option<&'a Table>,
    /// Something else stands in its place. That is told once, not for every key that it lacks.
    is_broken: bool,
    faults: &'a ConfigErrors,
}

impl<'a> Section<'a> {
    /// The table `name` of the file.
    pub(super) fn open(root: &'a Table, name: &str, known: &[&str], faults: &'a ConfigErrors) -> Self {
        match root.get(name) {
            Some(value) => Self::of(value, name.to_owned(), known, faults),
            None => Self { path: name.to_owned(), table: None, is_broken: false, faults },
        }
    }

    /// A value that must be a table with no keys but these.
    pub(super) fn of(value: &'a Value, path: String, known: &[&str], faults: &'a ConfigErrors) -> Self {
        let table = value.as_table();
        let section = Self { path, table, is_broken: table.is_none(), faults };
        match table {
            Some(table) => {
                for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
                    section.fault(&bare_or_quoted(key), keys::unknown(key, known));
                }
            }
            None => faults.add(&section.path, wrong_type("a table", value)),
        }
        section
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.table?.get(key)
    }

    /// Whether a key is written at all.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Tells what is wrong with a key.
    pub(super) fn fault(&self, key: &str, problem: impl Into<String>) {
        self.faults.add(format!("{}.{key}", self.path), problem);
    }

    /// Tells when a key is not written at all.
    pub(super) fn require(&self, key: &str, expected: &str) {
        if !self.is_broken && self.get(key).is_none() {
            self.fault(key, format!("is not set: expected {expected}"));
        }
    }

    /// Tells when a list is not written at all, or empty.
    pub(super) fn require_list(&self, key: &str, expected: &str) {
        self.require(key, expected);
        if self.get(key).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.fault(key, format!("is empty: expected {expected}"));
        }
    }

    /// What `read` makes of a string; `expected` is for a value of another type.
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
        read.map_err(|problem| self.fault(key, problem)).ok()
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)], default: T) -> T {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
        let expected = words.join(" or ");
        self.text(key, &expected, |text| {
            let found = choices.iter().find(|(word, _)| *word == text);
            found.map(|(_, choice)| *choice).ok_or_else(|| unexpected(text, &expected))
        })
        .unwrap_or(default)
    }

    /// A whole number within bounds.
    pub(super) fn whole(&self, key: &str, bounds: RangeInclusive<u32>, default: u32) -> u32 {
        let Some(value) = self.get(key) else { return default };
        let expected = match bounds.end() {
            &u32::MAX => format!("a whole number, {} or more", bounds.start()),
            end => format!("a whole number from {} to {end}", bounds.start()),
        };
        let Some(number) = value.as_integer() else {
            self.fault(key, wrong_type(&expected, value));
            return default;
        };
        match u32::try_from(number).ok().filter(|number| bounds.contains(number)) {
            Some(number) => number,
            None => {
                self.fault(key, format!("{number} is out of bounds: expected {expected}"));
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

    /// A duration, or `0` for none.
    pub(super) fn duration_or_none(&self, key: &str, default: Option<Duration>) -> Option<Duration> {
        if self.get(key).and_then(Value::as_integer) == Some(0) {
            return None;
        }
        let expected = format!("{}, or 0", duration::EXPECTED);
        let read = |text: &str| read_duration(text).map_err(|problem| format!("{problem}, or 0"));
        self.text(key, &expected, read).map_or(default, Some)
    }

    /// A list; each item that `read` refuses is a fault of its own. What is equal counts once.
    pub(super) fn list<T: PartialEq>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        let Some(value) = self.get(key) else { return list };
        let Some(items) = value.as_array() else {
            self.fault(key, wrong_type(&format!("a list of {expected}"), value));
            return list;
        };
        for (index, item) in items.iter().enumerate() {
            match read(item) {
                Ok(item) if list.contains(&item) => {}
                Ok(item) => list.push(item),
                Err(problem) => self.fault(&format!("{key}[{index}]"), problem),
            }
        }
        list
    }

    /// One item, or a list of several; never an empty list.
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
                    self.fault(key, format!("is empty: expected {expected}, or none of this key"));
                }
                self.list(key, expected, read)
            }
            Some(item) => read(item).map_err(|problem| self.fault(key, problem)).ok().into_iter().collect(),
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
        Some(length) if length <= duration::LONGEST => Ok(length),
        Some(_) => Err(format!("{} is too long: expected 3650d at most", shown(text))),
        None => Err(unexpected(text, duration::EXPECTED)),
    }
}

/// What is wrong with a value of the right type.
pub(super) fn unexpected(found: &str, expected: &str) -> String {
    format!("{} is not possible: expected {expected}", shown(found))
}

/// What is wrong with a value of another type. The value itself is not repeated.
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

/// A key as it is written in the file.
pub(super) fn bare_or_quoted(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if is_bare { key.to_owned() } else { shown(key) }
}
