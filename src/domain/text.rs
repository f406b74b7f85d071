//! Text that people type, validated and cleaned: emails, names and reasons. Each type is only made by `parse`. Escaping for
//! display belongs to the module that displays it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The maximum length of an email, in characters.
pub const EMAIL_MAX: usize = 254;
/// The maximum length of a first or last name, in characters.
pub const NAME_MAX: usize = 100;
/// The maximum length of a reason, in characters.
pub const REASON_MAX: usize = 1000;

/// Why a text is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// Empty, or only white space and invisible characters.
    Empty,
    /// More characters than allowed.
    TooLong,
    /// Not in the required format.
    Malformed,
}

/// An email in the format that Marketo accepts. Displayed as typed; compared ignoring case.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// Parses an email; surrounding white space is ignored.
    ///
    /// # Errors
    /// When it is empty, longer than [`EMAIL_MAX`], or does not match the pattern in Marketo's description of `invite.json`.
    pub fn parse(typed: &str) -> Result<Self, TextError> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Err(TextError::Empty);
        }
        if typed.chars().count() > EMAIL_MAX {
            return Err(TextError::TooLong);
        }
        let (local, domain) = typed.rsplit_once('@').ok_or(TextError::Malformed)?;
        if is_local(local) && is_domain(domain) {
            Ok(Self(typed.to_owned()))
        } else {
            Err(TextError::Malformed)
        }
    }

    /// The email as typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key for comparisons: equal for emails that differ only in case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }

    /// Whether the email is in `domain`, ignoring case. Subdomains are other domains.
    pub fn is_in(&self, domain: &str) -> bool {
        self.0.rsplit_once('@').is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain))
    }
}

fn is_local(local: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.!#$%&'*+/=?^`{|}~".contains(&b);
    !local.is_empty() && local.bytes().all(allowed)
}

fn is_domain(domain: &str) -> bool {
    let Some((labels, top)) = domain.rsplit_once('.') else { return false };
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().next().is_some_and(word)
            && label.bytes().all(|b| word(b) || b == b'-')
    };
    (2..=63).contains(&top.len())
        && top.bytes().all(|b| b.is_ascii_alphabetic())
        && labels.split('.').all(is_label)
}

impl TryFrom<String> for Email {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|_| "not an email")
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

/// A first or last name: 1 to [`NAME_MAX`] visible characters on one line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonName(String);

impl PersonName {
    /// Parses a name: removes invisible characters and collapses white space.
    ///
    /// # Errors
    /// When nothing is left, or more than [`NAME_MAX`] characters are.
    pub fn parse(typed: &str) -> Result<Self, TextError> {
        let words: Vec<String> = typed
            .split(|c: char| c.is_whitespace())
            .map(|word| word.chars().filter(|c| !is_invisible(*c)).collect::<String>())
            .filter(|word| !word.is_empty())
            .collect();
        bounded(words.join(" "), NAME_MAX).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PersonName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|_| "not a name")
    }
}

impl From<PersonName> for String {
    fn from(name: PersonName) -> Self {
        name.0
    }
}

/// Why something is requested or denied: 1 to [`REASON_MAX`] characters, line breaks allowed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(String);

impl Reason {
    /// Parses a reason: removes invisible characters, keeps line breaks.
    ///
    /// # Errors
    /// When nothing is left, or more than [`REASON_MAX`] characters are.
    pub fn parse(typed: &str) -> Result<Self, TextError> {
        let lines = typed.replace("\r\n", "\n").replace('\r', "\n");
        let cleaned: String = lines
            .chars()
            .map(|c| if c == '\t' { ' ' } else { c })
            .filter(|c| *c == '\n' || !is_invisible(*c))
            .collect();
        bounded(cleaned.trim().to_owned(), REASON_MAX).map(Self)
    }

