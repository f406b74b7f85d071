//! The command line grammar. The doc comments of its types are the `--help` texts. It must not know what the
//! subcommands do.

mod ledger;
mod outbox;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use self::{
    ledger::{Export, Format, LedgerCommand},
    outbox::{OutboxCommand, OutboxRetry},
};
use crate::{
    config,
    domain::{
        people::{ChannelId, Principal, UserId},
        text::Email,
    },
};

/// The environment variables, as `serve --help` and `check --help` show them.
const ENVIRONMENT: &str = "\
Environment:
  SLACK_SIGNING_SECRET   Signing secret of the Slack app. Several, separated by commas,
                         during a rotation. Required
  SLACK_BOT_TOKEN        Bot token of the Slack app. Required
  SLACK_API_URL          Base URL of Slack's Web API [default: https://slack.com/api]
  MARKETO_BASE_URL       Base URL of the instance's REST API, without /rest. This and the next
                         two are required, unless the configuration file has [[instance]]
                         blocks, which name their own variables
  MARKETO_CLIENT_ID      Client ID of the custom service
  MARKETO_CLIENT_SECRET  Client Secret of the custom service
  DATABASE_URL           sqlite:PATH or postgres://user:password@host/name
                         [default: sqlite:marketo-api-user.db]
  BIND                   Address to listen on [default: 127.0.0.1:3000]
  CONFIG                 Configuration file, if --config is not given
                         [default: marketo-api-user.toml if it exists]
  LOG_FORMAT             text or json [default: text on a terminal, else json]
  RUST_LOG               Log filter, such as debug or warn,marketo_api_user=debug
                         [default: info]

  To read SLACK_SIGNING_SECRET, SLACK_BOT_TOKEN, MARKETO_CLIENT_ID, MARKETO_CLIENT_SECRET or
  DATABASE_URL from a file, add _FILE to the name and set it to the file's path, for example
  SLACK_BOT_TOKEN_FILE=/run/secrets/bot-token.

  SLACK_API_URL and MARKETO_BASE_URL may use plain http:// for loopback addresses only.";

const FIRST_STEPS: &str = "\
First steps:
  marketo-api-user demo                                     try it, without any account
  marketo-api-user manifest --url https://bot.example.com   create the Slack app from this
  marketo-api-user config > marketo-api-user.toml           set who may request and approve
  marketo-api-user check                                    check that everything is set up
  marketo-api-user serve                                    run the bot";

/// A Slack bot that creates API-only users in Adobe Marketo: requested in a modal, approved with a click,
/// created at most once.
#[derive(Debug, Parser)]
#[command(name = "marketo-api-user", version, propagate_version = true, after_help = FIRST_STEPS)]
pub struct Cli {
    /// Configuration file [default: the variable CONFIG, else marketo-api-user.toml if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the bot
    ///
    /// Runs the bot until it gets SIGTERM or SIGINT. Logs go to stdout. If the settings are invalid, prints one line
    /// for each error to stderr and exits with status 1. To limit load and slow clients, see `[limits]` in the
    /// configuration file.
    #[command(after_help = ENVIRONMENT)]
    Serve,
    /// Try the bot against a simulated Slack and a simulated Marketo
    ///
    /// Serves a page on a loopback address, with the real bot between a simulated Slack and a simulated Marketo. Type
    /// the command, fill in the form, approve as somebody else, break things and watch the bot recover. Needs no
    /// account and no configuration, and changes nothing outside this machine. Use --config to try your own rules: the
    /// people, groups, channels and roles that they name exist in the simulation.
    #[cfg_attr(not(feature = "demo"), command(hide = true))]
    Demo(Demo),
    /// Check settings, database, Slack and Marketo
    ///
    /// Checks the settings, the database, the Slack token and its scopes, and Marketo's credentials, permissions and
    /// roles. Prints one line for each check. Exits with status 1 if a check fails.
    #[command(after_help = ENVIRONMENT)]
    Check(Check),
    /// Explain which policy rule applies to a request
    ///
    /// Shows what the policy says about a request before anybody sends it.
    Policy(Policy),
    /// Print the Slack app manifest
    ///
    /// Prints the Slack app manifest (YAML) for a bot at the given URL. To create the app, open api.slack.com/apps,
    /// choose "Create New App", "From a manifest", and paste it.
    Manifest(Manifest),
    /// Print the default configuration file, with every key explained
    ///
    /// Prints the default configuration file, with every key explained. Two required keys have no default:
    /// policy.approvers and policy.roles.
    Config,
    /// Verify or export the audit ledger
    ///
    /// Reads the audit ledger, the record of everything that the bot did. Works while the bot is running, needs only
    /// DATABASE_URL (or DATABASE_URL_FILE), and writes nothing.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// List what waits or cannot be delivered, or try it again
    ///
    /// Shows the messages and calls that the bot has not finished, and what stands in their way. Works while the bot is
    /// running, and needs only DATABASE_URL (or DATABASE_URL_FILE).
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Check that a running bot is alive
    ///
    /// Requests /healthz from the bot that listens on BIND. Exits with status 0 if it answers 200, else with status 1.
    /// Meant for container images, which contain no other HTTP client.
    Healthcheck,
}

