//! Explains which rule matches a request of which only some fields are known. Each condition of each rule is met, not
//! met, or unknown; if everything is known, the result agrees with [`Condition::is_met_by`].

use super::{Condition, MatchedRule, Policy};
use crate::domain::{
    change::Named,
    people::{ChannelId, Membership, Principal, UserId},
    text::Email,
};

/// The known fields of a request.
#[derive(Clone, Copy)]
pub struct PolicyQuery<'a> {
    /// The name of the instance.
    pub instance: Option<&'a str>,
    /// The role.
    pub role: RequestedEntry<'a>,
    /// The workspace.
    pub workspace: Option<RequestedEntry<'a>>,
    /// The requester.
    pub requester: &'a UserId,
    /// The channel in which the command is used.
    pub channel: Option<&'a ChannelId>,
    /// The user's email.
    pub email: Option<&'a Email>,
    /// Whether the requester is in a group or a channel.
    pub membership: &'a dyn Fn(&Principal) -> Membership,
}

/// A role or a workspace as it was typed.
#[derive(Clone, Copy, Debug)]
pub struct RequestedEntry<'a> {
    /// The typed name or id.
    pub text: &'a str,
    /// The instance's entry that it refers to, if known.
    pub named: Option<&'a Named>,
}

/// One of the conditions of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionKind {
    /// The instance.
    Instance,
    /// The role.
    Role,
    /// The workspace.
    Workspace,
    /// The requester.
    Requester,
    /// The channel in which the command is used.
    Channel,
    /// The domain of the email.
    EmailDomain,
}

/// A rule, or the table `[policy]`, and whether it matches.
#[derive(Clone, Debug)]
pub struct RuleEvaluation<'a> {
    /// The rule.
    pub rule: MatchedRule<'a>,
    /// Its conditions, and whether each is met.
    pub conditions: Vec<(ConditionKind, Membership)>,
    /// Whether all of them are met.
    pub matches: Membership,
}

impl RuleEvaluation<'_> {
    /// Whether no later rule can apply.
    pub fn is_last(&self) -> bool {
        self.matches == Membership::Yes && !self.rule.terms.has_weekly_limit()
    }

    /// Whether it matches, but only for some requests per week; the rest goes on to the next rule.
    pub fn is_for_some(&self) -> bool {
        self.matches == Membership::Yes && self.rule.terms.has_weekly_limit()
    }
}

/// Every rule in order, then the table `[policy]`.
pub fn explain<'a>(policy: &'a Policy, query: &PolicyQuery<'_>) -> Vec<RuleEvaluation<'a>> {
    let rules = policy.rules.iter().enumerate().map(|(index, rule)| {
        let conditions = conditions(&rule.condition, query);
        let has = |answer| conditions.iter().any(|(_, is_met)| *is_met == answer);
        let matches = match (has(Membership::No), has(Membership::Unknown)) {
            (true, _) => Membership::No,
            (false, true) => Membership::Unknown,
            (false, false) => Membership::Yes,
        };
        RuleEvaluation { rule: rule.matched(index), conditions, matches }
    });
    let base = RuleEvaluation { rule: policy.base_rule(), conditions: Vec::new(), matches: Membership::Yes };
    rules.chain([base]).collect()
}

fn conditions(condition: &Condition, query: &PolicyQuery<'_>) -> Vec<(ConditionKind, Membership)> {
    let PolicyQuery { requester, membership, .. } = query;
    let known = |is_met| if is_met { Membership::Yes } else { Membership::No };
    let instance = |own: &String| query.instance.map_or(Membership::Unknown, |name| known(own == name));
    let role = |own: &String| refers_to(own, query.role);
    let workspace =
        |own: &String| query.workspace.map_or(Membership::Unknown, |requested| refers_to(own, requested));
    let requester_is = |own: &Principal| match own {
        Principal::User(user) => known(user == *requester),
        Principal::Group(_) | Principal::Channel(_) => membership(own),
    };
    let channel = |own: &ChannelId| query.channel.map_or(Membership::Unknown, |id| known(own == id));
    let domain = |own: &String| query.email.map_or(Membership::Unknown, |email| known(email.is_in(own)));
    [
        (ConditionKind::Instance, one_of(&condition.instances, instance)),
        (ConditionKind::Role, one_of(&condition.roles, role)),
        (ConditionKind::Workspace, one_of(&condition.workspaces, workspace)),
        (ConditionKind::Requester, one_of(&condition.requesters, requester_is)),
        (ConditionKind::Channel, one_of(&condition.channels, channel)),
        (ConditionKind::EmailDomain, one_of(&condition.email_domains, domain)),
    ]
    .into_iter()
    .filter_map(|(kind, is_met)| Some((kind, is_met?)))
    .collect()
}

/// Whether an entry of the list is met; `None` for an empty list.
fn one_of<T>(list: &[T], is_met: impl Fn(&T) -> Membership) -> Option<Membership> {
    let answers: Vec<Membership> = list.iter().map(is_met).collect();
    let by_precedence = [Membership::Yes, Membership::Unknown, Membership::No];
    by_precedence.into_iter().find(|answer| answers.contains(answer))
}

/// Whether a policy entry refers to the requested one. Without the instance's entry, a name and an id may refer to the
/// same one.
fn refers_to(entry: &str, requested: RequestedEntry<'_>) -> Membership {
    let RequestedEntry { text, named } = requested;
    let is_id = |text: &str| text.trim().parse::<i64>().is_ok();
    let is_same = || entry.trim().to_lowercase() == text.trim().to_lowercase();
    match named {
        Some(named) if named.matches_entry(entry) => Membership::Yes,
        Some(_) => Membership::No,
        None if is_same() => Membership::Yes,
        None if is_id(entry) == is_id(text) => Membership::No,
        None => Membership::Unknown,
    }
}
