//! The environment: plain variables, and secrets, which may instead be read from a file (`NAME_FILE`). No other module
//! reads the environment. It knows neither the configuration file nor the purpose of a variable.

use std::{collections::BTreeMap, fmt, fs};

use secrecy::SecretString;

use super::error::{ConfigError, ConfigErrors};

/// The environment variables. `Debug` shows only their names, since values may be secret.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// A secret, and the variable that it was read from (`NAME` or `NAME_FILE`).
pub(super) struct Secret {
    pub(super) variable: String,
    pub(super) text: String,
}

impl Environment {
    /// The environment of this process. Invalid UTF-8 is replaced, so that the value is rejected instead of reported as
    /// missing.
    pub fn from_process() -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self(std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect())
    }

    /// An environment of exactly these variables.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// A variable's value. An empty one counts as not set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A secret, from `NAME` or from the file that `NAME_FILE` names.
    pub(super) fn secret(&self, name: &str) -> Result<Option<Secret>, ConfigError> {
        let file = format!("{name}_FILE");
        match (self.get(name), self.get(&file)) {
            (Some(_), Some(_)) => {
                Err(ConfigError::new(name, format!("is set, and so is {file}: expected only one of them")))
            }
            (Some(text), None) => Ok(Some(Secret { variable: name.to_owned(), text: text.to_owned() })),
            (None, Some(path)) => match read(path) {
                Ok(text) => Ok(Some(Secret { variable: file, text })),
                Err(problem) => Err(ConfigError::new(file, problem)),
            },
            (None, None) => Ok(None),
        }
    }

    /// A secret that consists of visible ASCII characters, as tokens do.
    pub(super) fn token(&self, name: &str) -> Result<Option<String>, ConfigError> {
        self.secret(name)?
            .map(|found| token(&found.text).map_err(|problem| ConfigError::new(found.variable, problem)))
            .transpose()
    }

    /// Like [`Environment::token`], and an error if it is not set. `what` describes the expected value.
    pub(super) fn required_token(&self, name: &str, what: &str, errors: &ConfigErrors) -> Option<String> {
        let found = errors.value_of(self.token(name))?;
        if found.is_none() {
            errors.add(name, not_set(name, what));
        }
        found
    }

    /// The comma-separated tokens of a secret. An error if there is none; `what` describes the expected value.
    pub(super) fn required_tokens(&self, name: &str, what: &str, errors: &ConfigErrors) -> Vec<SecretString> {
        let Some(found) = errors.value_of(self.secret(name)) else { return Vec::new() };
        let Some(Secret { variable, text }) = found else {
            errors.add(name, not_set(name, what));
            return Vec::new();
        };
        // A stray comma must not become an empty secret, with which anybody could sign.
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() {
            errors.add(variable, format!("contains only commas and spaces: expected {what}"));
            return Vec::new();
        }
        match parts.into_iter().map(token).collect::<Result<Vec<_>, _>>() {
            Ok(tokens) => tokens.into_iter().map(SecretString::from).collect(),
            Err(problem) => {
                errors.add(variable, problem);
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
    format!("is not set: expected {what} (or {name}_FILE, the path of a file that contains it)")
}

/// Rejects characters that have no place in a header or a query.
fn token(text: &str) -> Result<String, &'static str> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("contains a space, a line break or another character that tokens cannot have: expected one word")
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
    fn empty_variable_counts_as_not_set() {
        let environment = Environment::from_pairs([("A", ""), ("B", "b")]);
        assert_eq!(environment.get("A"), None);
        assert_eq!(environment.get("B"), Some("b"));
        assert!(environment.token("A").unwrap().is_none());
    }

    #[test]
    fn secret_is_read_from_a_file_without_its_trailing_line_break() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["word", "word\n", "word\r\n"] {
            let path = file(folder.path(), content.as_bytes());
            let environment = Environment::from_pairs([("A_FILE", path), ("A", String::new())]);
            assert_eq!(environment.token("A").unwrap().as_deref(), Some("word"), "{content:?}");
        }
    }

    #[test]
    fn error_of_a_secret_file_names_variable_and_path() {
        let folder = tempfile::tempdir().unwrap();
        for (content, problem) in [
            (&b""[..], "is empty"),
            (b"\n", "is empty"),
            (b"\xff\xfe", "UTF-8"),
            (b"two\nlines", "contains a space, a line break"),
        ] {
            let path = file(folder.path(), content);
            let error = Environment::from_pairs([("A_FILE", &path)]).token("A").unwrap_err();
            assert_eq!(error.key, "A_FILE");
            assert!(error.problem.contains(problem), "{error}");
            assert!(!error.to_string().contains("two"), "{error}");
        }
        let absent = folder.path().join("absent").to_str().unwrap().to_owned();
        let error = Environment::from_pairs([("A_FILE", &absent)]).token("A").unwrap_err();
        assert!(error.problem.starts_with(&format!("{absent} cannot be read")), "{error}");
    }

    #[test]
    fn secret_cannot_be_set_twice() {
        let error = Environment::from_pairs([("A", "x"), ("A_FILE", "/x")]).token("A").unwrap_err();
        assert_eq!(error.to_string(), "A: is set, and so is A_FILE: expected only one of them");
    }

    #[test]
    fn debug_hides_values() {
        let environment = Environment::from_pairs([("A", "hidden")]);
        assert_eq!(format!("{environment:?}"), r#"{"A"}"#);
    }

    #[test]
    fn environment_of_the_process_is_read() {
        assert!(Environment::from_process().get("PATH").is_some());
    }
}
