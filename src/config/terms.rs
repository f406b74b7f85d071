//! What `[policy]` and a `[[rule]]` can both say about who decides, and when. What a rule leaves out it takes from
//! `[policy]`; what that leaves out has a default. It knows nothing of the conditions of a rule.

use std::time::Duration;

use jiff::SignedDuration;

use super::{
    error::shown,
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

const DEMANDS: &[(&str, Requirement)] =
    &[("optional", Requirement::Optional), ("required", Requirement::Required)];
const APPROVALS: &[(&str, bool)] = &[("required", true), ("none", false)];

/// What is written about who decides, and when.
#[derive(Clone, Debug)]
pub(super) struct TermSettings {
    /// Whether somebody has to approve.
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
    timezone: Option<Zone>,
}

impl TermSettings {
    /// What holds where nothing is written.
    pub(super) fn usual(approval_channel: Option<ChannelId>) -> Self {
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
            timezone: None,
        }
    }

    /// What a table says, and `usual` where it says nothing.
    pub(super) fn read(section: &Section<'_>, usual: &Self) -> Self {
        let people = |key, usual: &Vec<Principal>| {
            let own = section.texts(key, "user and user-group ids", approver);
            if section.has(key) { own } else { usual.clone() }
        };
        let zone = "the name of a time zone, such as \"Europe/London\"";
        Self {
            is_required: section.choice("approval", APPROVALS, usual.is_required),
            approvals_needed: section.whole("approvals_needed", 1..=u32::MAX, usual.approvals_needed),
            approvers: people("approvers", &usual.approvers),
            approval_channel: usual.approval_channel.clone(),
            reason: section.choice("reason", DEMANDS, usual.reason),
            expiration: section.choice("expiration", DEMANDS, usual.expiration),
            max_access: section.duration("max_access", usual.max_access),
            pending_timeout: section.duration_or_off("pending_timeout", usual.pending_timeout),
            remind_after: section.duration_or_off("remind_after", usual.remind_after),
            escalate_after: section.duration_or_off("escalate_after", usual.escalate_after),
            escalate_to: people("escalate_to", &usual.escalate_to),
            timezone: section
                .text("timezone", zone, |text| Zone::named(text).ok_or_else(|| unexpected(text, zone)))
                .or_else(|| usual.timezone.clone()),
        }
    }

    /// Tells where a table asks more people but not whom, never, or too late. Where it says nothing of its own, it has
    /// nothing to answer for.
    pub(super) fn check_escalation(&self, section: &Section<'_>) {
        let (has_after, has_to) = (section.has("escalate_after"), section.has("escalate_to"));
        let whom = "the Slack ids of those who are asked as well after escalate_after, such as \
                    escalate_to = [\"S0LEADS\"]";
        match self.escalate_after {
            Some(_) if has_to => section.require_list("escalate_to", whom),
            Some(_) if has_after && self.escalate_to.is_empty() => section.require("escalate_to", whom),
            _ => {}
        }
        let is_late = |after| self.pending_timeout.is_some_and(|limit| after >= limit);
        if has_after && self.escalate_after.is_some_and(is_late) {
            section.fault(
                "escalate_after",
                "is not before the end of pending_timeout, when the request is closed: expected less",
            );
        }
        let is_approver = |to: &Principal| self.approvers.contains(to);
        if has_to && !self.escalate_to.is_empty() && self.escalate_to.iter().all(is_approver) {
            section.fault(
                "escalate_to",
                "names nobody else: all of them are among the approvers from the beginning",
            );
        }
    }

    /// The terms. `per_week` is for those under which nobody decides.
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
            // No longer than `duration::LONGEST`, so this cannot fail.
            max_access: SignedDuration::try_from(self.max_access).unwrap_or(SignedDuration::MAX),
            pending_timeout: self.pending_timeout,
            remind_after: self.remind_after,
            escalation: escalation.map(|after| Escalation { after, to: to.clone() }),
            timezone: self.timezone.clone(),
        }
    }
}

fn approver(text: &str) -> Result<Principal, String> {
    let expected = "a user id (U…) or a user-group id (S…)";
    match Principal::parse(text) {
        Some(Principal::Channel(_)) => Err(format!("{} is a channel: expected {expected}", shown(text))),
        Some(principal) => Ok(principal),
        None => Err(unexpected(text, expected)),
    }
}