/// The options of `demo`.
#[derive(Args, Debug, Default, PartialEq, Eq)]
pub struct Demo {
    /// Run one request from start to finish, print what everybody sees, and exit
    #[arg(long)]
    pub script: bool,
    /// Port of the page on 127.0.0.1; 0 is any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0, conflicts_with = "script")]
    pub port: u16,
    /// Open the page in a browser, if there is one
    #[arg(long, conflicts_with = "script")]
    pub open: bool,
}

/// The options of `check`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct Check {
    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
    /// Try on a real instance what Adobe does not document, with a throw-away user
    ///
    /// Creates an API-only user with this email in Marketo, changes it and deletes it, after asking, and prints what the
    /// instance does where Adobe's documentation is silent or contradicts itself. The email must not be in use. If it is
    /// left out, it is asked for.
    #[arg(long, value_name = "EMAIL", num_args = 0..=1, default_missing_value = "")]
    pub write_probe: Option<String>,
    /// The Marketo instance for --write-probe, if there are several
    #[arg(long, value_name = "NAME", requires = "write_probe")]
    pub instance: Option<String>,
}

/// The options of `policy`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The subcommand.
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// The subcommands of `policy`.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum PolicyCommand {
    /// Explain which rule applies to a request, who may approve it, and what the form requires
    ///
    /// The request does not have to exist. Shows whether the person may request users, which rules do not apply and
    /// why, which one does, who may approve and why, who is added by an escalation, where the card is posted, and what
    /// the form requires. Reads the configuration, the members of groups from Slack, and roles and workspaces from
    /// Marketo. If something cannot be found out, the output says so and what follows in each case. Changes nothing.
    #[command(after_help = ENVIRONMENT)]
    Explain(Explain),
}

/// The options of `policy explain`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct Explain {
    /// The requester, by Slack id (U… or W…)
    #[arg(long, value_name = "USER", value_parser = user)]
    pub requester: UserId,
    /// The role, by name or id
    #[arg(long, value_parser = named)]
    pub role: String,
    /// The Marketo instance, by name [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// The workspace, by name or id
    #[arg(long, value_parser = named)]
    pub workspace: Option<String>,
    /// The channel where the command is typed, by Slack id (C… or G…)
    #[arg(long, value_parser = channel)]
    pub channel: Option<ChannelId>,
    /// The email of the new user
    #[arg(long, value_parser = email)]
    pub email: Option<Email>,
}

fn user(text: &str) -> Result<UserId, String> {
    match Principal::parse(text) {
        Some(Principal::User(user)) => Ok(user),
        _ => Err("expected the Slack id of a person, such as U0REQ".to_owned()),
    }
}

fn channel(text: &str) -> Result<ChannelId, String> {
    match Principal::parse(text) {
        Some(Principal::Channel(channel)) => Ok(channel),
        _ => Err("expected the Slack id of a channel, such as C0OPS".to_owned()),
    }
}

fn named(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("expected a name or an id".to_owned()) } else { Ok(text.to_owned()) }
}

fn email(text: &str) -> Result<Email, String> {
    Email::parse(text).map_err(|_| "expected an e-mail address, such as svc@example.com".to_owned())
}

