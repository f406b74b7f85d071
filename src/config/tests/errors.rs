//! Invalid settings: every error is reported with its key, and none contains a secret.

use proptest::prelude::*;

use super::*;

/// A valid instance.
const BLOCK: &str = "[[instance]]\nname = 'eu'\nbase_url = 'https://eu.mktorest.com'\n\
                     client_id_env = 'MARKETO_CLIENT_ID'\nclient_secret_env = 'MARKETO_CLIENT_SECRET'\n";

/// The minimal file with one key added or replaced.
fn with(table: &str, line: &str) -> String {
    let key = line.split(' ').next().unwrap();
    let mut file: Vec<String> =
        MINIMAL.lines().filter(|old| !old.starts_with(&format!("{key} "))).map(str::to_owned).collect();
    match file.iter().position(|line| line == table) {
        Some(at) => file.insert(at + 1, line.to_owned()),
        None => file.extend([table.to_owned(), line.to_owned()]),
    }
    file.join("\n")
}

/// Expects exactly one error, which starts with `start`. `case` describes the input.
fn assert_one(config: Result<Config, Vec<ConfigError>>, start: &str, case: &str) {
    let errors = errors_of(config);
    assert_eq!(errors.len(), 1, "{case}: {errors:?}");
    assert!(errors[0].starts_with(start), "{case}: {}", errors[0]);
}

/// Expects exactly one error for each line that is added to `table`.
fn assert_each(table: &str, lines: &[(&str, &str)]) {
    for (line, expected) in lines {
        assert_one(load_with(&[], &with(table, line)), expected, line);
    }
}

#[test]
fn each_invalid_key_of_slack_is_one_error() {
    assert_each(
        "[slack]",
        &[
            ("approval_channel = 'general'", "slack.approval_channel: \"general\" is invalid"),
            ("approval_channel = 'D0'", "slack.approval_channel: \"D0\" is invalid: expected a channel"),
            ("approval_channel = ''", "slack.approval_channel: \"\" is invalid"),
            ("approval_channel = 1", "slack.approval_channel: expected a channel id"),
            ("team_ids = 'T0001'", "slack.team_ids: expected a list of workspace ids, found a string"),
            ("team_ids = ['T0001', 'acme']", "slack.team_ids[1]: \"acme\" is invalid"),
            ("app_id = 'C0'", "slack.app_id: \"C0\" is invalid: expected an app id"),
            ("bot_token = 'x'", "slack.bot_token: unknown key: this is read from the environment variable"),
            ("\"a\\nb\" = 1", "slack.\"a\\nb\": unknown key: expected one of approval_channel"),
        ],
    );
}

#[test]
fn each_invalid_key_of_the_limits_is_one_error() {
    assert_each(
        "[limits]",
        &[
            ("connections = -1", "limits.connections: -1 is out of range"),
            (
                "in_flight = '9'",
                "limits.in_flight: expected a whole number from 0 to 1000000, found a string",
            ),
            ("per_user = 1", "limits.per_user: unknown key: did you mean `per_user_per_minute`?"),
            ("header_timeout = 5", "limits.header_timeout: expected a whole number and a unit"),
            ("body_timeout = '0s'", "limits.body_timeout: \"0s\" is invalid"),
        ],
    );
    assert_each(
        "[http]",
        &[
            ("client_cert_header = 'X Y'", "http.client_cert_header: \"X Y\" is invalid"),
            ("client_cert_header = true", "http.client_cert_header: expected the name of a header"),
            ("client_cert_name = ''", "http.client_cert_name: \"\" is invalid"),
        ],
    );
}

#[test]
fn each_invalid_key_of_replicas_is_one_error() {
    assert_each(
        "[replicas]",
        &[
            ("lease = '1s'", "replicas.lease: expected 2s to 10m"),
            ("lease = '1h'", "replicas.lease: expected 2s to 10m"),
            ("lease = 30", "replicas.lease: expected a whole number and a unit"),
            ("leases = '30s'", "replicas.leases: unknown key: did you mean `lease`?"),
        ],
    );
}

