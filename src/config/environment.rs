//! The environment: plain variables, and secrets that may instead stand in a file (`NAME_FILE`). It is the
//! only place that reads it. It knows neither the configuration file nor what a variable is for.

use std::{collections::BTreeMap, fmt, fs};

use secrecy::SecretString;

use super::error::{ConfigError, ConfigErrors};

/// The variables that the program sees. Its `Debug` shows names only: values may be secret.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// A secret's text, and the variable that led to it.
pub(super) struct Found {
    pub(super) variable: String,
    pub(super) text: String,
}

impl Environment {
    /// The environment of this process. What is not UTF-8 is kept with replacement characters, so that it
    /// is refused as a bad value and not reported as missing.
    pub fn from_process() -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self(std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect())
    }

    /// An environment of exactly these variables.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// A variable's value; an empty one counts as not set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A secret's text, from `NAME` or from the file that `NAME_FILE` names.
    pub(super) fn secret(&self, name: &str) -> Result<Option<Found>, ConfigError> {
        let file = format!("{name}_FILE");
        match (self.get(name), self.get(&file)) {
            (Some(_), Some(_)) => {
                Err(ConfigError::new(name, format!("is set, and so is {file}: expected one of them")))
            }
            (Some(text), None) => Ok(Some(Found { variable: name.to_owned(), text: text.to_owned() })),
            (None, Some(path)) => match read(path) {
                Ok(text) => Ok(Some(Found { variable: file, text })),
                Err(problem) => Err(ConfigError::new(file, problem)),
            },
            (None, None) => Ok(None),
        }
    }

    /// A secret that has the form of a token: visible ASCII characters.
    pub(super) fn token(&self, name: &str) -> Result<Option<String>, ConfigError> {
        self.secret(name)?
            .map(|found| token(&found.text).map_err(|problem| ConfigError::new(found.variable, problem)))
            .transpose()
    }

    /// As [`Environment::token`]; where it is not set, `what` says in the fault what was expected.
    pub(super) fn required_token(&self, name: &str, what: &str, faults: &ConfigErrors) -> Option<String> {
        let found = faults.keep(self.token(name))?;
        if found.is_none() {
            faults.add(name, not_set(name, what));
        }
        found
    }

    /// The comma-separated tokens of a secret, at least one.
    pub(super) fn required_tokens(&self, name: &str, what: &str, faults: &ConfigErrors) -> Vec<SecretString> {
        let Some(found) = faults.keep(self.secret(name)) else { return Vec::new() };
        let Some(Found { variable, text }) = found else {
            faults.add(name, not_set(name, what));
            return Vec::new();
        };
        // A stray comma must never become an empty secret: everybody could sign with that.
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() {
            faults.add(variable, format!("holds nothing but commas and spaces: expected {what}"));
            return Vec::new();
        }
        match parts.into_iter().map(token).collect::<Result<Vec<_>, _>>() {
            Ok(tokens) => tokens.into_iter().map(SecretString::from).collect(),
            Err(problem) => {
                faults.add(variable, problem);
                Vec::new()
            }
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn not_set(name: &str, what: &str) -> String {
    format!("is not set: expected {what} (or {name}_FILE, the path of a file that holds it)")
}

/// A secret becomes part of a header or of a query, where a space or a line break would be refused or worse.
fn token(text: &str) -> Result<String, &'static str> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("holds a space, a line break or another character that no token has: expected one word")
    }
}

fn read(path: &str) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{path} is not text in UTF-8"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err(format!("{path} is empty")) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn file(folder: &Path, content: &[u8]) -> String {
        let path = folder.join("secret");
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let environment = Environment::from_pairs([("A", ""), ("B", "b")]);
        assert_eq!(environment.get("A"), None);
        assert_eq!(environment.get("B"), Some("b"));
        assert!(environment.token("A").unwrap().is_none());
    }

    #[test]
    fn a_secret_may_stand_in_a_file_whose_last_line_break_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["word", "word\n", "word\r\n"] {
            let path = file(folder.path(), content.as_bytes());
            let environment = Environment::from_pairs([("A_FILE", path), ("A", String::new())]);
            assert_eq!(environment.token("A").unwrap().as_deref(), Some("word"), "{content:?}");
        }
    }

    #[test]
    fn a_bad_secret_file_is_told_with_variable_and_path() {
        let folder = tempfile::tempdir().unwrap();
        for (content, problem) in [
            (&b""[..], "is empty"),
            (b"\n", "is empty"),
            (b"\xff\xfe", "UTF-8"),
            (b"two\nlines", "holds a space, a line break"),
        ] {
            let path = file(folder.path(), content);
            let fault = Environment::from_pairs([("A_FILE", &path)]).token("A").unwrap_err();
            assert_eq!(fault.key, "A_FILE");
            assert!(fault.problem.contains(problem), "{fault}");
            assert!(!fault.to_string().contains("two"), "{fault}");
        }
        let absent = folder.path().join("absent").to_str().unwrap().to_owned();
        let fault = Environment::from_pairs([("A_FILE", &absent)]).token("A").unwrap_err();
        assert!(fault.problem.starts_with(&format!("{absent} cannot be read")), "{fault}");
    }

    #[test]
    fn a_secret_is_given_once() {
        let fault = Environment::from_pairs([("A", "x"), ("A_FILE", "/x")]).token("A").unwrap_err();
        assert_eq!(fault.to_string(), "A: is set, and so is A_FILE: expected one of them");
    }

    #[test]
    fn values_are_not_shown() {
        let environment = Environment::from_pairs([("A", "hidden")]);
        assert_eq!(format!("{environment:?}"), r#"{"A"}"#);
    }

    #[test]
    fn the_process_has_an_environment() {
        assert!(Environment::from_process().get("PATH").is_some());
    }
}
