//! The arguments of the slash command: none, an email, or a subcommand. The doc comments of the subcommands are the help
//! texts that users read. It must not know how a subcommand is answered.

use std::sync::LazyLock;

use clap::{
    CommandFactory, Parser,
    error::{ContextKind, ContextValue},
};

use crate::domain::text::Email;

/// Longer words are neither a subcommand nor close to one.
const SUBCOMMAND_MAX: usize = 24;

/// The parsed arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SlashCommandArgs<'a> {
    /// Opens the form with this email, which may be empty.
    Form(&'a str),
    /// Runs a subcommand.
    Subcommand(Subcommand),
    /// Runs a subcommand that lists something; with the number of the page, from 1.
    Page(Subcommand, usize),
    /// Close to a subcommand.
    Suggestion(Subcommand),
    /// Anything else.
    Unknown,
}

#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true)]
struct Grammar {
    #[command(subcommand)]
    subcommand: Subcommand,
}

/// A subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Subcommand)]
pub(super) enum Subcommand {
    /// Your open requests, with links to their cards.
    Status,
    /// The requests that wait for your decision.
    Pending,
    /// Whether you can request a user here, what the form requires, and who approves.
    Policy,
    /// This help.
    Help,
}

impl Subcommand {
    /// The subcommand as users type it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Pending => "pending",
            Self::Policy => "policy",
            Self::Help => "help",
        }
    }

    /// Whether its answer can have several pages.
    fn has_pages(self) -> bool {
        matches!(self, Self::Status | Self::Pending)
    }
}

/// The subcommands with their help. Cached, because building the grammar takes longer than answering.
static SUBCOMMANDS: LazyLock<Vec<(Subcommand, String)>> = LazyLock::new(|| {
    let with_help = |command: &clap::Command| {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        Some((parse(command.get_name()).ok()?, about))
    };
    Grammar::command().get_subcommands().filter_map(with_help).collect()
});

/// Each subcommand with its help.
pub(super) fn help() -> impl Iterator<Item = (&'static str, &'static str)> {
    SUBCOMMANDS.iter().map(|(subcommand, about)| (subcommand.name(), about.as_str()))
}

impl<'a> SlashCommandArgs<'a> {
    /// Parses the text after the command.
    pub(super) fn parse(text: &'a str) -> Self {
        let mut words = text.split_whitespace();
        let Some(first) = words.next() else { return Self::Form("") };
        let (second, has_more) = (words.next(), words.next().is_some());
        let is_alone = second.is_none();
        if is_alone && let Some(email) = email(first) {
            return Self::Form(email);
        }
        let word = first.trim_matches(['"', '\'']).trim_start_matches(['-', '/']);
        if word.is_empty() || word.len() > SUBCOMMAND_MAX {
            return Self::Unknown;
        }
        let page = second.filter(|_| !has_more).and_then(|page| page.parse().ok()).filter(|page| *page > 0);
        match (find(word), page) {
            (Some(subcommand), Some(page)) if subcommand.has_pages() => Self::Page(subcommand, page),
            (found, _) => Self::without_page(word, found, is_alone),
        }
    }

    fn without_page(word: &str, found: Option<Subcommand>, is_alone: bool) -> Self {
        match found {
            Some(subcommand) if is_alone => Self::Subcommand(subcommand),
            Some(subcommand) => Self::Suggestion(subcommand),
            None => nearest(word).map_or(Self::Unknown, Self::Suggestion),
        }
    }
}

fn find(name: &str) -> Option<Subcommand> {
    let mut subcommands = SUBCOMMANDS.iter().map(|(subcommand, _)| *subcommand);
    subcommands.find(|subcommand| subcommand.name().eq_ignore_ascii_case(name))
}

fn parse(word: &str) -> Result<Subcommand, clap::Error> {
    Grammar::try_parse_from([word]).map(|Grammar { subcommand }| subcommand)
}

/// The subcommand that clap suggests. Its closest suggestion is the last one.
fn nearest(word: &str) -> Option<Subcommand> {
    let error = parse(&word.to_lowercase()).err()?;
    let Some(ContextValue::Strings(close)) = error.get(ContextKind::SuggestedSubcommand) else { return None };
    find(close.last()?)
}