#[test]
fn each_invalid_key_about_approvals_is_one_error() {
    assert_each(
        "[policy]",
        &[
            ("approval = 'maybe'", "policy.approval: \"maybe\" is invalid: expected \"required\" or"),
            ("approval = true", "policy.approval: expected \"required\" or \"none\", found true or false"),
            ("approvers = []", "policy.approvers: is empty: expected the Slack ids"),
            ("approvers = 'U1'", "policy.approvers: expected a list of user and user-group ids, found a"),
            ("approvers = ['U1', 'C1']", "policy.approvers[1]: \"C1\" is a channel: expected a user id"),
            ("approvers = ['@ada']", "policy.approvers[0]: \"@ada\" is invalid"),
            ("approvers = [7]", "policy.approvers[0]: expected a string, found a whole number"),
            (
                "approvals_needed = 0",
                "policy.approvals_needed: 0 is out of range: expected a whole number, 1",
            ),
            ("approvals_needed = 1.0", "policy.approvals_needed: expected a whole number, 1 or more, found"),
            ("requesters = ['D1']", "policy.requesters[0]: \"D1\" is invalid: expected a user id"),
            ("approver = 1", "policy.approver: unknown key: did you mean `approvers`?"),
            ("app_id = 'A1'", "policy.app_id: unknown key here: it belongs in [slack]"),
        ],
    );
}

#[test]
fn each_invalid_key_about_requests_is_one_error() {
    assert_each(
        "[policy]",
        &[
            ("reason = 'no'", "policy.reason: \"no\" is invalid: expected \"optional\" or \"required\""),
            ("expiration = 1", "policy.expiration: expected \"optional\" or \"required\", found a whole"),
            ("max_access = 365", "policy.max_access: expected a whole number and a unit: \"90s\", \"15m\""),
            ("max_access = '1y'", "policy.max_access: \"1y\" is invalid: expected a whole number and"),
            ("max_access = 'off'", "policy.max_access: \"off\" is invalid"),
            ("max_access = '3651d'", "policy.max_access: \"3651d\" is too long: expected at most 3650d"),
            ("email_domains = ['a@b.com']", "policy.email_domains[0]: \"a@b.com\" is invalid"),
            ("email_domains = ['b.com ']", "policy.email_domains[0]: \"b.com \" is invalid"),
            ("email_domains = ['*.b.com']", "policy.email_domains[0]: \"*.b.com\" is invalid"),
            ("roles = []", "policy.roles: is empty: expected the names or ids of the Marketo roles"),
            ("roles = 'API Only'", "policy.roles: expected a list of role names or ids, found a string"),
            ("roles = [1, ' ']", "policy.roles[1]: is blank: expected a name or an id"),
            ("roles = [true]", "policy.roles[0]: expected a name or an id, found true or false"),
            ("workspaces = [-1]", "policy.workspaces[0]: -1 is negative"),
            ("pending_timeout = 'never'", "policy.pending_timeout: \"never\" is invalid: expected a"),
            ("remind_after = false", "policy.remind_after: expected a whole number and a unit: \"90s\""),
        ],
    );
}

#[test]
fn each_invalid_key_of_marketo_is_one_error() {
    assert_each(
        "[marketo]",
        &[
            ("name = ' '", "marketo.name: \" \" is invalid: expected a name of 1 to 75"),
            ("identity = 'ims'", "marketo.identity: \"ims\" is invalid: expected \"auto\" or"),
            ("calls_per_20s = 101", "marketo.calls_per_20s: 101 is out of range: expected a whole number"),
            ("calls_per_20s = -1", "marketo.calls_per_20s: -1 is out of range"),
            ("max_concurrent = 11", "marketo.max_concurrent: 11 is out of range"),
            ("max_concurrent = '5'", "marketo.max_concurrent: expected a whole number from 1 to 10, found a"),
            ("base_url = 'x'", "marketo.base_url: unknown key: this is read from the environment variable"),
        ],
    );
}

#[test]
fn each_invalid_table_is_one_error() {
    for (file, expected) in [
        ("policy = 3", "policy: expected a table, found a whole number"),
        ("[policy]\nroles = [1]", "policy.approvers: is not set: expected the Slack ids"),
        ("[policy]\napprovers = ['U1']", "policy.roles: is not set: expected the names or ids"),
        ("[[slack]]\n[policy]\napprovers = ['U1']\nroles = [1]", "slack: expected a table, found a list"),
        (
            "polcy = 1\n[policy]\napprovers = ['U1']\nroles = [1]",
            "polcy: unknown key: did you mean `policy`?",
        ),
        ("[policy", "/"),
    ] {
        assert_one(load_with(&[], file), expected, file);
    }
}

