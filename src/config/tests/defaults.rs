//! The documented default file agrees with the defaults of the code.

use super::*;

/// The default file with `keys` of `table` uncommented.
fn uncommented(table: &str, keys: &[&str]) -> String {
    let mut current_table = "";
    let mut lines = Vec::new();
    for line in DEFAULT.lines() {
        let bare = line.strip_prefix('#').unwrap_or(line);
        if bare.starts_with('[') {
            current_table = bare;
        }
        let is_selected =
            current_table == table && keys.iter().any(|key| bare.split(' ').next() == Some(key));
        lines.push(if is_selected { bare } else { line });
    }
    lines.join("\n")
}

/// The required settings.
const REQUIRED: &str = "approvers = [\"U0APPROVE\", \"S0MOPS\"]\nroles = [\"API Only\"]";

#[test]
fn default_file_equals_the_defaults_of_the_code() {
    let written = load_with(&[], &uncommented("[policy]", &["approvers", "roles"])).unwrap();
    let bare = "[policy]\napprovers = ['U0APPROVE', 'S0MOPS']\nroles = ['API Only']";
    let implied = load_with(&[], bare).unwrap();
    assert_eq!(format!("{written:?}"), format!("{implied:?}"));
    assert_eq!(written.policy, implied.policy);
}

#[test]
fn default_file_lacks_only_the_required_keys() {
    let keys: Vec<_> = load_with(&[], DEFAULT).unwrap_err().into_iter().map(|error| error.key).collect();
    assert_eq!(keys, ["policy.approvers", "policy.roles"]);
}

#[test]
fn examples_in_the_default_file_are_valid() {
    let set = |text: &str| text.replace("[policy]\n", &format!("[policy]\n{REQUIRED}\n"));
    let slack = uncommented("[slack]", keys::SLACK);
    let slack = load_with(&[], &set(&slack)).unwrap();
    assert_eq!(slack.policy.base.approval_channel.unwrap().as_str(), "C0APPROVE");
    assert_eq!((slack.slack.team_ids, slack.slack.app_id), (vec!["T0001".to_owned()], Some("A0001".into())));

    let policy = uncommented("[policy]", keys::POLICY).replace("\"off\"", "\"2d\"");
    let base = load_with(&[], &policy).unwrap().policy.base;
    let escalation = base.escalation.unwrap();
    assert_eq!((escalation.after.as_secs(), escalation.to.len()), (2 * 86_400, 1));
    assert_eq!(base.timezone.unwrap().name(), "Europe/London");

    let text = uncommented("[[instance]]", &[&["[[instance]]"], keys::INSTANCE].concat());
    let (policy, rest) = text.split_once("[marketo]\n").unwrap();
    let (_, instance) = rest.split_once("[[instance]]").unwrap();
    let variables = [("MARKETO_EU_ID", "a"), ("MARKETO_EU_SECRET", "b")];
    let file = set(&format!("{policy}\n[[instance]]{instance}"));
    let instances = load_with(&variables, &file).unwrap().instances;
    assert_eq!((instances.len(), instances[0].name.as_str()), (1, "production"));
}

#[test]
fn example_rule_in_the_default_file_is_valid() {
    let text = uncommented("[[rule]]", &[&["[[rule]]"], keys::RULE].concat());
    let roles = "roles = [\"API Only\", \"API Only - EMEA\", 102]";
    let text = text.replace("[policy]\n", &format!("[policy]\napprovers = [\"U0APPROVE\"]\n{roles}\n"));
    // This key is only valid with approval = "none".
    let policy = load_with(&[], &text.replace("\nauto_per_week", "\n#auto_per_week")).unwrap().policy;
    let [rule] = policy.rules.as_slice() else { panic!("one rule") };
    assert_eq!((rule.label.as_str(), rule.terms.approvals_needed()), ("EMEA", 2));
    assert_eq!(load_with(&[], &text).unwrap_err()[0].key, "rule[0].auto_per_week");
}

#[test]
fn default_file_documents_every_key() {
    let tables: Vec<&str> = DEFAULT.split("\n[").skip(1).flat_map(|part| part.split("\n#[")).collect();
    for (table, known) in keys::TABLES {
        let part = tables.iter().find(|part| format!("[{part}").starts_with(table)).unwrap();
        let mut written: Vec<&str> = part
            .lines()
            .skip(1)
            .map(|line| line.strip_prefix('#').unwrap_or(line))
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
            .map(|line| line.split(' ').next().unwrap())
            .collect();
        let mut known = known.to_vec();
        written.sort_unstable();
        known.sort_unstable();
        assert_eq!(written, known, "{table}");
    }
}

#[test]
fn errors_without_a_file_say_how_to_create_one() {
    let environment = Environment::from_pairs(VARIABLES.iter().copied());
    let folder = tempfile::tempdir().unwrap();
    let errors = errors_of(load_or(&environment, None, &folder.path().join("absent.toml")));
    assert_eq!(errors.len(), 2, "{errors:?}");
    for (error, key) in errors.iter().zip(["policy.approvers: is not set", "policy.roles: is not set"]) {
        assert!(error.starts_with(key), "{error}");
        assert!(error.contains("`marketo-api-user config > marketo-api-user.toml`"), "{error}");
    }
}