    /// The reason.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|_| "not a reason")
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

fn bounded(text: String, max: usize) -> Result<String, TextError> {
    if text.is_empty() {
        Err(TextError::Empty)
    } else if text.chars().count() > max {
        Err(TextError::TooLong)
    } else {
        Ok(text)
    }
}

/// Whether a character is invisible but can change what is read: controls, zero-width characters, direction marks,
/// fillers, variation selectors and tags.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

// Personal data stays out of logs: `Debug` shows only the length.
macro_rules! hidden_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} characters)"), self.0.chars().count())
            }
        }
    )*};
}
hidden_debug!(Email, PersonName, Reason);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn emails_that_marketo_accepts_are_accepted() {
        for typed in [
            "svc@example.com",
            " svc.crm+sync@mail.example.co.uk ",
            "o'hara_1@ex-ample.io",
            "a@b.cd",
            "UPPER@EXAMPLE.COM",
            "x/y=z?{}|~@a_b.org",
        ] {
            assert_eq!(Email::parse(typed).map(|e| e.as_str().to_owned()), Ok(typed.trim().to_owned()));
        }
    }

    #[test]
    fn emails_that_marketo_refuses_are_refused() {
        let long = format!("{}@example.com", "a".repeat(EMAIL_MAX));
        for (typed, error) in [
            ("", TextError::Empty),
            ("  ", TextError::Empty),
            ("plain", TextError::Malformed),
            ("@example.com", TextError::Malformed),
            ("a@b", TextError::Malformed),
            ("a@b.c", TextError::Malformed),
            ("a@b..com", TextError::Malformed),
            ("a@-b.com", TextError::Malformed),
            ("a@b.c0m", TextError::Malformed),
            ("a b@example.com", TextError::Malformed),
            ("a@b@example.com", TextError::Malformed),
            ("a\u{202E}b@example.com", TextError::Malformed),
            ("ä@example.com", TextError::Malformed),
            ("<a@example.com>", TextError::Malformed),
            (&long, TextError::TooLong),
        ] {
            assert_eq!(Email::parse(typed), Err(error), "{typed}");
        }
    }

    #[test]
    fn domains_are_compared_as_a_whole_and_ignoring_case() {
        let email = Email::parse("svc@Example.com").unwrap();
        assert!(email.is_in("example.COM"));
        assert!(!email.is_in("ample.com"));
        assert!(!Email::parse("svc@sub.example.com").unwrap().is_in("example.com"));
    }

    #[test]
    fn names_and_reasons_lose_invisible_characters() {
        assert_eq!(
            PersonName::parse(" Ada\u{202E}\tvan  \n Dyke\u{200B} ").unwrap().as_str(),
            "Ada van Dyke"
        );
        assert_eq!(PersonName::parse("\u{200B}\u{FEFF} "), Err(TextError::Empty));
        assert_eq!(PersonName::parse(&"é".repeat(NAME_MAX)).unwrap().as_str().chars().count(), NAME_MAX);
        assert_eq!(PersonName::parse(&"é".repeat(NAME_MAX + 1)), Err(TextError::TooLong));
        assert_eq!(Reason::parse(" one\r\ntwo\u{7}\u{2066} ").unwrap().as_str(), "one\ntwo");
        assert_eq!(Reason::parse(&"x".repeat(REASON_MAX + 1)), Err(TextError::TooLong));
    }

    proptest! {
        #[test]
        fn parsed_text_has_no_invisible_characters(typed in any::<String>()) {
            if let Ok(name) = PersonName::parse(&typed) {
                prop_assert!(!name.as_str().chars().any(is_invisible));
                prop_assert_eq!(PersonName::parse(name.as_str()), Ok(name));
            }
            if let Ok(reason) = Reason::parse(&typed) {
                prop_assert!(!reason.as_str().chars().any(|c| c != '\n' && is_invisible(c)));
                prop_assert_eq!(Reason::parse(reason.as_str()), Ok(reason));
            }
            if let Ok(email) = Email::parse(&typed) {
                prop_assert!(email.as_str().is_ascii());
            }
        }
    }
}
