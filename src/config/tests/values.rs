//! Valid settings.

use std::time::Duration;

use jiff::SignedDuration;
use secrecy::ExposeSecret;

use super::*;
use crate::{
    domain::{
        people::Principal,
        policy::{Approval, Requirement},
    },
    marketo::Identity,
};

const HOUR: u64 = 60 * 60;

#[test]
fn minimal_file_uses_defaults() {
    let config = load_with(&[], MINIMAL).unwrap();
    assert_eq!(config.bind.to_string(), "127.0.0.1:3000");
    assert_eq!(config.database_url.expose_secret(), "sqlite:marketo-api-user.db");
    assert_eq!(config.slack.api_url, "https://slack.com/api");
    assert_eq!(config.slack.bot_token.expose_secret(), BOT_TOKEN);
    assert_eq!((config.slack.team_ids.len(), config.slack.app_id), (0, None));
    let [marketo] = config.instances.as_slice() else { panic!("one instance") };
    assert_eq!((marketo.name.as_str(), marketo.identity), ("production", Identity::Auto));
    assert_eq!(marketo.base_url, "https://123-abc-456.mktorest.com");
    assert_eq!(
        (marketo.client_id.as_str(), marketo.client_secret.expose_secret()),
        (CLIENT_ID, CLIENT_SECRET)
    );
    assert_eq!((marketo.calls_per_20s, marketo.max_concurrent), (50, 5));
    let policy = config.policy;
    let approvers = vec![Principal::User("U0APPROVE".into()), Principal::Group("S0MOPS".into())];
    assert_eq!(policy.base.approval, Approval::Required { approvers, needed: 1 });
    assert_eq!((policy.base.reason, policy.base.expiration), (Requirement::Optional, Requirement::Optional));
    assert_eq!(policy.base.max_access, SignedDuration::from_hours(365 * 24));
    assert_eq!(policy.base.pending_timeout, Some(Duration::from_secs(7 * 24 * HOUR)));
    assert_eq!(policy.base.remind_after, Some(Duration::from_secs(24 * HOUR)));
    assert!(policy.requesters.is_empty() && policy.email_domains.is_empty() && policy.workspaces.is_empty());
}

#[test]
fn every_key_can_be_set() {
    let file = r#"
        [slack]
        approval_channel = "G0APPROVE"
        team_ids = ["T0001", "E0001"]
        app_id = "A0001"
        [policy]
        approval = "required"
        approvers = ["W0APPROVE", "W0APPROVE"]
        approvals_needed = 1
        requesters = ["U0ASKS", "S0ASK", "C0ASK"]
        reason = "required"
        expiration = "required"
        max_access = "3650d"
        email_domains = ["@Example.COM", "example.com", "example.org"]
        roles = ["API Only", 101, "101"]
        workspaces = [0, "Default"]
        pending_timeout = "off"
        remind_after = "90s"
        [marketo]
        name = "sandbox"
        identity = "adobe"
        calls_per_20s = 100
        max_concurrent = 1"#;
    let config = load_with(&[("SLACK_API_URL", "http://127.0.0.1:1/api/")], file).unwrap();
    assert_eq!(config.slack.api_url, "http://127.0.0.1:1/api");
    assert_eq!(config.slack.team_ids, ["T0001", "E0001"]);
    let policy = config.policy;
    assert_eq!(policy.base.approvers(), [Principal::User("W0APPROVE".into())]);
    assert_eq!(policy.requesters.len(), 3);
    assert_eq!((policy.base.reason, policy.base.expiration), (Requirement::Required, Requirement::Required));
    assert_eq!(policy.base.max_access, SignedDuration::from_hours(3650 * 24));
    assert_eq!(policy.email_domains, ["example.com", "example.org"]);
    assert_eq!(policy.roles, ["API Only", "101"]);
    assert_eq!(policy.workspaces, ["0", "Default"]);
    assert_eq!(
        (policy.base.pending_timeout, policy.base.remind_after),
        (None, Some(Duration::from_secs(90)))
    );
    let marketo = &config.instances[0];
    assert_eq!((marketo.name.as_str(), marketo.identity), ("sandbox", Identity::Adobe));
    assert_eq!((marketo.calls_per_20s, marketo.max_concurrent), (100, 1));
}

#[test]
fn policy_without_approval_needs_no_approvers() {
    let config = load_with(&[], "policy = { approval = 'none', roles = [1] }").unwrap();
    assert_eq!(config.policy.base.approval, Approval::None { per_week: None });
}

