//! The tables and keys of the configuration file, and error messages for unknown ones. It does not know any value.

/// The keys of `[slack]`.
pub(super) const SLACK: &[&str] = &["approval_channel", "team_ids", "app_id"];

/// The keys of `[policy]`.
pub(super) const POLICY: &[&str] = &[
    "approval",
    "approvers",
    "approvals_needed",
    "requesters",
    "reason",
    "expiration",
    "max_access",
    "email_domains",
    "roles",
    "workspaces",
    "pending_timeout",
    "remind_after",
    "approval_valid_for",
    "escalate_after",
    "escalate_to",
    "timezone",
];

/// The keys of a `[[rule]]`: its name, its conditions and its terms.
pub(super) const RULE: &[&str] = &[
    "name",
    "instance",
    "role",
    "workspace",
    "requester",
    "channel",
    "email_domain",
    "approval",
    "auto_per_week",
    "approvers",
    "approvals_needed",
    "approval_channel",
    "reason",
    "expiration",
    "max_access",
    "pending_timeout",
    "remind_after",
    "approval_valid_for",
    "escalate_after",
    "escalate_to",
    "timezone",
];

/// The keys of `[marketo]`.
pub(super) const MARKETO: &[&str] = &["name", "identity", "calls_per_20s", "max_concurrent"];

/// The keys of an `[[instance]]`.
pub(super) const INSTANCE: &[&str] = &[
    "name",
    "base_url",
    "client_id_env",
    "client_secret_env",
    "identity",
    "calls_per_20s",
    "max_concurrent",
];

/// The keys of `[replicas]`.
pub(super) const REPLICAS: &[&str] = &["lease"];

/// The keys of `[ledger]`.
pub(super) const LEDGER: &[&str] = &["anchor_channel"];

/// The keys of `[limits]`.
pub(super) const LIMITS: &[&str] = &[
    "per_user_per_minute",
    "per_team_per_minute",
    "refusals_per_user_per_minute",
    "connections",
    "in_flight",
    "header_timeout",
    "body_timeout",
    "idle_timeout",
];

/// The keys of `[http]`.
pub(super) const HTTP: &[&str] = &["client_cert_header", "client_cert_name"];

/// The tables, as the file writes them.
pub(super) const TABLES: &[(&str, &[&str])] = &[
    ("[slack]", SLACK),
    ("[policy]", POLICY),
    ("[[rule]]", RULE),
    ("[marketo]", MARKETO),
    ("[[instance]]", INSTANCE),
    ("[replicas]", REPLICAS),
    ("[ledger]", LEDGER),
    ("[limits]", LIMITS),
    ("[http]", HTTP),
];

/// Settings that people may look for in the file, and the environment variables that contain them.
const ENVIRONMENT_VARIABLES: &[(&str, &str)] = &[
    ("signing_secret", "SLACK_SIGNING_SECRET"),
    ("bot_token", "SLACK_BOT_TOKEN"),
    ("token", "SLACK_BOT_TOKEN"),
    ("api_url", "SLACK_API_URL"),
    ("base_url", "MARKETO_BASE_URL"),
    ("client_id", "MARKETO_CLIENT_ID"),
    ("client_secret", "MARKETO_CLIENT_SECRET"),
    ("database_url", "DATABASE_URL"),
    ("bind", "BIND"),
    ("log_format", "LOG_FORMAT"),
];

/// The error for an unknown key of a table with the keys `known`.
pub(super) fn unknown(key: &str, known: &[&str]) -> String {
    suggestion(key, known).unwrap_or_else(|| format!("unknown key: expected one of {}", known.join(", ")))
}

/// Whether the file may have a table with this name.
pub(super) fn is_table(name: &str) -> bool {
    TABLES.iter().any(|(table, _)| table.trim_matches(['[', ']']) == name)
}

/// The error for an unknown table.
pub(super) fn unknown_table(key: &str) -> String {
    let names: Vec<&str> = TABLES.iter().map(|(table, _)| table.trim_matches(['[', ']'])).collect();
    suggestion(key, &names).unwrap_or_else(|| {
        let tables: Vec<&str> = TABLES.iter().map(|(table, _)| *table).collect();
        format!("unknown key: expected one of the tables {}", tables.join(", "))
    })
}

/// An error that suggests what was probably meant by `key`, where only `known` is allowed.
fn suggestion(key: &str, known: &[&str]) -> Option<String> {
    if let Some(nearest) = nearest(key, known) {
        return Some(format!("unknown key: did you mean `{nearest}`?"));
    }
    if let Some((_, variable)) = ENVIRONMENT_VARIABLES.iter().find(|(name, _)| *name == key) {
        return Some(format!("unknown key: this is read from the environment variable {variable}"));
    }
    if key == "auto_per_week" {
        return Some(
            "unknown key here: it belongs in a [[rule]] with approval = \"none\"; no rule follows [policy] that \
             could require an approval beyond the limit"
                .to_owned(),
        );
    }
    let (table, _) = TABLES.iter().find(|(_, keys)| keys.contains(&key))?;
    Some(format!("unknown key here: it belongs in {table}"))
}

/// The known key that was probably meant: one that starts with `key`, or the one with the fewest differences.
fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let completion = known.iter().copied().find(|name| key.len() >= 3 && name.starts_with(key));
    completion.or_else(|| {
        let (distance, name) = known.iter().copied().map(|name| (distance(key, name), name)).min()?;
        (distance <= (name.len() / 3).min(3)).then_some(name)
    })
}

/// The Levenshtein distance: how many letters must be changed, added or removed to turn one name into the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_key_leads_to_a_suggestion() {
        for (key, known, expected) in [
            ("aprovers", POLICY, "unknown key: did you mean `approvers`?"),
            ("approver", POLICY, "unknown key: did you mean `approvers`?"),
            ("max-access", POLICY, "unknown key: did you mean `max_access`?"),
            ("team_id", SLACK, "unknown key: did you mean `team_ids`?"),
            ("client_secret", INSTANCE, "unknown key: did you mean `client_secret_env`?"),
            (
                "client_secret",
                MARKETO,
                "unknown key: this is read from the environment variable MARKETO_CLIENT_SECRET",
            ),
            ("approval_channel", POLICY, "unknown key here: it belongs in [slack]"),
            ("colour", SLACK, "unknown key: expected one of approval_channel, team_ids, app_id"),
            ("", MARKETO, "unknown key: expected one of name, identity, calls_per_20s, max_concurrent"),
        ] {
            assert_eq!(unknown(key, known), expected, "{key}");
        }
    }

    #[test]
    fn unknown_table_leads_to_a_suggestion() {
        for (key, expected) in [
            ("polcy", "unknown key: did you mean `policy`?"),
            ("instances", "unknown key: did you mean `instance`?"),
            ("approvers", "unknown key here: it belongs in [policy]"),
            ("bind", "unknown key: this is read from the environment variable BIND"),
            (
                "x",
                "unknown key: expected one of the tables [slack], [policy], [[rule]], [marketo], [[instance]], \
                 [replicas], [ledger], [limits], [http]",
            ),
        ] {
            assert_eq!(unknown_table(key), expected, "{key}");
        }
    }

    #[test]
    fn distance_counts_changed_letters() {
        for (one, other, expected) in [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3)] {
            assert_eq!(distance(one, other), expected);
        }
    }
}
