//! What people can request and who approves it. A policy is plain data; `config` reads it from a file.
//!
//! A policy is a list of rules, tried in order; the plain table `[policy]` comes last and matches every request. Which
//! rule matches depends only on the request and on the groups that its requester was in at submission, so that the
//! current policy can be applied again later without calling anything.

mod approver_set;
mod candidates;
mod catalog;
pub mod explain;
mod lint;
mod members;
#[cfg(test)]
pub(crate) mod tests;
mod violation;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub use self::{
    approver_set::ApproverSet,
    candidates::CandidateRule,
    catalog::lint_catalogs,
    lint::{GroupSize, LintWarning, lint, lint_memberships},
    members::{FreshMembers, MembershipLookup, OtherId},
    violation::Violation,
};
use super::{
    change::{Change, RuleFacts},
    expiration::Zone,
    people::{ChannelId, Principal, UserId},
    request::{Request, State},
};

/// Who can request what, and who approves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Who can make requests; empty: every full member of the Slack workspace.
    pub requesters: Vec<Principal>,
    /// The allowed email domains, in lower case; empty: any.
    pub email_domains: Vec<String>,
    /// The roles to offer, by name or id.
    pub roles: Vec<String>,
    /// The workspaces to offer, by name or id; empty: all.
    pub workspaces: Vec<String>,
    /// The rules, in the order in which they are tried.
    pub rules: Vec<Rule>,
    /// The terms when no rule matches.
    pub base: Terms,
}

/// Terms for some requests only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The rule's name in the configuration, or `rule[N]`, counted from 0.
    pub label: String,
    /// Which requests it matches.
    pub condition: Condition,
    /// What applies to them.
    pub terms: Terms,
}

/// Which requests a rule matches: those that match every list that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Names of instances.
    pub instances: Vec<String>,
    /// Roles, by name or id.
    pub roles: Vec<String>,
    /// Workspaces, by name or id.
    pub workspaces: Vec<String>,
    /// The requester: people, or members of groups or channels.
    pub requesters: Vec<Principal>,
    /// The channel in which the command was used.
    pub channels: Vec<ChannelId>,
    /// Domains of the user's email, in lower case.
    pub email_domains: Vec<String>,
}

/// What a request must contain and who approves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Terms {
    /// Who approves.
    pub approval: Approval,
    /// The channel for approval cards; `None`: the one in which the command was used.
    pub approval_channel: Option<ChannelId>,
    /// Whether a reason is required.
    pub reason: Requirement,
    /// Whether an expiration is required.
    pub expiration: Requirement,
    /// The longest access, counted from the request.
    pub max_access: SignedDuration,
    /// When a pending request times out; `None`: never.
    pub pending_timeout: Option<Duration>,
    /// When the approvers are first reminded; `None`: never.
    pub remind_after: Option<Duration>,
    /// How long after an approval a failed change may be retried without another one; `None`: without limit.
    pub approval_valid_for: Option<Duration>,
    /// Additional approvers for requests that stay pending; `None`: no escalation.
    pub escalation: Option<Escalation>,
    /// The approvers' time zone: no reminders at night there. `None`: reminders at any time.
    pub timezone: Option<Zone>,
}

/// Who approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Approval {
    /// These people and the members of these groups, but never the requester.
    Required {
        /// Never empty.
        approvers: Vec<Principal>,
        /// How many of them must approve; at least one.
        needed: u32,
    },
    /// No approval: requests are applied as submitted.
    None {
        /// How many requests per week; the next matching rule applies to the rest. `None`: no limit.
        per_week: Option<u32>,
    },
}

/// Additional approvers when nobody has decided for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Escalation {
    /// How long after the submission, or the last change of the request.
    pub after: Duration,
    /// The additional approvers; never empty.
    pub to: Vec<Principal>,
}

/// Whether a form field must be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Requirement {
    /// It can be left empty.
    Optional,
    /// It cannot be left empty.
    Required,
}

/// What rules match against.
#[derive(Clone, Copy, Debug)]
pub struct RuleInput<'a> {
    /// The change.
    pub change: RuleFacts<'a>,
    /// The requester.
    pub requester: &'a UserId,
    /// The groups and channels named in rules that the requester was in.
    pub memberships: &'a [Principal],
    /// The channel in which the command was used.
    pub channel: &'a ChannelId,
}

/// A rule that matches, or the table `[policy]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchedRule<'a> {
    /// The rule's index; `None`: the table `[policy]`.
    pub index: Option<usize>,
    /// The rule's label; `policy` for the table.
    pub label: &'a str,
    /// What applies.
    pub terms: &'a Terms,
}