/// The options of `manifest`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The URL at which Slack reaches the bot, such as `https://bot.example.com`
    #[arg(long, value_name = "URL", value_parser = config::base_url)]
    pub url: String,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["marketo-api-user"].into_iter().chain(line.split_whitespace()))
    }

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_subcommand_is_read() {
        for (line, expected) in [
            ("serve", Command::Serve),
            ("demo", Command::Demo(Demo::default())),
            ("demo --script", Command::Demo(Demo { script: true, ..Demo::default() })),
            ("demo --port 8080 --open", Command::Demo(Demo { port: 8080, open: true, ..Demo::default() })),
            ("check", Command::Check(Check { json: false, write_probe: None, instance: None })),
            ("check --json", Command::Check(Check { json: true, write_probe: None, instance: None })),
            (
                "check --write-probe svc@b.com --instance eu",
                Command::Check(Check {
                    json: false,
                    write_probe: Some("svc@b.com".to_owned()),
                    instance: Some("eu".to_owned()),
                }),
            ),
            (
                "check --write-probe",
                Command::Check(Check { json: false, write_probe: Some(String::new()), instance: None }),
            ),
            (
                "manifest --url https://b.com/",
                Command::Manifest(Manifest { url: "https://b.com".to_owned() }),
            ),
            (
                "policy explain --requester U1 --role 7 --channel C1 --email a@b.com",
                Command::Policy(Policy {
                    command: PolicyCommand::Explain(Explain {
                        requester: "U1".into(),
                        role: "7".to_owned(),
                        instance: None,
                        workspace: None,
                        channel: Some("C1".into()),
                        email: Email::parse("a@b.com").ok(),
                    }),
                }),
            ),
            ("config", Command::Config),
            ("healthcheck", Command::Healthcheck),
            ("ledger head", Command::Ledger(LedgerCommand::Head)),
        ] {
            let cli = parse(line).unwrap();
            assert_eq!((cli.command, cli.config), (expected, None), "{line}");
        }
    }

    #[test]
    fn a_configuration_file_is_named_after_any_subcommand() {
        for line in
            ["serve", "demo --script", "check", "manifest --url https://b.com", "config", "ledger verify"]
        {
            let cli = parse(&format!("{line} --config a.toml")).unwrap();
            assert_eq!(cli.config, Some("a.toml".into()), "{line}");
        }
    }

    #[test]
    fn bad_usage_ends_with_status_two() {
        for line in [
            "",
            "run",
            "serve now",
            "serve --config",
            "demo --script --port 1",
            "demo --port 70000",
            "check --yaml",
            "manifest",
            "manifest --url bot.example.com",
            "manifest --url http://bot.example.com",
            "manifest --url https://bot.example.com/?a=b",
            "manifest --url https://bot.example.com/#a",
            "manifest --url https://user:hidden@bot.example.com",
            "policy",
            "policy explain",
            "policy explain --requester U1",
            "policy explain --requester @ada --role 7",
            "policy explain --requester U1 --role 7 --channel general",
            "policy explain --requester U1 --role 7 --email nobody",
            "policy explain --requester U1 --role=",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn help_and_version_are_everywhere() {
        for name in [
            "",
            "serve",
            "demo",
            "check",
            "policy",
            "policy explain",
            "manifest",
            "config",
            "healthcheck",
            "ledger",
            "ledger head",
        ] {
            let help = parse(&format!("{name} --help")).unwrap_err();
            assert_eq!((help.kind(), help.exit_code()), (ErrorKind::DisplayHelp, 0), "{name}");
            let version = parse(&format!("{name} --version")).unwrap_err();
            assert_eq!((version.kind(), version.exit_code()), (ErrorKind::DisplayVersion, 0), "{name}");
            assert!(version.to_string().contains(env!("CARGO_PKG_VERSION")), "{version}");
        }
    }

    #[test]
    fn the_help_of_serve_and_check_has_every_variable() {
        for name in ["serve", "check"] {
            let help = parse(&format!("{name} --help")).unwrap_err().to_string();
            for variable in [
                "SLACK_SIGNING_SECRET",
                "SLACK_BOT_TOKEN",
                "SLACK_API_URL",
                "MARKETO_BASE_URL",
                "MARKETO_CLIENT_ID",
                "MARKETO_CLIENT_SECRET",
                "DATABASE_URL",
                "BIND",
                "CONFIG",
                "LOG_FORMAT",
                "RUST_LOG",
            ] {
                assert!(help.contains(&format!("\n  {variable} ")), "{name}: {variable}");
            }
        }
    }
}
