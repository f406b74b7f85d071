//! The documented default file and the defaults of the code are the same.

use super::*;

/// The default file with these of its keys set, which it shows commented out.
fn uncommented(keys: &[&str]) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(code) if keys.iter().any(|key| code.split(' ').next() == Some(key)) => code.to_owned(),
        _ => line.to_owned(),
    };
    DEFAULT.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_default_file_says_what_holds_without_it() {
    let written = load_with(&[], &uncommented(&["approvers", "roles"])).unwrap();
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
    let slack =
        load_with(&[], &uncommented(&["approvers", "roles", "approval_channel", "team_ids", "app_id"]))
            .unwrap();
    assert_eq!(slack.policy.base.approval_channel.unwrap().as_str(), "C0APPROVE");
    assert_eq!((slack.slack.team_ids, slack.slack.app_id), (vec!["T0001".to_owned()], Some("A0001".into())));

    let block = [&["[[instance]]", "approvers", "roles"], keys::INSTANCE].concat();
    let text = uncommented(&block);
    let (policy, rest) = text.split_once("[marketo]\n").unwrap();
    let (_, instance) = rest.split_once("[[instance]]").unwrap();
    let variables = [("MARKETO_EU_ID", "a"), ("MARKETO_EU_SECRET", "b")];
    let instances = load_with(&variables, &format!("{policy}\n[[instance]]{instance}")).unwrap().instances;
    assert_eq!((instances.len(), instances[0].name.as_str()), (1, "production"));
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