impl Terms {
    /// Who can approve before an escalation; empty if no approval is needed.
    pub fn approvers(&self) -> &[Principal] {
        match &self.approval {
            Approval::Required { approvers, .. } => approvers,
            Approval::None { .. } => &[],
        }
    }

    /// How many approvals are needed; 1 for a pending request even if the policy no longer requires any.
    pub fn approvals_needed(&self) -> u32 {
        match &self.approval {
            Approval::Required { needed, .. } => *needed,
            Approval::None { .. } => 1,
        }
    }

    /// Whether only some requests per week go through without an approval.
    pub fn has_weekly_limit(&self) -> bool {
        matches!(self.approval, Approval::None { per_week: Some(_) })
    }

    /// Whether an approval that was given at `at` is too old for a retry.
    pub fn approval_has_lapsed(&self, at: Timestamp, now: Timestamp) -> bool {
        let valid_for = self.approval_valid_for.and_then(|time| SignedDuration::try_from(time).ok());
        valid_for.and_then(|time| at.checked_add(time).ok()).is_some_and(|end| end < now)
    }

    /// From when on the additional approvers can decide on a pending request; `None`: never. A request that was changed has
    /// to wait again: it may be under another rule.
    pub fn escalates_at(&self, request: &Request) -> Option<Timestamp> {
        let after = SignedDuration::try_from(self.escalation.as_ref()?.after).ok()?;
        request.unchanged_since().checked_add(after).ok()
    }

    /// Who can approve, including the additional approvers if the request is escalated.
    pub fn current_approvers(&self, is_escalated: bool) -> Vec<Principal> {
        let mut approvers = self.approvers().to_vec();
        if let Some(escalation) = self.escalation.as_ref().filter(|_| is_escalated) {
            approvers.extend(escalation.to.iter().filter(|to| !self.approvers().contains(to)).cloned());
        }
        approvers
    }
}

impl<'a> RuleInput<'a> {
    /// The input for a stored request.
    pub fn of(request: &'a Request) -> Self {
        Self::of_submission(&request.change, &request.requester, &request.memberships, &request.origin)
    }

    /// The input for a request that is being submitted.
    pub fn of_submission(
        change: &'a Change,
        requester: &'a UserId,
        memberships: &'a [Principal],
        channel: &'a ChannelId,
    ) -> Self {
        Self { change: change.rule_facts(), requester, memberships, channel }
    }
}

impl Condition {
    /// Whether `input` matches.
    pub fn is_met_by(&self, input: &RuleInput<'_>) -> bool {
        let RuleFacts { instance, role, workspace, email } = input.change;
        let is_requester = |principal: &Principal| match principal {
            Principal::User(user) if user == input.requester => true,
            // The requester's other id is among the memberships.
            Principal::User(_) | Principal::Group(_) | Principal::Channel(_) => {
                input.memberships.contains(principal)
            }
        };
        any(&self.instances, |name| name == instance)
            && any(&self.roles, |entry| role.is_some_and(|role| role.matches_entry(entry)))
            && any(&self.workspaces, |entry| workspace.is_some_and(|own| own.matches_entry(entry)))
            && any(&self.requesters, is_requester)
            && any(&self.channels, |channel| channel == input.channel)
            && any(&self.email_domains, |domain| email.is_in(domain))
    }

    /// Whether a request that starts in `context` can match, depending on what its form will contain.
    fn can_be_met(&self, context: &RuleContext<'_>) -> bool {
        let is_requester = |principal: &Principal| match principal {
            Principal::User(user) if user == context.requester => true,
            Principal::User(_) | Principal::Group(_) | Principal::Channel(_) => {
                context.memberships.contains(principal)
            }
        };
        any(&self.instances, |name| name == context.instance)
            && any(&self.requesters, is_requester)
            && any(&self.channels, |channel| channel == context.channel)
    }
}

/// Whether the list is empty or one of its entries is met.
fn any<T>(list: &[T], is_met: impl Fn(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(is_met)
}

/// What is known of a request before its form is filled in.
#[derive(Clone, Copy, Debug)]
pub struct RuleContext<'a> {
    /// The name of the instance.
    pub instance: &'a str,
    /// The requester.
    pub requester: &'a UserId,
    /// The groups and channels named in rules that the requester is in.
    pub memberships: &'a [Principal],
    /// The channel in which the command was used.
    pub channel: &'a ChannelId,
}

