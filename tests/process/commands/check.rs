//! `check`: its output when all is well, and what it reports for each misconfiguration.

use marketo_api_user::sim::{fault::Fault, marketo::SimRole, slack::SimChannel};
use serde_json::Value;

use crate::host::{Host, POLICY};

/// A misconfiguration, the check that finds it, and words of its message.
type Broken = (&'static str, fn(&mut Host), &'static str, &'static [&'static str]);

fn policy(host: &Host, old: &str, new: &str) {
    assert!(POLICY.contains(old));
    host.write("bot.toml", &POLICY.replace(old, new));
}

fn ungrant(host: &Host, scopes: &[&str]) {
    let granted = host.slack.setup().scopes;
    let left: Vec<&str> =
        granted.iter().map(String::as_str).filter(|scope| !scopes.contains(scope)).collect();
    host.slack.set_scopes(&left);
}

const BROKEN: &[Broken] = &[
    ("a setting", |host| host.set("BIND", "3000"), "configuration", &["BIND", "expected address:port"]),
    (
        "the database",
        |host| host.set("DATABASE_URL", &format!("sqlite:{}", host.path("absent/bot.db"))),
        "database",
        &["DATABASE_URL", "unable to open"],
    ),
    (
        "the token",
        |host| host.set("SLACK_BOT_TOKEN", "xoxb-another"),
        "slack token",
        &["SLACK_BOT_TOKEN", "invalid_auth", "install"],
    ),
    (
        "the workspace",
        |host| host.write("bot.toml", &POLICY.replace("[slack]", "[slack]\nteam_ids = ['T0002']")),
        "slack token",
        &["T0001", "slack.team_ids"],
    ),
    (
        "a scope",
        |host| ungrant(host, &["im:write"]),
        "slack scopes",
        &["im:write", "manifest", "install it again"],
    ),
    (
        "the scopes for the history",
        |host| ungrant(host, &["channels:history", "im:history"]),
        "slack scopes",
        &["without channels:history and im:history the bot may post a message twice", "manifest"],
    ),
    (
        "a group that is not there",
        |host| policy(host, "S0MOPS", "S0GONE"),
        "slack group",
        &["there is no user group S0GONE", "deleted or disabled", "policy"],
    ),
    ("an empty group", |host| host.slack.set_group("S0MOPS", &[]), "slack group", &["S0MOPS", "no members"]),
    (
        "the approval channel is not there",
        |host| policy(host, "C0APPROVE", "C0GONE"),
        "approval channel",
        &["C0GONE", "channel_not_found", "slack.approval_channel"],
    ),
    (
        "the approval channel is archived",
        |host| {
            let channel = SimChannel::public("C0APPROVE", "approvals", &["U0APPROVE"]);
            host.slack.set_channel(SimChannel { archived: true, ..channel });
        },
        "approval channel",
        &["C0APPROVE", "archived", "slack.approval_channel"],
    ),
    (
        "the bot is not in the private approval channel",
        |host| policy(host, "C0APPROVE", "C0PRIVATE"),
        "approval channel",
        &["C0PRIVATE", "/invite"],
    ),
    ("Slack is down", |host| host.slack.set_down(true), "slack token", &["SLACK_API_URL"]),
    (
        "the Marketo secret",
        |host| host.marketo.set_client_secret("another"),
        "marketo credentials",
        &["MARKETO_CLIENT_SECRET", "401"],
    ),
    (
        "Marketo is down",
        |host| host.set("MARKETO_BASE_URL", "http://127.0.0.1:1"),
        "marketo credentials",
        &["MARKETO_BASE_URL", "no connection"],
    ),
    (
        "Marketo's permissions",
        |host| host.marketo.set_permissions(false),
        "marketo permissions",
        &["603", "Access User Management Api"],
    ),
    (
        "a role",
        |host| host.marketo.set_roles(vec![SimRole::new(101, "API Only")]),
        "marketo roles",
        &["policy.roles", "API Only - EMEA"],
    ),
    (
        "a workspace",
        |host| host.write("bot.toml", &format!("{POLICY}workspaces = ['Default', 'Europe']\n")),
        "marketo roles",
        &["policy.workspaces", "Europe"],
    ),
];

#[tokio::test]
async fn check_passes_on_a_sound_setup() {
    let host = Host::open().await;
    let ended = host.run(&["check"]).await;
    ended.is_good();
    assert!(ended.stdout.lines().all(|line| line.starts_with("ok ")), "{}", ended.stdout);
    for check in [
        "configuration",
        "database",
        "slack token",
        "slack scopes",
        "slack group",
        "approval channel",
        "marketo credentials",
        "marketo permissions",
        "marketo roles",
    ] {
        let lines = ended.stdout.lines().filter(|line| line.contains(&format!(" {check}: "))).count();
        assert_eq!(lines, 1, "{check}: {}", ended.stdout);
    }
    host.assert_no_secret(&ended.stdout);
    let ended = host.run(&["check", "--json"]).await;
    ended.is_good();
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["ok"], true);
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() >= 9 && checks.iter().all(|check| check["ok"] == true), "{report}");
    assert_eq!(host.marketo.invites(), 0);
    assert!(host.slack.calls().iter().all(|call| !call.method.starts_with("chat.")), "it only looks");
}

