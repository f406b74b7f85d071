//! The table `[policy]`: what may be requested, and the terms where no rule holds. It creates the domain's [`Policy`], and
//! does not check whether an id exists in Slack or Marketo.

use toml::Value;

use super::{
    section::{Section, unexpected, wrong_type},
    terms::TermSettings,
};
use crate::domain::{
    people::{ChannelId, Principal},
    policy::Policy,
    text::Email,
};

/// Reads the table: the policy without rules, and the terms that rules inherit. `hint` is added to the error for a
/// missing key.
pub(super) fn read(
    section: &Section<'_>,
    approval_channel: Option<ChannelId>,
    hint: &str,
) -> (Policy, TermSettings) {
    let settings = TermSettings::read(section, &TermSettings::defaults(approval_channel));
    if settings.is_required {
        section.require_list(
            "approvers",
            &format!(
                "the Slack ids of users and user groups who approve, such as \
                 approvers = [\"U0APPROVE\", \"S0MOPS\"], unless approval = \"none\"{hint}"
            ),
        );
    }
    settings.check_escalation(section);
    let policy = Policy {
        requesters: section.texts("requesters", "user, user-group or channel ids", requester),
        email_domains: section.texts("email_domains", "domains, such as \"example.com\"", email_domain),
        roles: roles(section, hint),
        workspaces: section.list("workspaces", "workspace names or ids", name_or_id),
        rules: Vec::new(),
        base: settings.terms(None),
    };
    (policy, settings)
}

fn roles(section: &Section<'_>, hint: &str) -> Vec<String> {
    section.require_list(
        "roles",
        &format!(
            "the names or ids of the Marketo roles that may be requested, such as roles = [\"API Only\"]{hint}"
        ),
    );
    section.list("roles", "role names or ids", name_or_id)
}

pub(super) fn requester(text: &str) -> Result<Principal, String> {
    Principal::parse(text)
        .ok_or_else(|| unexpected(text, "a user id (U…), a user-group id (S…) or a channel id (C… or G…)"))
}

pub(super) fn email_domain(text: &str) -> Result<String, String> {
    let domain = text.strip_prefix('@').unwrap_or(text).to_ascii_lowercase();
    // A domain is valid if an address in it is. Comparing reveals what parsing an address removes.
    match Email::parse(&format!("a@{domain}")) {
        Ok(email) if email.is_in(&domain) => Ok(domain),
        _ => Err(unexpected(text, "the part of an email address after the @, such as \"example.com\"")),
    }
}

/// Reads a name, or an id as a string or a number.
pub(super) fn name_or_id(item: &Value) -> Result<String, String> {
    match item {
        Value::Integer(id) if *id >= 0 => Ok(id.to_string()),
        Value::Integer(id) => Err(format!("{id} is negative: expected a name or an id")),
        Value::String(name) if name.trim().is_empty() => Err("is blank: expected a name or an id".to_owned()),
        Value::String(name) => Ok(name.clone()),
        other => Err(wrong_type("a name or an id", other)),
    }
}
