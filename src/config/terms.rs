//! The terms, which `[policy]` and every `[[rule]]` can set: who approves, and when. A rule inherits what it does not set
//! from `[policy]`, which has defaults. It does not know the conditions of a rule.

use std::time::Duration;

use jiff::SignedDuration;

use super::{
    error::quoted,
    section::{Section, unexpected},
};
use crate::domain::{
    expiration::Zone,
    people::{ChannelId, Principal},
    policy::{Approval, Escalation, Requirement, Terms},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_ACCESS: Duration = DAY.saturating_mul(365);
const PENDING_TIMEOUT: Duration = DAY.saturating_mul(7);
const REMIND_AFTER: Duration = DAY;
const APPROVAL_VALID_FOR: Duration = DAY.saturating_mul(7);

const REQUIREMENTS: &[(&str, Requirement)] =
    &[("optional", Requirement::Optional), ("required", Requirement::Required)];
const APPROVALS: &[(&str, bool)] = &[("required", true), ("none", false)];

/// The terms as the configuration writes them.
#[derive(Clone, Debug)]
pub(super) struct TermSettings {
    /// Whether an approval is required.
    pub(super) is_required: bool,
    pub(super) approvers: Vec<Principal>,
    pub(super) approvals_needed: u32,
    pub(super) approval_channel: Option<ChannelId>,
    pub(super) escalate_after: Option<Duration>,
    pub(super) escalate_to: Vec<Principal>,
    reason: Requirement,
    expiration: Requirement,
    max_access: Duration,
    pending_timeout: Option<Duration>,
    remind_after: Option<Duration>,
    approval_valid_for: Option<Duration>,
    timezone: Option<Zone>,
}

impl TermSettings {
    /// The default terms of `[policy]`.
    pub(super) fn defaults(approval_channel: Option<ChannelId>) -> Self {
        Self {
            is_required: true,
            approvers: Vec::new(),
            approvals_needed: 1,
            approval_channel,
            escalate_after: None,
            escalate_to: Vec::new(),
            reason: Requirement::Optional,
            expiration: Requirement::Optional,
            max_access: MAX_ACCESS,
            pending_timeout: Some(PENDING_TIMEOUT),
            remind_after: Some(REMIND_AFTER),
            approval_valid_for: Some(APPROVAL_VALID_FOR),
            timezone: None,
        }
    }

    /// The terms of a table, with `defaults` for missing keys.
    pub(super) fn read(section: &Section<'_>, defaults: &Self) -> Self {
        let people = |key, defaults: &Vec<Principal>| {
            let own = section.texts(key, "user and user-group ids", approver);
            if section.has(key) { own } else { defaults.clone() }
        };
        let zone = "the name of a time zone, such as \"Europe/London\"";
        Self {
            is_required: section.choice("approval", APPROVALS, defaults.is_required),
            approvals_needed: section.whole("approvals_needed", 1..=u32::MAX, defaults.approvals_needed),
            approvers: people("approvers", &defaults.approvers),
            approval_channel: defaults.approval_channel.clone(),
            reason: section.choice("reason", REQUIREMENTS, defaults.reason),
            expiration: section.choice("expiration", REQUIREMENTS, defaults.expiration),
            max_access: section.duration("max_access", defaults.max_access),
            pending_timeout: section.duration_or_off("pending_timeout", defaults.pending_timeout),
            remind_after: section.duration_or_off("remind_after", defaults.remind_after),
            approval_valid_for: section.duration_or_off("approval_valid_for", defaults.approval_valid_for),
            escalate_after: section.duration_or_off("escalate_after", defaults.escalate_after),
            escalate_to: people("escalate_to", &defaults.escalate_to),
            timezone: section
                .text("timezone", zone, |text| Zone::named(text).ok_or_else(|| unexpected(text, zone)))
                .or_else(|| defaults.timezone.clone()),
        }
    }

    /// Adds errors for an escalation of the table that goes to nobody, to nobody new, or too late. Inherited settings are
    /// not checked again.
    pub(super) fn check_escalation(&self, section: &Section<'_>) {
        let (has_after, has_to) = (section.has("escalate_after"), section.has("escalate_to"));
        let expected = "the Slack ids of users and user groups who may decide after escalate_after, too, such as \
                        escalate_to = [\"S0LEADS\"]";
        match self.escalate_after {
            Some(_) if has_to => section.require_list("escalate_to", expected),
            Some(_) if has_after && self.escalate_to.is_empty() => section.require("escalate_to", expected),
            _ => {}
        }
        let is_late = |after| self.pending_timeout.is_some_and(|limit| after >= limit);
        if has_after && self.escalate_after.is_some_and(is_late) {
            section.reject(
                "escalate_after",
                "is not shorter than pending_timeout, after which the request expires: expected less",
            );
        }
        let is_approver = |to: &Principal| self.approvers.contains(to);
        if has_to && !self.escalate_to.is_empty() && self.escalate_to.iter().all(is_approver) {
            section.reject("escalate_to", "adds nobody: all of them are approvers already");
        }
    }

    /// Converts to the domain's terms. `per_week` is the limit for requests without approval.
    pub(super) fn terms(&self, per_week: Option<u32>) -> Terms {
        let approval = if self.is_required {
            Approval::Required { approvers: self.approvers.clone(), needed: self.approvals_needed }
        } else {
            Approval::None { per_week }
        };
        let to = &self.escalate_to;
        let escalation = self.escalate_after.filter(|_| !to.is_empty());
        Terms {
            approval,
            approval_channel: self.approval_channel.clone(),
            reason: self.reason,
            expiration: self.expiration,
            // Cannot fail: `duration::MAX` fits.
            max_access: SignedDuration::try_from(self.max_access).unwrap_or(SignedDuration::MAX),
            pending_timeout: self.pending_timeout,
            remind_after: self.remind_after,
            approval_valid_for: self.approval_valid_for,
            escalation: escalation.map(|after| Escalation { after, to: to.clone() }),
            timezone: self.timezone.clone(),
        }
    }
}

fn approver(text: &str) -> Result<Principal, String> {
    let expected = "a user id (U…) or a user-group id (S…)";
    match Principal::parse(text) {
        Some(Principal::Channel(_)) => Err(format!("{} is a channel: expected {expected}", quoted(text))),
        Some(principal) => Ok(principal),
        None => Err(unexpected(text, expected)),
    }
}
