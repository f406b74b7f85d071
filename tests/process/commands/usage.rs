//! Commands that need no settings: help, versions, the manifest, the default configuration, and usage errors.

use std::process::{Command, Output};

use marketo_api_user::{cli::manifest, config};

const SUBCOMMANDS: [&str; 9] =
    ["serve", "demo", "check", "policy", "manifest", "config", "healthcheck", "ledger", "outbox"];

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marketo-api-user"));
    command.env_clear().args(arguments).output().unwrap()
}

/// Exit code, stdout, stderr.
fn output(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = run(arguments);
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn every_subcommand_has_help_and_version() {
    let all = SUBCOMMANDS.iter().map(Some).chain([None]);
    for name in all {
        for flag in ["--help", "--version"] {
            let arguments: Vec<&str> = name.copied().into_iter().chain([flag]).collect();
            let (code, stdout, stderr) = output(&arguments);
            assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
            let expected = if flag == "--help" { "Usage: " } else { env!("CARGO_PKG_VERSION") };
            assert!(stdout.contains(expected), "{arguments:?}: {stdout}");
        }
    }
    let (_, help, _) = output(&["--help"]);
    for name in SUBCOMMANDS {
        assert!(help.contains(&format!("\n  {name} ")), "{name}: {help}");
    }
}

#[test]
fn usage_errors_exit_with_code_2_and_a_reason() {
    for arguments in [
        &[][..],
        &["run"],
        &["serve", "now"],
        &["serve", "--config"],
        &["check", "--yaml"],
        &["manifest"],
        &["manifest", "--url", "bot.example.com"],
        &["manifest", "--url", "http://bot.example.com"],
        &["manifest", "--url", "https://user:hidden@bot.example.com"],
        &["manifest", "--url", ""],
        &["ledger"],
        &["ledger", "burn"],
        &["ledger", "verify", "--anchored", "12"],
        &["ledger", "verify", "--anchored", "12:abc"],
        &["ledger", "export"],
        &["ledger", "export", "--format", "xml"],
        &["ledger", "export", "--format", "csv", "--since", "yesterday"],
        &["ledger", "export", "--format", "csv", "--until", "2026-02-30"],
        &["outbox"],
        &["outbox", "retry"],
        &["outbox", "retry", "--all", "an-id"],
        &["policy"],
        &["policy", "explain", "--role", "API Only"],
        &["policy", "explain", "--requester", "@ada", "--role", "API Only"],
    ] {
        let (code, stdout, stderr) = output(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains("Usage: ") || stderr.contains("--help"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn default_configuration_is_printed_verbatim() {
    assert_eq!(output(&["config"]), (Some(0), config::DEFAULT.to_owned(), String::new()));
}

#[test]
fn manifest_is_printed_for_the_given_url() {
    for url in ["https://bot.example.com", "https://acme.dev:8443/bots/marketo/"] {
        let expected = manifest(url.trim_end_matches('/'));
        assert_eq!(output(&["manifest", "--url", url]), (Some(0), expected, String::new()));
    }
}

#[test]
fn broken_pipe_is_not_an_error() {
    use std::process::Stdio;
    let mut child = Command::new(env!("CARGO_BIN_EXE_marketo-api-user"))
        .env_clear()
        .arg("config")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}
