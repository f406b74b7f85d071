//! What may be asked for and who decides. A policy is plain data; reading it from a file is not its matter.
//!
//! A policy is a list of rules, tried in order; the plain table `[policy]` is the last one and holds for everything.
//! Which rule holds for a request follows from the request alone and from which groups its requester was in when they
//! asked, so that it can be told again later, by today's policy, without asking anybody.

mod candidates;
mod catalog;
pub mod explain;
mod lint;
mod panel;
#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use jiff::SignedDuration;
use serde::Serialize;

pub use self::{
    candidates::CandidateRule,
    catalog::lint_catalogs,
    lint::{GroupSize, LintWarning, lint, lint_memberships},
};
use super::{
    change::{Change, CreateUser, Named},
    expiration::Zone,
    people::{ChannelId, Membership, Principal, UserId},
    request::{Request, State},
    text::Email,
};

/// What may be asked for, by whom, and the rules about who decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Who may ask; empty: every full member.
    pub requesters: Vec<Principal>,
    /// The e-mail domains that may be used, in lower case; empty: any.
    pub email_domains: Vec<String>,
    /// Roles that may be offered, by name or id.
    pub roles: Vec<String>,
    /// Workspaces that may be offered, by name or id; empty: all.
    pub workspaces: Vec<String>,
    /// The rules, in the order in which they are tried.
    pub rules: Vec<Rule>,
    /// What holds where no rule does.
    pub base: Terms,
}

/// Terms that hold for some requests only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// What operators call it; without a name of its own, `rule[N]` counted from 0.
    pub label: String,
    /// For which requests it holds.
    pub condition: Condition,
    /// What holds for them.
    pub terms: Terms,
}

/// For which requests a rule holds: those that meet every list that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Names of instances.
    pub instances: Vec<String>,
    /// Roles, by name or id.
    pub roles: Vec<String>,
    /// Workspaces, by name or id.
    pub workspaces: Vec<String>,
    /// Who asks: people, or members of groups or channels.
    pub requesters: Vec<Principal>,
    /// Where the command was typed.
    pub channels: Vec<ChannelId>,
    /// Domains of the e-mail, in lower case.
    pub email_domains: Vec<String>,
}

/// What a request must meet and who decides on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Terms {
    /// Who decides.
    pub approval: Approval,
    /// Where cards are shown; absent: where the command was typed.
    pub approval_channel: Option<ChannelId>,
    /// Whether a reason must be given.
    pub reason: Requirement,
    /// Whether an end of access must be given.
    pub expiration: Requirement,
    /// The furthest end of access, from the time of asking.
    pub max_access: SignedDuration,
    /// After how long an undecided request is closed; absent: never.
    pub pending_timeout: Option<Duration>,
    /// After how long the approvers are reminded; absent: never.
    pub remind_after: Option<Duration>,
    /// Who is asked as well when nobody decides for long; absent: nobody.
    pub escalation: Option<Escalation>,
    /// The zone of the approval channel, in whose nights nobody is reminded; absent: nights are not kept.
    pub timezone: Option<Zone>,
}

/// Who decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Approval {
    /// These people and members of these groups, but never the requester.
    Required {
        /// Never empty.
        approvers: Vec<Principal>,
        /// How many of them must agree; at least one.
        needed: u32,
    },
    /// Nobody: what is submitted is carried out.
    None {
        /// How many requests a week; the next rule holds for those beyond. Absent: any number.
        per_week: Option<u32>,
    },
}

/// Who is asked as well when nobody has decided for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Escalation {
    /// After how long.
    pub after: Duration,
    /// Whom; never empty.
    pub to: Vec<Principal>,
}

/// Whether a field must be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Requirement {
    /// It may be left empty.
    Optional,
    /// It must not.
    Required,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct RuleInput<'a> {
    /// The name of the instance.
    pub instance: &'a str,
    /// The role.
    pub role: &'a Named,
    /// The workspace.
    pub workspace: &'a Named,
    /// The e-mail of the user.
    pub email: &'a Email,
    /// Who asks.
    pub requester: &'a UserId,
    /// Which of the groups and channels that rules name they were in.
    pub memberships: &'a [Principal],
    /// Where the command was typed.
    pub channel: &'a ChannelId,
}

