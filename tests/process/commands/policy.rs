//! A policy of ten rules: what `check` finds, what `serve` logs, and what `policy explain` prints.

use std::time::Duration;

use insta::assert_snapshot;

use crate::host::{Host, Running};

/// Ten rules with five mistakes: an unknown group, an empty one, more approvals than people, an unreachable rule, and a
/// role that nobody can request.
const PLANTED: &str = r#"
[slack]
approval_channel = "C0APPROVE"

[policy]
approvers = ["U0APPROVE", "S0MOPS"]
roles = ["API Only", "API Only - EMEA"]
timezone = "America/Los_Angeles"

[[rule]]
name = "EMEA"
role = "API Only - EMEA"
requester = "S0EMEA"
approvers = ["S0MOPS"]
approvals_needed = 2
expiration = "required"
max_access = "90d"
escalate_after = "2d"
escalate_to = ["U0BOSS"]

[[rule]]
name = "sandbox"
email_domain = "sandbox.example.com"
approval = "none"
auto_per_week = 5

[[rule]]
channel = "C0OPS"
email_domain = "partner.example.com"
approvers = ["S0GONE"]

[[rule]]
channel = "C0OPS"
reason = "required"

[[rule]]
requester = "S0INTERNS"
max_access = "30d"

[[rule]]
email_domain = "finance.example.com"
approvers = ["S0MOPS"]
approvals_needed = 3

[[rule]]
requester = "U0APPROVE"
approvers = ["U0BOSS"]

[[rule]]
channel = "C0OPS"
role = "API Only"
approvers = ["U0BOSS"]

[[rule]]
role = "API Only - APAC"
approvers = ["U0BOSS"]

[[rule]]
workspace = "Default"
approval_channel = "C0PRIVATE"
"#;

/// The key of each mistake.
const MISTAKES: [&str; 5] =
    ["rule[2].approvers[0]", "rule[4].requester[0]", "rule[5].approvals_needed", "rule[7]", "rule[8].role"];

async fn host(text: &str) -> Host {
    let host = Host::open().await;
    host.slack.set_group("S0INTERNS", &[]);
    host.slack.set_group("S0EMEA", &["U0REQ"]);
    host.write("bot.toml", text);
    host
}

