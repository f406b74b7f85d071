//! What is told of bad settings: every fault, each with its key, none with a secret.

use proptest::prelude::*;

use super::*;

/// Instance blocks of which the first is good.
const BLOCK: &str = "[[instance]]\nname = 'eu'\nbase_url = 'https://eu.mktorest.com'\n\
                     client_id_env = 'MARKETO_CLIENT_ID'\nclient_secret_env = 'MARKETO_CLIENT_SECRET'\n";

/// The good file with one key more or with another value.
fn with(table: &str, line: &str) -> String {
    let key = line.split(' ').next().unwrap();
    let mut file: Vec<String> =
        GOOD.lines().filter(|old| !old.starts_with(&format!("{key} "))).map(str::to_owned).collect();
    match file.iter().position(|line| line == table) {
        Some(at) => file.insert(at + 1, line.to_owned()),
        None => file.extend([table.to_owned(), line.to_owned()]),
    }
    file.join("\n")
}

/// Expects exactly one fault, which begins like this.
fn one(config: Result<Config, Vec<ConfigError>>, start: &str, of: &str) {
    let faults = told(config);
    assert_eq!(faults.len(), 1, "{of}: {faults:?}");
    assert!(faults[0].starts_with(start), "{of}: {}", faults[0]);
}

/// Expects exactly this fault of the good file with this line in this table.
fn each(table: &str, lines: &[(&str, &str)]) {
    for (line, expected) in lines {
        one(load_with(&[], &with(table, line)), expected, line);
    }
}

#[test]
fn each_bad_key_of_slack_is_one_fault() {
    each(
        "[slack]",
        &[
            ("approval_channel = 'general'", "slack.approval_channel: \"general\" is not possible"),
            ("approval_channel = 'D0'", "slack.approval_channel: \"D0\" is not possible: expected a channel"),
            ("approval_channel = ''", "slack.approval_channel: \"\" is not possible"),
            ("approval_channel = 1", "slack.approval_channel: expected a channel id"),
            ("team_ids = 'T0001'", "slack.team_ids: expected a list of workspace ids, found a string"),
            ("team_ids = ['T0001', 'acme']", "slack.team_ids[1]: \"acme\" is not possible"),
            ("app_id = 'C0'", "slack.app_id: \"C0\" is not possible: expected an app id"),
            ("bot_token = 'x'", "slack.bot_token: unknown key: this is read from the environment variable"),
            ("\"a\\nb\" = 1", "slack.\"a\\nb\": unknown key: expected one of approval_channel"),
        ],
    );
}

#[test]
fn each_bad_key_of_the_limits_is_one_fault() {
    each(
        "[limits]",
        &[
            ("connections = -1", "limits.connections: -1 is out of bounds"),
            (
                "in_flight = '9'",
                "limits.in_flight: expected a whole number from 0 to 1000000, found a string",
            ),
            ("per_user = 1", "limits.per_user: unknown key: did you mean `per_user_per_minute`?"),
            ("header_timeout = 5", "limits.header_timeout: expected a whole number and a unit"),
            ("body_timeout = '0s'", "limits.body_timeout: \"0s\" is not possible"),
        ],
    );
    each(
        "[http]",
        &[
            ("client_cert_header = 'X Y'", "http.client_cert_header: \"X Y\" is not possible"),
            ("client_cert_header = true", "http.client_cert_header: expected the name of a header"),
            ("client_cert_name = ''", "http.client_cert_name: \"\" is not possible"),
        ],
    );
}