/// The terms that hold, and whose they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchedRule<'a> {
    /// The place of the rule; absent: the table `[policy]`.
    pub rule: Option<usize>,
    /// Its label.
    pub label: &'a str,
    /// What holds.
    pub terms: &'a Terms,
}

/// Who decides on a request now, and how it came to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApproverSet {
    /// Who may approve; empty where nobody may.
    pub approvers: Vec<Principal>,
    /// How many must agree.
    pub needed: u32,
    /// The label of the rule that says so; absent: the table `[policy]`.
    pub rule: Option<String>,
}

/// Who belongs to a group or a channel, as far as is known at the moment.
pub trait MembershipLookup {
    /// Whether `user` belongs to `principal`.
    fn standing(&self, user: &UserId, principal: &Principal) -> Membership;

    /// Whether `user` is among `principals`.
    fn among(&self, user: &UserId, principals: &[Principal]) -> Membership {
        Membership::of(user, principals, |principal| self.standing(user, principal))
    }
}

impl<F: Fn(&UserId, &Principal) -> Membership> MembershipLookup for F {
    fn standing(&self, user: &UserId, principal: &Principal) -> Membership {
        self(user, principal)
    }
}

impl Terms {
    /// Who may approve from the beginning; empty when nobody is asked.
    pub fn approvers(&self) -> &[Principal] {
        match &self.approval {
            Approval::Required { approvers, .. } => approvers,
            Approval::None { .. } => &[],
        }
    }

    /// How many must agree.
    pub fn approvals_needed(&self) -> u32 {
        match &self.approval {
            Approval::Required { needed, .. } => *needed,
            Approval::None { .. } => 1,
        }
    }

    /// Who may approve, those included who are asked later if they were.
    pub fn deciders(&self, is_escalated: bool) -> Vec<Principal> {
        let mut deciders = self.approvers().to_vec();
        if let Some(escalation) = self.escalation.as_ref().filter(|_| is_escalated) {
            deciders.extend(escalation.to.iter().filter(|to| !self.approvers().contains(to)).cloned());
        }
        deciders
    }
}

impl<'a> RuleInput<'a> {
    /// What rules look at in a request.
    pub fn of(request: &'a Request) -> Self {
        let Change::CreateUser(user) = &request.change;
        Self::of_submission(user, &request.requester, &request.memberships, &request.origin)
    }

    /// What rules look at in a user who is being asked for.
    pub fn of_submission(
        user: &'a CreateUser,
        requester: &'a UserId,
        memberships: &'a [Principal],
        channel: &'a ChannelId,
    ) -> Self {
        let CreateUser { instance, email, role, workspace, .. } = user;
        Self { instance, role, workspace, email, requester, memberships, channel }
    }
}

impl Condition {
    /// Whether `case` meets it.
    pub fn is_met_by(&self, case: &RuleInput<'_>) -> bool {
        let is_requester = |principal: &Principal| match principal {
            Principal::User(user) => user == case.requester,
            Principal::Group(_) | Principal::Channel(_) => case.memberships.contains(principal),
        };
        any(&self.instances, |name| name == case.instance)
            && any(&self.roles, |entry| case.role.matches_entry(entry))
            && any(&self.workspaces, |entry| case.workspace.matches_entry(entry))
            && any(&self.requesters, is_requester)
            && any(&self.channels, |channel| channel == case.channel)
            && any(&self.email_domains, |domain| case.email.is_in(domain))
    }