#[test]
fn each_invalid_variable_is_one_error() {
    for (name, value, expected) in [
        ("SLACK_SIGNING_SECRET", "", "SLACK_SIGNING_SECRET: is not set: expected the app's signing secret"),
        ("SLACK_SIGNING_SECRET", " , ", "SLACK_SIGNING_SECRET: contains only commas"),
        ("SLACK_SIGNING_SECRET", "a,b c", "SLACK_SIGNING_SECRET: contains a space"),
        (
            "SLACK_SIGNING_SECRET_FILE",
            "/x",
            "SLACK_SIGNING_SECRET: is set, and so is SLACK_SIGNING_SECRET_FILE",
        ),
        ("SLACK_BOT_TOKEN", "", "SLACK_BOT_TOKEN: is not set: expected the app's bot token"),
        ("SLACK_BOT_TOKEN", "xoxb-hidden\n", "SLACK_BOT_TOKEN: contains a space, a line break"),
        ("SLACK_API_URL", "http://example.com/api", "SLACK_API_URL: is plain http"),
        ("MARKETO_BASE_URL", "", "MARKETO_BASE_URL: is not set"),
        (
            "MARKETO_BASE_URL",
            "https://a:hidden@b.com",
            "MARKETO_BASE_URL: contains a user name or a password",
        ),
        ("MARKETO_BASE_URL", "https://b.com/identity", "MARKETO_BASE_URL: has a path"),
        ("MARKETO_CLIENT_ID", "", "MARKETO_CLIENT_ID: is not set"),
        ("MARKETO_CLIENT_SECRET", "hidden é", "MARKETO_CLIENT_SECRET: contains a space"),
        ("DATABASE_URL", "mysql://bot:hidden@db/bot", "DATABASE_URL: is not the URL of a database"),
        ("BIND", "3000", "BIND: \"3000\" is invalid: expected address:port"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: \"xml\" is invalid: expected text or json"),
        ("RUST_LOG", "a=b=c", "RUST_LOG: \"a=b=c\" is not a filter"),
    ] {
        let config = load_with(&[(name, value)], MINIMAL);
        assert!(!format!("{config:?}").contains("hidden"), "{config:?}");
        assert_one(config, expected, name);
    }
}

#[test]
fn each_invalid_instance_is_one_error() {
    for (from, to, expected) in [
        ("name = 'eu'", "", "instance[0].name: is not set: expected the instance's name"),
        ("'https://eu", "'http://eu", "instance[0].base_url: is plain http"),
        ("base_url = 'https://eu.mktorest.com'", "", "instance[0].base_url: is not set"),
        ("'MARKETO_CLIENT_ID'", "'hiddenId'", "instance[0].client_id_env: is not a name of capital letters"),
        ("client_id_env = 'MARKETO_CLIENT_ID'", "", "instance[0].client_id_env: is not set"),
        (
            "'MARKETO_CLIENT_SECRET'",
            "'EU_SECRET'",
            "instance[0].client_secret_env: the environment variable EU_SECRET (or EU_SECRET_FILE) is not set",
        ),
        (
            "client_secret_env",
            "client_secret",
            "instance[0].client_secret: unknown key: did you mean `client_sec",
        ),
        ("[[instance]]", "[instance]", "instance: expected [[instance]] blocks, found a table"),
        ("[[instance]]", "[marketo]\n[[instance]]", "marketo: is present, and so is [[instance]]"),
    ] {
        let errors = errors_of(load_with(&[], &format!("{MINIMAL}{}", BLOCK.replace(from, to))));
        assert!(errors[0].starts_with(expected), "{to}: {errors:?}");
        // A misspelled key is unknown, and the right one is missing.
        assert_eq!(errors.len(), 1 + usize::from(to == "client_secret"), "{to}: {errors:?}");
        assert!(!errors.join("").contains("hidden"), "{errors:?}");
    }
    assert_one(load_with(&[], &format!("instance = []\n{MINIMAL}")), "instance: is empty", "instance = []");
    assert_one(
        load_with(&[], &format!("instance = [1]\n{MINIMAL}")),
        "instance[0]: expected a table, found",
        "[1]",
    );
    let second = BLOCK.replace("'eu'", "'us'");
    let expected = "instance[1].base_url: is also the address of instance[0]";
    assert_one(load_with(&[], &format!("{MINIMAL}{BLOCK}{second}")), expected, "two blocks for one instance");
    let second = BLOCK.replace("https://eu", "https://us");
    let expected = "instance[1].name: is also the name of instance[0]";
    assert_one(load_with(&[], &format!("{MINIMAL}{BLOCK}{second}")), expected, "two blocks with one name");
    let many = (0..101).map(|at| BLOCK.replace("eu", &format!("eu{at}"))).collect::<String>();
    assert_one(
        load_with(&[], &format!("{MINIMAL}{many}")),
        "instance: has 101 blocks: expected at most 100",
        "many",
    );
}

