//! What may stand after the command: nothing, an e-mail, or one word. The comments on the words are the help that
//! people read. It must not know what follows from a word.

use std::sync::LazyLock;

use clap::{
    CommandFactory, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};

use crate::domain::text::Email;

/// No word, and nothing that is close to one, is longer.
const WORD_MAX: usize = 24;

/// What was typed after the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// The form, with an e-mail to fill in, or an empty one.
    Form(&'a str),
    /// One of the words.
    Word(Word),
    /// Something close to a word.
    Near(Word),
    /// Anything else.
    Unknown,
}

#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true)]
struct Grammar {
    #[command(subcommand)]
    word: Word,
}

/// A word that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(super) enum Word {
    /// Your open requests, with links to their cards.
    Status,
    /// The requests that wait for your decision.
    Pending,
    /// Whether you may ask here, what the form demands and who approves.
    Policy,
    /// This help.
    Help,
}

impl Word {
    /// The word as it is typed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Pending => "pending",
            Self::Policy => "policy",
            Self::Help => "help",
        }
    }
}

/// The words with their help, read from the grammar once: building it takes longer than answering.
static WORDS: LazyLock<Vec<(Word, String)>> = LazyLock::new(|| {
    let told = |word: &clap::Command| {
        let about = word.get_about().map(ToString::to_string).unwrap_or_default();
        Some((parse(word.get_name()).ok()?, about))
    };
    Grammar::command().get_subcommands().filter_map(told).collect()
});

/// Each word with its help.
pub(super) fn help() -> impl Iterator<Item = (&'static str, &'static str)> {
    WORDS.iter().map(|(word, about)| (word.name(), about.as_str()))
}

/// Reads what was typed.
pub(super) fn read(text: &str) -> Line<'_> {
    let mut words = text.split_whitespace();
    let (first, is_alone) = match (words.next(), words.next()) {
        (None, _) => return Line::Form(""),
        (Some(first), next) => (first, next.is_none()),
    };
    if is_alone && let Some(email) = email(first) {
        return Line::Form(email);
    }
    let word = first.trim_start_matches(['-', '/']);
    if word.is_empty() || word.len() > WORD_MAX {
        return Line::Unknown;
    }
    match known(word) {
        Some(word) if is_alone => Line::Word(word),
        Some(word) => Line::Near(word),
        None => nearest(word).map_or(Line::Unknown, Line::Near),
    }
}

fn known(word: &str) -> Option<Word> {
    WORDS.iter().map(|(known, _)| *known).find(|known| known.name().eq_ignore_ascii_case(word))
}

fn parse(word: &str) -> Result<Word, clap::Error> {
    Grammar::try_parse_from([word]).map(|Grammar { word }| word)
}

/// What clap suggests; the closest comes last.
fn nearest(word: &str) -> Option<Word> {
    let error = parse(&word.to_lowercase()).err()?;
    let Some(ContextValue::Strings(close)) = error.get(ContextKind::SuggestedSubcommand) else { return None };
    known(close.last()?)
}

/// The word if it is an e-mail. Slack may show one as a link: `<mailto:a@b.c|a@b.c>`.
fn email(word: &str) -> Option<&str> {
    let link = word.strip_prefix("<mailto:").and_then(|link| link.strip_suffix('>'));
    let email = link.map_or(word, |link| link.split('|').next().unwrap_or(link));
    Email::parse(email).is_ok().then_some(email)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_and_an_e_mail_open_the_form() {
        for (text, expected) in [
            ("", Line::Form("")),
            ("  ", Line::Form("")),
            ("svc@example.com", Line::Form("svc@example.com")),
            (" Svc+CRM@Example.com ", Line::Form("Svc+CRM@Example.com")),
            ("<mailto:svc@example.com|svc@example.com>", Line::Form("svc@example.com")),
            ("<mailto:svc@example.com>", Line::Form("svc@example.com")),
            ("svc@example.com now", Line::Unknown),
            ("@ada", Line::Unknown),
            ("svc@", Line::Unknown),
            ("<mailto:|svc@example.com>", Line::Unknown),
            ("<@U0REQ>", Line::Unknown),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_word_is_understood_however_it_is_written() {
        for word in [Word::Status, Word::Pending, Word::Policy, Word::Help] {
            let name = word.name();
            for text in [name.to_owned(), format!("  {}\t", name.to_uppercase()), format!("--{name}")] {
                assert_eq!(read(&text), Line::Word(word), "{text}");
            }
            assert_eq!(read(&format!("{name} please")), Line::Near(word));
            assert!(help().any(|(known, about)| known == name && about.len() > 5), "{name}");
        }
        assert_eq!(help().count(), 4);
    }

    #[test]
    fn a_near_miss_leads_to_the_word_and_anything_else_to_none() {
        for (text, word) in [
            ("statsu", Word::Status),
            ("stat", Word::Status),
            ("Staus", Word::Status),
            ("pendign", Word::Pending),
            ("policies", Word::Policy),
            ("halp", Word::Help),
        ] {
            assert_eq!(read(text), Line::Near(word), "{text}");
        }
        for text in ["make me a sandwich", "please", "--", "-", "?", "svc", "\u{0}", &"status".repeat(9)] {
            assert_eq!(read(text), Line::Unknown, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_only_an_e_mail_is_filled_in(
            text in prop_oneof![
                any::<String>(),
                "[-/a-z <>|@:.]{0,40}",
                "(<mailto:)?[a-z@.|]{0,12}@[a-z.|]{0,12}>?",
                "(status|pending|policy|help|halp)[ -z]{0,4}",
            ],
        ) {
            match read(&text) {
                Line::Form("") => prop_assert!(text.trim().is_empty()),
                Line::Form(email) => {
                    prop_assert!(Email::parse(email).is_ok());
                    prop_assert!(text.contains(email) && !email.contains(char::is_whitespace));
                }
                Line::Word(word) => prop_assert!(text.to_lowercase().contains(word.name())),
                Line::Near(_) | Line::Unknown => prop_assert!(!text.trim().is_empty()),
            }
        }
    }
}