    /// Whether somebody's request from `channel` for a user of `instance` can meet it, whatever else it asks for.
    fn may_be_met(&self, asks: &RuleContext<'_>) -> bool {
        let is_requester = |principal: &Principal| match principal {
            Principal::User(user) => user == asks.requester,
            Principal::Group(_) | Principal::Channel(_) => asks.memberships.contains(principal),
        };
        any(&self.instances, |name| name == asks.instance)
            && any(&self.requesters, is_requester)
            && any(&self.channels, |channel| channel == asks.channel)
    }
}

/// Whether a list asks for nothing, or one of its entries is met.
fn any<T>(list: &[T], is_met: impl Fn(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(is_met)
}

/// What is known of a request before its form is filled in.
#[derive(Clone, Copy, Debug)]
pub struct RuleContext<'a> {
    /// The name of the instance.
    pub instance: &'a str,
    /// Who asks.
    pub requester: &'a UserId,
    /// Which of the groups and channels that rules name they are in.
    pub memberships: &'a [Principal],
    /// Where the command was typed.
    pub channel: &'a ChannelId,
}

impl Policy {
    /// The rules that hold for `case`, in order, and at last the table `[policy]`.
    pub fn matching_rules<'a>(&'a self, case: &RuleInput<'_>) -> impl Iterator<Item = MatchedRule<'a>> {
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| rule.condition.is_met_by(case));
        rules
            .map(|(at, rule)| MatchedRule { rule: Some(at), label: &rule.label, terms: &rule.terms })
            .chain(std::iter::once(MatchedRule { rule: None, label: "policy", terms: &self.base }))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// The first ruling for `case`.
    pub fn matched_rule<'a>(&'a self, case: &RuleInput<'_>) -> MatchedRule<'a> {
        let base = MatchedRule { rule: None, label: "policy", terms: &self.base };
        self.matching_rules(case).next().unwrap_or(base)
    }

    /// The ruling by which people decide on `case`: the first that asks somebody. A request that waits for a decision
    /// is never carried out without one, whatever the policy has become since.
    pub fn approval_rule<'a>(&'a self, case: &RuleInput<'_>) -> MatchedRule<'a> {
        let asks = |ruling: &MatchedRule<'_>| !ruling.terms.approvers().is_empty();
        self.matching_rules(case).find(asks).unwrap_or_else(|| self.matched_rule(case))
    }

    /// Who decides on `request` now. On one that is decided, whoever may have decided.
    pub fn approver_set(&self, request: &Request) -> ApproverSet {
        let MatchedRule { rule, label, terms } = self.approval_rule(&RuleInput::of(request));
        let is_escalated = !matches!(request.state, State::Pending { is_escalated: false, .. });
        ApproverSet {
            approvers: terms.deciders(is_escalated),
            needed: terms.approvals_needed(),
            rule: rule.map(|_| label.to_owned()),
        }
    }

    /// As [`Policy::panel`]: who may decide.
    pub fn deciders(&self, request: &Request) -> Vec<Principal> {
        self.approver_set(request).approvers
    }

    /// The terms that a form may come to stand under, before anything in it is chosen. Never empty.
    pub fn possible_terms(&self, asks: &RuleContext<'_>) -> Vec<&Terms> {
        self.candidates(asks, &[asks.instance]).into_iter().map(|prospect| prospect.ruling.terms).collect()
    }

    /// Every group and channel whose members may count for which rule holds.
    pub fn rule_groups(&self) -> Vec<Principal> {
        let mut groups = Vec::new();
        for principal in self.rules.iter().flat_map(|rule| &rule.condition.requesters) {
            if !matches!(principal, Principal::User(_)) && !groups.contains(principal) {
                groups.push(principal.clone());
            }
        }
        groups
    }

    /// Everybody whom some rule lets approve, at once or later.
    pub fn all_approvers(&self) -> Vec<Principal> {
        let mut all: Vec<Principal> = Vec::new();
        let terms = self.rules.iter().map(|rule| &rule.terms).chain(std::iter::once(&self.base));
        for principal in terms.flat_map(|terms| terms.deciders(true)) {
            if !all.contains(&principal) {
                all.push(principal);
            }
        }
        all
    }

    /// Every group and channel whose members count for anything.
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
