//! The configuration file: which one to read, and parsing it to a TOML table. It does not know any key.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use toml::Table;

use super::{
    environment::Environment,
    error::{ConfigError, ConfigErrors},
};

/// The file that is read if none is named.
pub(super) const DEFAULT_FILE: &str = "marketo-api-user.toml";

/// A parsed configuration file.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) table: Table,
    /// Whether a file exists.
    pub(super) is_from_file: bool,
}

/// Reads the file that `--config` or `CONFIG` names; else `fallback` if it exists; else an empty document. Returns `None`
/// after an error, so that one missing bracket is not followed by twenty missing keys.
pub(super) fn find(
    environment: &Environment,
    option: Option<&Path>,
    fallback: &Path,
    errors: &ConfigErrors,
) -> Option<Document> {
    let named = match (option, environment.get("CONFIG")) {
        (Some(path), _) => Some(("--config", path.to_owned())),
        (None, Some(path)) => Some(("CONFIG", PathBuf::from(path))),
        (None, None) => None,
    };
    let (key, path) = named.as_ref().map_or((DEFAULT_FILE, fallback), |(key, path)| (*key, path.as_path()));
    match fs::read(path) {
        Ok(bytes) => errors.value_of(parse(&path.display().to_string(), bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
            Some(Document { table: Table::new(), is_from_file: false })
        }
        Err(error) => {
            errors.add(key, format!("{} cannot be read: {error}", path.display()));
            None
        }
    }
}

fn parse(name: &str, bytes: Vec<u8>) -> Result<Document, ConfigError> {
    let text = String::from_utf8(bytes).map_err(|_| ConfigError::new(name, "is not text in UTF-8"))?;
    match text.parse::<Table>() {
        Ok(table) => Ok(Document { table, is_from_file: true }),
        Err(error) => {
            let (line, column) = position(&text, error.span().map_or(0, |span| span.start));
            Err(ConfigError::new(name, format!("line {line}, column {column}: {}", error.message())))
        }
    }
}

/// Line and column of a byte, counted from one.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find_in(
        folder: &Path,
        variable: Option<&Path>,
        option: Option<&Path>,
    ) -> (Option<Document>, Vec<ConfigError>) {
        let environment =
            Environment::from_pairs(variable.map(|path| ("CONFIG", path.to_str().unwrap().to_owned())));
        let errors = ConfigErrors::default();
        let document = find(&environment, option, &folder.join(DEFAULT_FILE), &errors);
        (document, errors.into_vec())
    }

    #[test]
    fn option_takes_precedence_over_variable_and_variable_over_default_file() {
        let folder = tempfile::tempdir().unwrap();
        let [default, a, b] = [DEFAULT_FILE, "a.toml", "b.toml"].map(|name| folder.path().join(name));
        for path in [&a, &b] {
            fs::write(path, format!("name = {:?}", path.file_name().unwrap())).unwrap();
        }
        let name = |variable: Option<&Path>, option: Option<&Path>| {
            let (document, errors) = find_in(folder.path(), variable, option);
            assert_eq!(errors, []);
            document.unwrap().table.get("name").map(|name| name.as_str().unwrap().to_owned())
        };
        assert_eq!(name(None, None), None);
        fs::write(&default, "name = 'default'").unwrap();
        assert_eq!(name(None, None).as_deref(), Some("default"));
        assert_eq!(name(Some(&a), None).as_deref(), Some("a.toml"));
        assert_eq!(name(Some(&a), Some(&b)).as_deref(), Some("b.toml"));
    }

    #[test]
    fn named_file_must_exist() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent.toml");
        for (variable, option, key) in [(Some(&absent), None, "CONFIG"), (None, Some(&absent), "--config")] {
            let (document, errors) =
                find_in(folder.path(), variable.map(PathBuf::as_path), option.map(PathBuf::as_path));
            assert!(document.is_none());
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert_eq!(errors[0].key, key);
            assert!(errors[0].problem.contains("absent.toml cannot be read"), "{}", errors[0]);
        }
    }

    #[test]
    fn syntax_error_names_line_and_column() {
        for (text, expected) in [
            ("a = 1\nb = = 2\n", "f.toml: line 2, column 5: "),
            ("a = 1\né = 1\n", "f.toml: line 2, column 1: "),
            ("[policy\n", "f.toml: line 1, column 8: "),
            ("a = 1\na = 2\n", "f.toml: line 2, column 1: duplicate key"),
            ("a = \"open\n", "f.toml: line 1, column 10: "),
        ] {
            let error = parse("f.toml", text.as_bytes().to_vec()).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        let error = parse("f.toml", vec![0xff]).unwrap_err();
        assert_eq!(error.to_string(), "f.toml: is not text in UTF-8");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in any::<Vec<u8>>()) {
            let _ = parse("f.toml", bytes);
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in "[a-z\\[\\]={}\"'#.,0-9 \n\u{e9}]{0,200}") {
            let _ = parse("f.toml", text.into_bytes());
        }
    }
}