#[tokio::test]
async fn check_reports_rule_mistakes_by_index_and_key() {
    // One more, of another kind: the bot is not in the channel.
    let host = host(PLANTED).await;
    let ended = host.run(&["check"]).await;
    assert_eq!(ended.code, Some(1));
    for key in MISTAKES {
        let lines = ended.stderr.lines().filter(|line| line.contains(&format!(": {key}: "))).count();
        assert_eq!(lines, 1, "{key} in {}", ended.stderr);
    }
    let channel = ended.stderr.lines().filter(|line| line.contains("rule[9].approval_channel"));
    assert_eq!(channel.count(), 1, "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), MISTAKES.len() + 1, "{}", ended.stderr);
    assert_snapshot!("check_of_ten_rules", ended.stdout);
    host.assert_no_secret(&ended.stdout);
}

/// Waits until the log has an error line for each of `keys`.
async fn tells(running: &Running, host: &Host, keys: &[&str]) {
    let watch = host.clock.stopwatch();
    let is_told = |key: &str| {
        let is_warning = |line: &&String| {
            line.contains("the policy cannot work as configured")
                && line.contains(key)
                && line.contains("ERROR")
        };
        running.log().iter().filter(is_warning).count() == 1
    };
    while !keys.iter().all(|key| is_told(key)) {
        assert!(watch.seconds() < 10.0, "{:?}", running.log());
        host.clock.sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn serve_rejects_an_unreachable_rule_and_logs_policy_warnings() {
    let host = host(PLANTED).await;
    host.run(&["serve"]).await.fails_with(&["rule[7]", "rule[8].role"]);
    let mended = PLANTED.replace("channel = \"C0OPS\"\nreason", "channel = \"C0ELSE\"\nreason");
    host.write("bot.toml", &mended.replace("API Only - APAC", "API Only"));
    let running = host.serve_ready().await;
    tells(&running, &host, &["rule[2].approvers[0]", "rule[4].requester[0]", "rule[5].approvals_needed"])
        .await;
    running.stops().await.is_good();
}

/// The policy with its mistakes fixed.
fn good() -> String {
    PLANTED
        .replace("[\"S0GONE\"]", "[\"S0MOPS\"]")
        .replace("S0INTERNS", "S0MOPS")
        .replace("approvals_needed = 3", "approvals_needed = 1")
        .replace("channel = \"C0OPS\"\nrole = \"API Only\"", "channel = \"C0ELSE\"\nrole = \"API Only\"")
        .replace("API Only - APAC", "API Only")
        .replace("C0PRIVATE", "C0OPS")
}

#[tokio::test]
async fn explain_names_the_matching_rule_and_why_others_do_not_match() {
    let host = host(&good()).await;
    let asks = ["policy", "explain", "--requester", "U0REQ", "--role"];
    let run = async |more: &[&str]| {
        let ended = host.run(&[&asks[..], more].concat()).await;
        ended.is_good();
        host.assert_no_secret(&ended.stdout);
        ended.stdout
    };
    let emea = run(&["API Only - EMEA", "--channel", "C0OPS", "--email", "svc@example.com"]).await;
    assert_snapshot!("explain_emea", emea);
    let sandbox = run(&["101", "--channel", "C0OPS", "--email", "svc@sandbox.example.com"]).await;
    assert_snapshot!("explain_capped", sandbox);
    // With few details given, many rules are possible.
    assert_snapshot!("explain_little", run(&["API Only - EMEA", "--workspace", "Default"]).await);
    assert!(host.slack.calls().iter().all(|call| !call.method.starts_with("chat.")), "it only looks");
}

#[tokio::test]
async fn explain_reports_denied_requesters_and_unavailable_roles() {
    let text =
        good().replace("[policy]", "[policy]\nrequesters = [\"S0EMEA\"]\nemail_domains = [\"example.com\"]");
    let text =
        text.replace("sandbox.example.com", "example.com").replace("partner.example.com", "example.com");
    let host = host(&text.replace("finance.example.com", "example.com")).await;
    for (requester, role, words) in [
        ("U0GUEST", "API Only", "Eligible      no: a guest"),
        ("U0OUT", "API Only", "Eligible      no: a member of another workspace"),
        ("UB0T", "API Only", "Eligible      no: a bot"),
        ("U0SECOND", "API Only", "Eligible      no: not in policy.requesters: S0EMEA"),
        ("U0REQ", "API Only", "Eligible      yes: a full member, and in policy.requesters: S0EMEA"),
        ("U0GONE", "API Only", "Eligible      no: not in policy.requesters: S0EMEA"),
        ("U0REQ", "Admin", "Role          not available: policy.roles does not list it"),
        ("U0REQ", "Robot", "Role          not available: Marketo has no role Robot"),
    ] {
        let ended = host.run(&["policy", "explain", "--requester", requester, "--role", role]).await;
        ended.is_good();
        assert!(ended.stdout.contains(words), "{requester} {role}: {}", ended.stdout);
    }
    let email = ["policy", "explain", "--requester", "U0REQ", "--role", "101", "--email", "a@b.com"];
    let ended = host.run(&email).await;
    assert!(ended.stdout.contains("Email         not allowed: policy.email_domains has example.com"));
}

#[tokio::test]
async fn explain_reports_unknown_memberships_and_their_effect() {
    let mut host = host(&good()).await;
    host.slack.set_down(true);
    host.marketo.set_down(true);
    let explain =
        ["policy", "explain", "--requester", "U0REQ", "--role", "API Only - EMEA", "--channel", "C0OPS"];
    let ended = host.run(&explain).await;
    ended.is_good();
    assert_snapshot!("explain_in_the_dark", ended.stdout);
    let ended = host.run(&[&explain[..], &["--instance", "sandbox"]].concat()).await;
    assert_eq!(
        ended.stderr,
        "marketo-api-user: --instance: \"sandbox\" is not a Marketo instance: expected one of production\n"
    );
    assert_eq!(ended.code, Some(1));
    host.unset("SLACK_BOT_TOKEN");
    host.run(&explain).await.fails_with(&["SLACK_BOT_TOKEN"]);
}