/// The email in a word, which may be quoted.
fn email(word: &str) -> Option<&str> {
    let email = word.trim_matches(['"', '\'']);
    Email::parse(email).is_ok().then_some(email)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_argument_or_an_email_opens_the_form() {
        for (text, expected) in [
            ("", SlashCommandArgs::Form("")),
            ("  ", SlashCommandArgs::Form("")),
            ("svc@example.com", SlashCommandArgs::Form("svc@example.com")),
            (" Svc+CRM@Example.com ", SlashCommandArgs::Form("Svc+CRM@Example.com")),
            ("\"svc@example.com\"", SlashCommandArgs::Form("svc@example.com")),
            ("svc@example.com now", SlashCommandArgs::Unknown),
            ("@ada", SlashCommandArgs::Unknown),
            ("svc@", SlashCommandArgs::Unknown),
            ("<@U0REQ>", SlashCommandArgs::Unknown),
        ] {
            assert_eq!(SlashCommandArgs::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn subcommand_is_parsed_with_any_case_and_prefix() {
        for word in [Subcommand::Status, Subcommand::Pending, Subcommand::Policy, Subcommand::Help] {
            let name = word.name();
            for text in [name.to_owned(), format!("  {}\t", name.to_uppercase()), format!("--{name}")] {
                assert_eq!(SlashCommandArgs::parse(&text), SlashCommandArgs::Subcommand(word), "{text}");
            }
            assert_eq!(
                SlashCommandArgs::parse(&format!("{name} please")),
                SlashCommandArgs::Suggestion(word)
            );
            assert!(help().any(|(listed, about)| listed == name && about.len() > 5), "{name}");
        }
        assert_eq!(help().count(), 4);
    }

    #[test]
    fn lists_have_pages() {
        for (text, expected) in [
            ("pending 2", SlashCommandArgs::Page(Subcommand::Pending, 2)),
            (" STATUS  13 ", SlashCommandArgs::Page(Subcommand::Status, 13)),
            ("pending 0", SlashCommandArgs::Suggestion(Subcommand::Pending)),
            ("pending -1", SlashCommandArgs::Suggestion(Subcommand::Pending)),
            ("pending 2 3", SlashCommandArgs::Suggestion(Subcommand::Pending)),
            ("pending 99999999999999999999", SlashCommandArgs::Suggestion(Subcommand::Pending)),
            ("policy 2", SlashCommandArgs::Suggestion(Subcommand::Policy)),
        ] {
            assert_eq!(SlashCommandArgs::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn near_miss_suggests_a_subcommand() {
        for (text, word) in [
            ("statsu", Subcommand::Status),
            ("stat", Subcommand::Status),
            ("Staus", Subcommand::Status),
            ("pendign", Subcommand::Pending),
            ("policies", Subcommand::Policy),
            ("halp", Subcommand::Help),
        ] {
            assert_eq!(SlashCommandArgs::parse(text), SlashCommandArgs::Suggestion(word), "{text}");
        }
        for text in ["make me a sandwich", "please", "--", "-", "?", "svc", "\u{0}", &"status".repeat(9)] {
            assert_eq!(SlashCommandArgs::parse(text), SlashCommandArgs::Unknown, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_and_only_emails_prefill_the_form(
            text in prop_oneof![
                any::<String>(),
                "[-/a-z <>|@:.]{0,40}",
                "(<mailto:)?[a-z@.|]{0,12}@[a-z.|]{0,12}>?",
                "(status|pending|policy|help|halp)[ -z]{0,4}",
            ],
        ) {
            match SlashCommandArgs::parse(&text) {
                SlashCommandArgs::Form("") => prop_assert!(text.trim().is_empty()),
                SlashCommandArgs::Form(email) => {
                    prop_assert!(Email::parse(email).is_ok());
                    prop_assert!(text.contains(email) && !email.contains(char::is_whitespace));
                }
                SlashCommandArgs::Subcommand(word) | SlashCommandArgs::Page(word, _) => prop_assert!(text.to_lowercase().contains(word.name())),
                SlashCommandArgs::Suggestion(_) | SlashCommandArgs::Unknown => prop_assert!(!text.trim().is_empty()),
            }
        }
    }
}