impl Policy {
    /// The rules that match `input`, in order, then the table `[policy]`.
    pub fn matching_rules<'a>(&'a self, input: &RuleInput<'_>) -> impl Iterator<Item = MatchedRule<'a>> {
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| rule.condition.is_met_by(input));
        rules
            .map(|(index, rule)| rule.matched(index))
            .chain(std::iter::once(self.base_rule()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// The first rule that matches `input`.
    pub fn matched_rule<'a>(&'a self, input: &RuleInput<'_>) -> MatchedRule<'a> {
        self.matching_rules(input).next().unwrap_or_else(|| self.base_rule())
    }

    /// The rule by which a pending request is approved: the first match that requires an approval. A pending request
    /// is never applied without one, even if the policy has changed since.
    pub fn approval_rule<'a>(&'a self, input: &RuleInput<'_>) -> MatchedRule<'a> {
        let has_approvers = |matched: &MatchedRule<'_>| !matched.terms.approvers().is_empty();
        self.matching_rules(input).find(has_approvers).unwrap_or_else(|| self.matched_rule(input))
    }

    /// The table `[policy]` as a rule.
    fn base_rule(&self) -> MatchedRule<'_> {
        MatchedRule { index: None, label: "policy", terms: &self.base }
    }

    /// Who can approve `request` now. For a decided request: everybody who could have.
    pub fn approver_set(&self, now: Timestamp, request: &Request) -> ApproverSet {
        let MatchedRule { index, label, terms } = self.approval_rule(&RuleInput::of(request));
        let is_escalated = terms.escalates_at(request).is_some_and(|at| at <= now);
        let is_decided = !matches!(request.state, State::Pending { .. });
        ApproverSet {
            approvers: terms.current_approvers(is_escalated || is_decided),
            needed: terms.approvals_needed(),
            rule: index.map(|_| label.to_owned()),
            is_escalated,
            violations: self.violations_of(terms, now, request),
            missing_groups: Vec::new(),
        }
    }

    /// The approvers of [`Policy::approver_set`].
    pub fn approvers(&self, now: Timestamp, request: &Request) -> Vec<Principal> {
        self.approver_set(now, request).approvers
    }

    /// Whether nobody could approve a request that is made in `channel` under `terms`: its card would be in a direct message.
    pub fn has_no_place(terms: &Terms, channel: &ChannelId) -> bool {
        !terms.approvers().is_empty() && terms.approval_channel.is_none() && channel.is_direct()
    }

    /// The terms that can apply to a request, before its form is filled in. Never empty.
    pub fn possible_terms(&self, context: &RuleContext<'_>) -> Vec<&Terms> {
        let candidates = self.candidates(context, &[context.instance]);
        candidates.into_iter().map(|candidate| candidate.matched.terms).collect()
    }

    /// The groups and channels whose members rules test.
    pub fn rule_groups(&self) -> Vec<Principal> {
        let mut groups = Vec::new();
        for principal in self.rules.iter().flat_map(|rule| &rule.condition.requesters) {
            if !matches!(principal, Principal::User(_)) && !groups.contains(principal) {
                groups.push(principal.clone());
            }
        }
        groups
    }

    /// Every approver that some rule names, including those of escalations.
    pub fn all_approvers(&self) -> Vec<Principal> {
        let mut all: Vec<Principal> = Vec::new();
        let terms = self.rules.iter().map(|rule| &rule.terms).chain(std::iter::once(&self.base));
        for principal in terms.flat_map(|terms| terms.current_approvers(true)) {
            if !all.contains(&principal) {
                all.push(principal);
            }
        }
        all
    }

    /// Every group and channel whose members the policy depends on.
    pub fn groups(&self) -> Vec<Principal> {
        let mut groups: Vec<Principal> = Vec::new();
        let all = self.all_approvers().into_iter().chain(self.requesters.iter().cloned());
        for principal in all.chain(self.rule_groups()) {
            if !matches!(principal, Principal::User(_)) && !groups.contains(&principal) {
                groups.push(principal);
            }
        }
        groups
    }

    /// Every approval channel that some rule names.
    pub fn approval_channels(&self) -> Vec<&ChannelId> {
        let mut all = Vec::new();
        let terms = std::iter::once(&self.base).chain(self.rules.iter().map(|rule| &rule.terms));
        for channel in terms.filter_map(|terms| terms.approval_channel.as_ref()) {
            if !all.contains(&channel) {
                all.push(channel);
            }
        }
        all
    }
}

impl Rule {
    fn matched(&self, index: usize) -> MatchedRule<'_> {
        MatchedRule { index: Some(index), label: &self.label, terms: &self.terms }
    }
}
