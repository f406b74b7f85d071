//! The documented default file and the defaults of the code are the same.

use super::*;

/// The default file with these keys of one of its tables set, which it shows commented out.
fn uncommented(table: &str, keys: &[&str]) -> String {
    let mut here = "";
    let mut lines = Vec::new();
    for line in DEFAULT.lines() {
        let bare = line.strip_prefix('#').unwrap_or(line);
        if bare.starts_with('[') {
            here = bare;
        }
        let is_meant = here == table && keys.iter().any(|key| bare.split(' ').next() == Some(key));
        lines.push(if is_meant { bare } else { line });
    }
    lines.join("\n")
}

/// What must be set.
const OWN: &str = "approvers = [\"U0APPROVE\", \"S0MOPS\"]\nroles = [\"API Only\"]";

#[test]
fn the_default_file_says_what_holds_without_it() {
    let written = load_with(&[], &uncommented("[policy]", &["approvers", "roles"])).unwrap();
    let bare = "[policy]\napprovers = ['U0APPROVE', 'S0MOPS']\nroles = ['API Only']";
    let implied = load_with(&[], bare).unwrap();
    assert_eq!(format!("{written:?}"), format!("{implied:?}"));
    assert_eq!(written.policy, implied.policy);
}

#[test]
fn the_default_file_lacks_what_only_its_owner_knows() {
    let keys: Vec<_> = load_with(&[], DEFAULT).unwrap_err().into_iter().map(|fault| fault.key).collect();
    assert_eq!(keys, ["policy.approvers", "policy.roles"]);
}

#[test]
fn the_examples_in_the_default_file_work() {
    let set = |text: &str| text.replace("[policy]\n", &format!("[policy]\n{OWN}\n"));
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
fn the_example_of_a_rule_in_the_default_file_works() {
    let text = uncommented("[[rule]]", &[&["[[rule]]"], keys::RULE].concat());
    let roles = "roles = [\"API Only\", \"API Only - EMEA\", 102]";
    let text = text.replace("[policy]\n", &format!("[policy]\napprovers = [\"U0APPROVE\"]\n{roles}\n"));
    // What goes with approval = "none" only.
    let policy = load_with(&[], &text.replace("\nauto_per_week", "\n#auto_per_week")).unwrap().policy;
    let [rule] = policy.rules.as_slice() else { panic!("one rule") };
    assert_eq!((rule.label.as_str(), rule.terms.approvals_needed()), ("EMEA", 2));
    assert_eq!(load_with(&[], &text).unwrap_err()[0].key, "rule[0].auto_per_week");
}

#[test]
fn the_default_file_has_every_key() {
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
fn without_a_file_the_faults_say_how_to_write_one() {
    let environment = Environment::from_pairs(VARIABLES.iter().copied());
    let folder = tempfile::tempdir().unwrap();
    let faults = told(load_or(&environment, None, &folder.path().join("absent.toml")));
    assert_eq!(faults.len(), 2, "{faults:?}");
    for (fault, key) in faults.iter().zip(["policy.approvers: is not set", "policy.roles: is not set"]) {
        assert!(fault.starts_with(key), "{fault}");
        assert!(fault.contains("`marketo-api-user config > marketo-api-user.toml`"), "{fault}");
    }
}
