//! The settings of the process: listen address, log and database. All come from the environment. It knows neither Slack,
//! Marketo nor the configuration file.

use std::{
    io::{IsTerminal, stdout},
    net::{Ipv4Addr, SocketAddr},
};

use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::{
    environment::Environment,
    error::{ConfigError, ConfigErrors, quoted},
};

const DATABASE_URL: &str = "sqlite:marketo-api-user.db";
const PORT: u16 = 3000;

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Human-readable lines.
    Text,
    /// One JSON object per line.
    Json,
}

/// The settings of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The format.
    pub format: LogFormat,
    /// The filter, in the syntax of `RUST_LOG`.
    pub filter: String,
}

/// The listen address: the variable `BIND`.
///
/// # Errors
/// If it is not an address with a port.
pub fn bind(environment: &Environment) -> Result<SocketAddr, ConfigError> {
    let Some(text) = environment.get("BIND") else { return Ok((Ipv4Addr::LOCALHOST, PORT).into()) };
    text.parse().map_err(|_| {
        let found = quoted(text);
        ConfigError::new("BIND", format!("{found} is invalid: expected address:port, such as 0.0.0.0:3000"))
    })
}

/// The settings of the log: the variables `LOG_FORMAT` and `RUST_LOG`.
///
/// # Errors
/// Every error in them.
pub fn log(environment: &Environment) -> Result<Log, Vec<ConfigError>> {
    let errors = ConfigErrors::default();
    let format = match environment.get("LOG_FORMAT") {
        Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => {
            let found = quoted(other);
            errors.add("LOG_FORMAT", format!("{found} is invalid: expected text or json"));
            LogFormat::Text
        }
        None if stdout().is_terminal() => LogFormat::Text,
        None => LogFormat::Json,
    };
    let filter = environment.get("RUST_LOG").unwrap_or("info").to_owned();
    if let Err(error) = EnvFilter::builder().parse(&filter) {
        let found = quoted(&filter);
        errors.add("RUST_LOG", format!("{found} is not a filter ({error}): expected info, warn, debug …"));
    }
    let errors = errors.into_vec();
    if errors.is_empty() { Ok(Log { format, filter }) } else { Err(errors) }
}

/// The settings of the log if `RUST_LOG` is set, for commands that do not log by default.
///
/// # Errors
/// As [`log`].
pub fn log_if_requested(environment: &Environment) -> Result<Option<Log>, Vec<ConfigError>> {
    environment.get("RUST_LOG").map(|_| log(environment)).transpose()
}

/// The database: the variable `DATABASE_URL`, which may contain a password.
///
/// # Errors
/// If it is not the URL of a database, or the file of `DATABASE_URL_FILE` cannot be read.
pub fn database_url(environment: &Environment) -> Result<SecretString, ConfigError> {
    let Some(found) = environment.secret("DATABASE_URL")? else { return Ok(DATABASE_URL.into()) };
    match database_problem(&found.text) {
        None => Ok(found.text.into()),
        Some(problem) => Err(ConfigError::new(found.variable, problem)),
    }
}

fn database_problem(text: &str) -> Option<&'static str> {
    const EXPECTED: &str =
        "is not the URL of a database: expected sqlite:PATH or postgres://user:password@host/name";
    if text.contains(|c: char| c.is_control()) {
        return Some("contains a line break or another control character: expected one line");
    }
    if let Some(path) = text.strip_prefix("sqlite:") {
        let path = path.trim_start_matches("//");
        if path.is_empty() || path.starts_with('?') {
            return Some("lacks a path: expected sqlite:PATH, such as sqlite:marketo-api-user.db");
        }
        // Stored requests would be lost with the process.
        let is_in_memory = path.starts_with(":memory:") || path.contains("mode=memory");
        return is_in_memory.then_some("is a database in memory: expected a file, as in sqlite:PATH");
    }
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return Some(EXPECTED);
    }
    Url::parse(text).is_err().then_some(
        "cannot be read: expected postgres://user:password@host/name, with special characters of the \
         password percent-encoded (a / is %2F)",
    )
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn with(name: &str, value: &str) -> Environment {
        Environment::from_pairs([(name, value)])
    }

    #[test]
    fn bind_defaults_to_loopback() {
        for (text, expected) in [("", "127.0.0.1:3000"), ("0.0.0.0:80", "0.0.0.0:80"), ("[::]:0", "[::]:0")] {
            assert_eq!(bind(&with("BIND", text)).unwrap().to_string(), expected);
        }
        for text in ["3000", ":3000", "localhost:3000", "127.0.0.1", "127.0.0.1:99999", " 127.0.0.1:1"] {
            assert_eq!(bind(&with("BIND", text)).unwrap_err().key, "BIND", "{text}");
        }
    }

    #[test]
    fn log_settings_come_from_two_variables() {
        let environment = Environment::from_pairs([("LOG_FORMAT", "text"), ("RUST_LOG", "warn,sqlx=off")]);
        let expected = Log { format: LogFormat::Text, filter: "warn,sqlx=off".to_owned() };
        assert_eq!(log(&environment), Ok(expected));
        assert_eq!(log(&with("LOG_FORMAT", "json")).unwrap().format, LogFormat::Json);
        assert_eq!(log(&Environment::default()).unwrap().filter, "info");
        let environment = Environment::from_pairs([("LOG_FORMAT", "xml"), ("RUST_LOG", "a=b=c")]);
        assert_eq!(log_if_requested(&Environment::default()), Ok(None));
        assert_eq!(log_if_requested(&environment), log(&environment).map(Some));
        let keys: Vec<_> = log(&environment).unwrap_err().into_iter().map(|error| error.key).collect();
        assert_eq!(keys, ["LOG_FORMAT", "RUST_LOG"]);
    }

    #[test]
    fn database_is_sqlite_or_postgresql() {
        for (text, expected) in [
            ("", DATABASE_URL),
            ("sqlite:a b.db", "sqlite:a b.db"),
            ("sqlite:///data/bot.db?mode=rwc", "sqlite:///data/bot.db?mode=rwc"),
            ("postgres://bot:hidden@db/bot", "postgres://bot:hidden@db/bot"),
            ("postgresql:///bot?host=/run/postgresql", "postgresql:///bot?host=/run/postgresql"),
        ] {
            assert_eq!(database_url(&with("DATABASE_URL", text)).unwrap().expose_secret(), expected);
        }
        for text in [
            "hidden.db",
            "mysql://bot:hidden@db/bot",
            "sqlite:",
            "sqlite://",
            "sqlite:?mode=rwc",
            "sqlite::memory:",
            "sqlite:file:x?mode=memory",
            "sqlite:a\nb",
            "postgres:bot",
            "postgres://bot:hid/den@db/bot",
        ] {
            let error = database_url(&with("DATABASE_URL", text)).unwrap_err();
            assert_eq!(error.key, "DATABASE_URL", "{text}");
            assert!(!error.problem.contains("hid"), "{error}");
        }
    }
}