#[test]
fn all_errors_are_reported_together() {
    let file = r#"
        colour = "red"
        [slack]
        app_id = 1
        [policy]
        approvers = ["ada"]
        approvals_needed = 0
        max_access = "long"
        [marketo]
        calls_per_20s = 0
        identity = "?""#;
    let variables = [("BIND", "here"), ("SLACK_BOT_TOKEN", ""), ("MARKETO_BASE_URL", "ftp://x")];
    let keys: Vec<_> = load_with(&variables, file).unwrap_err().into_iter().map(|error| error.key).collect();
    assert_eq!(
        keys,
        [
            "BIND",
            "SLACK_BOT_TOKEN",
            "colour",
            "MARKETO_BASE_URL",
            "marketo.identity",
            "marketo.calls_per_20s",
            "slack.app_id",
            "policy.approvals_needed",
            "policy.approvers[0]",
            "policy.max_access",
            "policy.roles",
        ]
    );
}

#[test]
fn syntax_error_does_not_hide_errors_of_the_environment() {
    let errors = errors_of(load_with(&[("BIND", "x"), ("SLACK_BOT_TOKEN", "")], "[slack]\n= 1"));
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors[0].contains("bot.toml: line 2, column 1: "), "{}", errors[0]);
}

/// Any key, mostly a known one.
fn key() -> impl Strategy<Value = String> {
    let known: Vec<&str> = keys::TABLES.iter().flat_map(|(_, keys)| keys.iter().copied()).collect();
    prop_oneof![8 => prop::sample::select(known).prop_map(str::to_owned), 1 => any::<String>()]
}

fn value() -> impl Strategy<Value = toml::Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(toml::Value::from),
        any::<f64>().prop_map(toml::Value::from),
        any::<bool>().prop_map(toml::Value::from),
        any::<String>().prop_map(toml::Value::from),
        "[UCSATE][A-Z0-9]{0,4}|[0-9]{1,20}[smhd]|off|none|required|auto".prop_map(toml::Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(toml::Value::from),
            prop::collection::btree_map(key(), inner, 0..4)
                .prop_map(|table| toml::Value::Table(table.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_error_of_an_arbitrary_file_is_one_line(
        tables in prop::collection::btree_map("slack|policy|rule|marketo|instance|[a-z]{1,3}", value(), 0..4),
        policy in prop::collection::btree_map(key(), value(), 0..6),
        marketo in prop::collection::btree_map(key(), value(), 0..6),
        rules in prop::collection::vec(prop::collection::btree_map(key(), value(), 0..6), 0..3),
    ) {
        let mut file: toml::Table = tables.into_iter().collect();
        file.entry("policy").or_insert(toml::Value::Table(policy.into_iter().collect()));
        file.entry("marketo").or_insert(toml::Value::Table(marketo.into_iter().collect()));
        let rules = rules.into_iter().map(|rule| toml::Value::Table(rule.into_iter().collect()));
        file.entry("rule").or_insert(toml::Value::Array(rules.collect()));
        for error in load_with(&[], &file.to_string()).err().unwrap_or_default() {
            let line = error.to_string();
            prop_assert!(!line.contains(char::is_control), "{:?}", line);
            prop_assert!(!line.contains("hidden"), "{:?}", line);
        }
    }

    #[test]
    fn arbitrary_text_is_an_error(text in any::<String>()) {
        prop_assert!(load_with(&[], &text).is_err());
    }

    #[test]
    fn no_error_contains_the_value_of_a_secret_variable(index in 0..VARIABLES.len(), text in "[ -~]{0,8}hidden[^\u{0}]{0,8}") {
        let shown = format!("{:?}", load_with(&[(VARIABLES[index].0, &text)], MINIMAL).err());
        prop_assert!(!shown.contains("hidden"), "{}", shown);
    }
}