#[test]
fn several_signing_secrets_are_accepted() {
    for (text, expected) in [("a", &["a"][..]), (" a , b,", &["a", "b"])] {
        let secrets = load_with(&[("SLACK_SIGNING_SECRET", text)], MINIMAL).unwrap().slack.signing_secrets;
        let secrets: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(secrets, expected);
    }
}

#[test]
fn instance_names_its_own_variables() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "from-a-file\n").unwrap();
    let block = r#"
        [[instance]]
        name = "eu"
        base_url = "https://eu.mktorest.com/rest"
        client_id_env = "EU_ID"
        client_secret_env = "EU_SECRET"
        max_concurrent = 2"#;
    let variables = [
        ("MARKETO_BASE_URL", ""),
        ("MARKETO_CLIENT_ID", ""),
        ("MARKETO_CLIENT_SECRET", ""),
        ("EU_ID", "eu-id"),
        ("EU_SECRET_FILE", secret.to_str().unwrap()),
    ];
    let instances = load_with(&variables, &format!("{MINIMAL}{block}")).unwrap().instances;
    let [eu] = instances.as_slice() else { panic!("one instance") };
    assert_eq!((eu.name.as_str(), eu.base_url.as_str()), ("eu", "https://eu.mktorest.com"));
    assert_eq!((eu.client_id.as_str(), eu.client_secret.expose_secret()), ("eu-id", "from-a-file"));
    assert_eq!((eu.identity, eu.calls_per_20s, eu.max_concurrent), (Identity::Auto, 50, 2));
}

#[test]
fn instances_keep_their_order_and_have_separate_credentials() {
    let block = |name: &str, prefix: &str, more: &str| {
        format!(
            "\n[[instance]]\nname = '{name}'\nbase_url = 'https://{name}.mktorest.com'\n\
             client_id_env = '{prefix}_ID'\nclient_secret_env = '{prefix}_SECRET'\n{more}\n"
        )
    };
    let (zeta, alpha) =
        (block("zeta", "Z", ""), block("alpha", "A", "identity = 'adobe'\ncalls_per_20s = 7"));
    let variables = [("Z_ID", "z-id"), ("Z_SECRET", "z-secret"), ("A_ID", "a-id"), ("A_SECRET", "a-secret")];
    let instances = load_with(&variables, &format!("{MINIMAL}{zeta}{alpha}")).unwrap().instances;
    let [first, second] = instances.as_slice() else { panic!("two instances") };
    assert_eq!((first.name.as_str(), first.client_secret.expose_secret()), ("zeta", "z-secret"));
    assert_eq!((first.identity, first.calls_per_20s), (Identity::Auto, 50));
    assert_eq!((second.name.as_str(), second.client_secret.expose_secret()), ("alpha", "a-secret"));
    assert_eq!((second.identity, second.calls_per_20s), (Identity::Adobe, 7));
    let set_at = SetAt {
        base_url: "instance[1].base_url".to_owned(),
        client_id: "A_ID".to_owned(),
        client_secret: "A_SECRET".to_owned(),
    };
    assert_eq!(second.set_at, set_at);
}

#[test]
fn debug_of_the_settings_contains_no_secret() {
    let database = ("DATABASE_URL", "postgres://bot:hidden-password@db/bot");
    let config = load_with(&[database], MINIMAL).unwrap();
    let shown = format!("{config:?}");
    for secret in [SIGNING_SECRET, BOT_TOKEN, CLIENT_SECRET, "hidden-password"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn every_limit_can_be_turned_off() {
    let keys = [
        "per_user_per_minute",
        "per_team_per_minute",
        "refusals_per_user_per_minute",
        "connections",
        "in_flight",
    ];
    let keys = keys.into_iter().chain(["header_timeout", "body_timeout", "idle_timeout"]);
    let lines: String = keys.map(|key| format!("{key} = 0\n")).collect();
    let limits = load_with(&[], &format!("{MINIMAL}[limits]\n{lines}")).unwrap().limits;
    let numbers =
        [limits.per_user_per_minute, limits.per_team_per_minute, limits.connections, limits.in_flight];
    assert_eq!((numbers, limits.refusals_per_user_per_minute, limits.timeouts().count()), ([0; 4], 0, 0));
}

#[test]
fn client_cert_name_has_a_default() {
    let http = |lines| load_with(&[], &format!("{MINIMAL}[http]\n{lines}")).unwrap().client_cert;
    assert_eq!(http(""), None);
    let client_cert = http("client_cert_header = 'X-SSL-Client-DN'").unwrap();
    assert_eq!(
        (client_cert.header.as_str(), client_cert.name.as_str()),
        ("X-SSL-Client-DN", "platform-tls-client.slack.com")
    );
}