#[tokio::test]
async fn public_approval_channel_needs_no_membership() {
    let host = Host::open().await;
    let channel = SimChannel::public("C0APPROVE", "approvals", &["U0APPROVE"]);
    host.slack.set_channel(SimChannel { bot_is_member: false, ..channel });
    host.run(&["check"]).await.is_good();
}

#[tokio::test]
async fn check_reports_each_misconfiguration() {
    let mut faults = Vec::new();
    for (what, break_it, check, words) in BROKEN {
        let mut host = Host::open().await;
        break_it(&mut host);
        let ended = host.run(&["check"]).await;
        println!("{what}: {}", ended.stderr);
        let failed: Vec<&str> = ended.stdout.lines().filter(|line| !line.starts_with("ok ")).collect();
        let lines = ended.stderr.lines().collect::<Vec<_>>();
        let is_reported = matches!(lines[..], [line] if line.starts_with(&format!("marketo-api-user: {check}: "))
            && words.iter().all(|word| line.contains(word)));
        let is_listed = matches!(failed[..], [line] if line.starts_with(&format!("FAILED {check}: ")));
        if ended.code != Some(1) || !is_reported || !is_listed {
            faults.push(format!("{what}: {words:?} {ended:#?}"));
        }
        host.assert_no_secret(&format!("{}{}", ended.stdout, ended.stderr));
        let report = host.run(&["check", "--json"]).await;
        let report: Value = serde_json::from_str(&report.stdout).unwrap();
        assert_eq!(report["ok"], false, "{what}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn each_problem_gets_its_own_line() {
    let mut host = Host::open().await;
    host.set("SLACK_BOT_TOKEN", "xoxb-another");
    host.marketo.set_permissions(false);
    let ended = host.run(&["check"]).await;
    ended.fails_with(&["slack token", "marketo permissions"]);
    host.set("BIND", "3000");
    host.unset("MARKETO_CLIENT_ID");
    let ended = host.run(&["check"]).await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(1), 2), "{ended:?}");
}

#[tokio::test]
async fn missing_scopes_report_only_the_calls_they_affect() {
    let host = Host::open().await;
    ungrant(&host, &["im:write"]);
    let ended = host.run(&["check"]).await;
    assert!(!ended.stderr.contains("twice") && !ended.stderr.contains("history"), "{}", ended.stderr);
}

#[tokio::test]
async fn write_probe_asks_first_and_leaves_nothing_behind() {
    let host = Host::open().await;
    let before = host.marketo.users();
    for input in ["", "no\n", "y\n"] {
        let ended = host.run_with_input(&["check", "--write-probe", "probe@example.com"], input).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains("creates the API-only user probe@example.com"), "{}", ended.stderr);
        assert!(ended.stderr.ends_with("not confirmed, so nothing was checked\n"), "{}", ended.stderr);
    }
    assert_eq!(host.marketo.invites(), 0);
    for (arguments, input) in [
        (&["check", "--write-probe", "probe@example.com"][..], "yes\n"),
        (&["check", "--write-probe"][..], "probe@example.com\nyes\n"),
    ] {
        let ended = host.run_with_input(arguments, input).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for fact in [
            "ok     marketo write probe: a new user is listed: at once",
            "ok     marketo write probe: an invite for an existing email: refused with code 709 (HTTP 400), creates none",
            "ok     marketo write probe: an update without apiOnly: keeps API Only",
            "ok     marketo write probe: user.json of a deleted user: refused with code 610 (HTTP 404)",
        ] {
            assert!(ended.stdout.contains(fact), "{}", ended.stdout);
        }
    }
    assert_eq!(host.marketo.users(), before);
    assert_eq!(host.marketo.invites(), 2);
    let ended = host.run_with_input(&["check", "--write-probe", "ada@example.com"], "yes\n").await;
    assert!(ended.stderr.contains("this email is in use"), "{}", ended.stderr);
    assert_eq!(host.marketo.users(), before, "an existing user is not touched");
}

#[tokio::test]
async fn each_error_of_marketo_has_its_own_remedy() {
    for (status, code, remedy) in [
        (403, 603, "list of allowed IP addresses"),
        (403, 607, "midnight Central Time"),
        (429, 606, "share its limits"),
        (502, 502, "until Marketo responds again"),
        (404, 610, "check the base URL"),
        (401, 602, "usually passes by itself"),
        (500, 614, "whether the subscription is active"),
        (400, 1003, "list of error codes"),
    ] {
        let host = Host::open().await;
        let body = serde_json::json!({"errors": [{"code": code, "message": "no"}]});
        host.marketo.faults().persist("allusers", Fault::Answer { status, body, retry_after: None });
        let ended = host.run(&["check"]).await;
        let [line] = ended.fails_with(&["marketo permissions"]).try_into().unwrap();
        assert!(line.contains(remedy), "{line}");
        assert_eq!(line.contains("permissions Access User"), code == 603, "{line}");
    }
}