#[test]
fn each_bad_key_of_replicas_is_one_fault() {
    each(
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
fn each_bad_key_about_who_decides_is_one_fault() {
    each(
        "[policy]",
        &[
            ("approval = 'maybe'", "policy.approval: \"maybe\" is not possible: expected \"required\" or"),
            ("approval = true", "policy.approval: expected \"required\" or \"none\", found true or false"),
            ("approvers = []", "policy.approvers: is empty: expected the Slack ids"),
            ("approvers = 'U1'", "policy.approvers: expected a list of user and user-group ids, found a"),
            ("approvers = ['U1', 'C1']", "policy.approvers[1]: \"C1\" is a channel: expected a user id"),
            ("approvers = ['@ada']", "policy.approvers[0]: \"@ada\" is not possible"),
            ("approvers = [7]", "policy.approvers[0]: expected a string, found a whole number"),
            (
                "approvals_needed = 0",
                "policy.approvals_needed: 0 is out of bounds: expected a whole number, 1",
            ),
            ("approvals_needed = 1.0", "policy.approvals_needed: expected a whole number, 1 or more, found"),
            ("requesters = ['D1']", "policy.requesters[0]: \"D1\" is not possible: expected a user id"),
            ("approver = 1", "policy.approver: unknown key: did you mean `approvers`?"),
            ("app_id = 'A1'", "policy.app_id: unknown key here: it belongs in [slack]"),
        ],
    );
}

#[test]
fn each_bad_key_about_what_is_allowed_is_one_fault() {
    each(
        "[policy]",
        &[
            ("reason = 'no'", "policy.reason: \"no\" is not possible: expected \"optional\" or \"required\""),
            ("expiration = 1", "policy.expiration: expected \"optional\" or \"required\", found a whole"),
            ("max_access = 365", "policy.max_access: expected a whole number and a unit: \"90s\", \"15m\""),
            ("max_access = '1y'", "policy.max_access: \"1y\" is not possible: expected a whole number and"),
            ("max_access = 'off'", "policy.max_access: \"off\" is not possible"),
            ("max_access = '3651d'", "policy.max_access: \"3651d\" is too long: expected 3650d at most"),
            ("email_domains = ['a@b.com']", "policy.email_domains[0]: \"a@b.com\" is not possible"),
            ("email_domains = ['b.com ']", "policy.email_domains[0]: \"b.com \" is not possible"),
            ("email_domains = ['*.b.com']", "policy.email_domains[0]: \"*.b.com\" is not possible"),
            ("roles = []", "policy.roles: is empty: expected the names or ids of the Marketo roles"),
            ("roles = 'API Only'", "policy.roles: expected a list of role names or ids, found a string"),
            ("roles = [1, ' ']", "policy.roles[1]: is blank: expected a name or an id"),
            ("roles = [true]", "policy.roles[0]: expected a name or an id, found true or false"),
            ("workspaces = [-1]", "policy.workspaces[0]: -1 is negative"),
            ("pending_timeout = 'never'", "policy.pending_timeout: \"never\" is not possible: expected a"),
            ("remind_after = false", "policy.remind_after: expected a whole number and a unit: \"90s\""),
        ],
    );
}

#[test]
fn each_bad_key_of_marketo_is_one_fault() {
    each(
        "[marketo]",
        &[
            ("name = ' '", "marketo.name: \" \" is not possible: expected a name of 1 to 75"),
            ("identity = 'ims'", "marketo.identity: \"ims\" is not possible: expected \"auto\" or"),
            ("calls_per_20s = 101", "marketo.calls_per_20s: 101 is out of bounds: expected a whole number"),
            ("calls_per_20s = -1", "marketo.calls_per_20s: -1 is out of bounds"),
            ("max_concurrent = 11", "marketo.max_concurrent: 11 is out of bounds"),
            ("max_concurrent = '5'", "marketo.max_concurrent: expected a whole number from 1 to 10, found a"),
            ("base_url = 'x'", "marketo.base_url: unknown key: this is read from the environment variable"),
        ],
    );
}

#[test]
fn each_bad_table_is_one_fault() {
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
        one(load_with(&[], file), expected, file);
    }
}

#[test]
fn each_bad_variable_is_one_fault() {
    for (name, value, expected) in [
        ("SLACK_SIGNING_SECRET", "", "SLACK_SIGNING_SECRET: is not set: expected the app's signing secret"),
        ("SLACK_SIGNING_SECRET", " , ", "SLACK_SIGNING_SECRET: holds nothing but commas"),
        ("SLACK_SIGNING_SECRET", "a,b c", "SLACK_SIGNING_SECRET: holds a space"),
        (
            "SLACK_SIGNING_SECRET_FILE",
            "/x",
            "SLACK_SIGNING_SECRET: is set, and so is SLACK_SIGNING_SECRET_FILE",
        ),
        ("SLACK_BOT_TOKEN", "", "SLACK_BOT_TOKEN: is not set: expected the app's bot token"),
        ("SLACK_BOT_TOKEN", "xoxb-hidden\n", "SLACK_BOT_TOKEN: holds a space, a line break"),
        ("SLACK_API_URL", "http://example.com/api", "SLACK_API_URL: is plain http"),
        ("MARKETO_BASE_URL", "", "MARKETO_BASE_URL: is not set"),
        ("MARKETO_BASE_URL", "https://a:hidden@b.com", "MARKETO_BASE_URL: holds a user name or a password"),
        ("MARKETO_BASE_URL", "https://b.com/identity", "MARKETO_BASE_URL: has a path"),
        ("MARKETO_CLIENT_ID", "", "MARKETO_CLIENT_ID: is not set"),
        ("MARKETO_CLIENT_SECRET", "hidden é", "MARKETO_CLIENT_SECRET: holds a space"),
        ("DATABASE_URL", "mysql://bot:hidden@db/bot", "DATABASE_URL: is not a database's address"),
        ("BIND", "3000", "BIND: \"3000\" is not possible: expected address:port"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: \"xml\" is not possible: expected text or json"),
        ("RUST_LOG", "a=b=c", "RUST_LOG: \"a=b=c\" is not a filter"),
    ] {
        let config = load_with(&[(name, value)], GOOD);
        assert!(!format!("{config:?}").contains("hidden"), "{config:?}");
        one(config, expected, name);
    }
}

#[test]
fn each_bad_instance_is_one_fault() {
    for (from, to, expected) in [
        ("name = 'eu'", "", "instance[0].name: is not set: expected the instance's name"),
        ("'https://eu", "'http://eu", "instance[0].base_url: is plain http"),
        ("base_url = 'https://eu.mktorest.com'", "", "instance[0].base_url: is not set"),
        ("'MARKETO_CLIENT_ID'", "'hiddenId'", "instance[0].client_id_env: is not a name in capital letters"),
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
        ("[[instance]]", "[marketo]\n[[instance]]", "marketo: is given, and so is [[instance]]"),
    ] {
        let faults = told(load_with(&[], &format!("{GOOD}{}", BLOCK.replace(from, to))));
        assert!(faults[0].starts_with(expected), "{to}: {faults:?}");
        // A renamed key is unknown, and then lacks in its old place.
        assert_eq!(faults.len(), 1 + usize::from(to == "client_secret"), "{to}: {faults:?}");
        assert!(!faults.join("").contains("hidden"), "{faults:?}");
    }
    one(load_with(&[], &format!("instance = []\n{GOOD}")), "instance: is empty", "instance = []");
    one(load_with(&[], &format!("instance = [1]\n{GOOD}")), "instance[0]: expected a table, found", "[1]");
    let second = BLOCK.replace("'eu'", "'us'");
    let expected = "instance[1].base_url: is also the address of instance[0]";
    one(load_with(&[], &format!("{GOOD}{BLOCK}{second}")), expected, "two for one Marketo");
    let second = BLOCK.replace("https://eu", "https://us");
    let expected = "instance[1].name: is also the name of instance[0]";
    one(load_with(&[], &format!("{GOOD}{BLOCK}{second}")), expected, "two of one name");
    let many = (0..101).map(|at| BLOCK.replace("eu", &format!("eu{at}"))).collect::<String>();
    one(load_with(&[], &format!("{GOOD}{many}")), "instance: has 101 blocks: expected 100 at most", "many");
}

#[test]
fn ten_faults_are_told_in_one_go() {
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
    let keys: Vec<_> = load_with(&variables, file).unwrap_err().into_iter().map(|fault| fault.key).collect();
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
fn a_syntax_error_does_not_hide_the_faults_of_the_environment() {
    let faults = told(load_with(&[("BIND", "x"), ("SLACK_BOT_TOKEN", "")], "[slack]\n= 1"));
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].contains("bot.toml: line 2, column 1: "), "{}", faults[0]);
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
    fn no_file_panics_and_every_fault_is_one_line(
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
        for fault in load_with(&[], &file.to_string()).err().unwrap_or_default() {
            let line = fault.to_string();
            prop_assert!(!line.contains(char::is_control), "{:?}", line);
            prop_assert!(!line.contains("hidden"), "{:?}", line);
        }
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        prop_assert!(load_with(&[], &text).is_err());
    }

    #[test]
    fn no_variable_panics_or_is_shown(which in 0..VARIABLES.len(), text in "[ -~]{0,8}hidden[^\u{0}]{0,8}") {
        let shown = format!("{:?}", load_with(&[(VARIABLES[which].0, &text)], GOOD).err());
        prop_assert!(!shown.contains("hidden"), "{}", shown);
    }
}
