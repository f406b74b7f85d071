//! The table `[policy]`: what may be asked for and who decides. It turns what is written into the domain's
//! [`Policy`] and knows neither Slack nor Marketo; whether an id exists there is checked elsewhere.

use std::time::Duration;

use jiff::SignedDuration;
use toml::Value;

use super::{
    fault::shown,
    section::{Section, unexpected, wrong_type},
};
use crate::domain::{
    people::{ChannelId, Principal},
    policy::{Approval, Demand, Policy, Terms},
    text::Email,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_ACCESS: Duration = DAY.saturating_mul(365);
const PENDING_TIMEOUT: Duration = DAY.saturating_mul(7);
const REMIND_AFTER: Duration = DAY;

const DEMANDS: &[(&str, Demand)] = &[("optional", Demand::Optional), ("required", Demand::Required)];

/// Reads the table. `hint` is added where a required key is absent.
pub(super) fn read(section: &Section<'_>, approval_channel: Option<ChannelId>, hint: &str) -> Policy {
    let base = Terms {
        approval: approval(section, hint),
        approval_channel,
        reason: section.choice("reason", DEMANDS, Demand::Optional),
        expiration: section.choice("expiration", DEMANDS, Demand::Optional),
        // No longer than `duration::LONGEST`, so this cannot fail.
        max_access: SignedDuration::try_from(section.duration("max_access", MAX_ACCESS))
            .unwrap_or(SignedDuration::MAX),
        pending_timeout: section.duration_or_off("pending_timeout", PENDING_TIMEOUT),
        remind_after: section.duration_or_off("remind_after", REMIND_AFTER),
        escalation: None,
        timezone: None,
    };
    Policy {
        requesters: section.texts("requesters", "user, user-group or channel ids", requester),
        email_domains: section.texts("email_domains", "domains, such as \"example.com\"", email_domain),
        roles: roles(section, hint),
        workspaces: section.list("workspaces", "workspace names or ids", name_or_id),
        rules: Vec::new(),
        base,
    }
}

fn approval(section: &Section<'_>, hint: &str) -> Approval {
    let is_required = section.choice("approval", &[("required", true), ("none", false)], true);
    let needed = section.whole("approvals_needed", 1..=u32::MAX, 1);
    let approvers = section.texts("approvers", "user and user-group ids", approver);
    if !is_required {
        return Approval::None { per_week: None };
    }
    section.require_list(
        "approvers",
        &format!(
            "the Slack ids of the people and user groups who approve, such as \
             approvers = [\"U0APPROVE\", \"S0MOPS\"], unless approval = \"none\"{hint}"
        ),
    );
    Approval::Required { approvers, needed }
}

fn roles(section: &Section<'_>, hint: &str) -> Vec<String> {
    section.require_list(
        "roles",
        &format!(
            "the names or ids of the Marketo roles that may be asked for, such as roles = [\"API Only\"]{hint}"
        ),
    );
    section.list("roles", "role names or ids", name_or_id)
}

fn approver(text: &str) -> Result<Principal, String> {
    let expected = "a user id (U…) or a user-group id (S…)";
    match Principal::parse(text) {
        Some(Principal::Channel(_)) => Err(format!("{} is a channel: expected {expected}", shown(text))),
        Some(principal) => Ok(principal),
        None => Err(unexpected(text, expected)),
    }
}

fn requester(text: &str) -> Result<Principal, String> {
    Principal::parse(text)
        .ok_or_else(|| unexpected(text, "a user id (U…), a user-group id (S…) or a channel id (C… or G…)"))
}

fn email_domain(text: &str) -> Result<String, String> {
    let domain = text.strip_prefix('@').unwrap_or(text).to_ascii_lowercase();
    // A domain is right when an address in it is. The comparison sees what reading an address drops.
    match Email::parse(&format!("a@{domain}")) {
        Ok(email) if email.is_in(&domain) => Ok(domain),
        _ => Err(unexpected(text, "the part of an e-mail address after the @, such as \"example.com\"")),
    }
}

/// Ids may be written as numbers, as Marketo shows them.
fn name_or_id(item: &Value) -> Result<String, String> {
    match item {
        Value::Integer(id) if *id >= 0 => Ok(id.to_string()),
        Value::Integer(id) => Err(format!("{id} is negative: expected a name or an id")),
        Value::String(name) if name.trim().is_empty() => Err("is blank: expected a name or an id".to_owned()),
        Value::String(name) => Ok(name.clone()),
        other => Err(wrong_type("a name or an id", other)),
    }
}
