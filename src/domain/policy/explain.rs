//! Which rule holds for a request of which not everything is known, and why. It answers rule by rule and condition by
//! condition with yes, no or "cannot be told", and agrees with [`Condition::is_met_by`] where everything is known.

use super::{Approval, Condition, MatchedRule, Policy};
use crate::domain::{
    change::Named,
    people::{ChannelId, Membership, Principal, UserId},
    text::Email,
};

/// A request as far as it is known.
#[derive(Clone, Copy)]
pub struct PolicyQuery<'a> {
    /// The name of the instance.
    pub instance: Option<&'a str>,
    /// The role.
    pub role: RequestedEntry<'a>,
    /// The workspace.
    pub workspace: Option<RequestedEntry<'a>>,
    /// Who asks.
    pub requester: &'a UserId,
    /// Where the command was typed.
    pub channel: Option<&'a ChannelId>,
    /// The e-mail of the user.
    pub email: Option<&'a Email>,
    /// Whether the requester is in a group or a channel.
    pub standing: &'a dyn Fn(&Principal) -> Membership,
}

/// A role or a workspace as somebody wrote it.
#[derive(Clone, Copy, Debug)]
pub struct RequestedEntry<'a> {
    /// The name or id as it was written.
    pub text: &'a str,
    /// What the instance has under it, where that is known.
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
    /// Who asks.
    Requester,
    /// Where the command was typed.
    Channel,
    /// The domain of the e-mail.
    EmailDomain,
}

/// A rule, or at last the table `[policy]`, and whether it holds.
#[derive(Clone, Debug)]
pub struct RuleEvaluation<'a> {
    /// Whose terms.
    pub ruling: MatchedRule<'a>,
    /// The conditions that it has, and whether each is met.
    pub aspects: Vec<(ConditionKind, Membership)>,
    /// Whether all of them are.
    pub holds: Membership,
}

impl RuleEvaluation<'_> {
    /// Whether a request for which this holds never goes on to the next.
    pub fn is_last(&self) -> bool {
        self.holds == Membership::Yes && !self.is_capped()
    }

    /// Whether it surely holds, for so many a week; those beyond go on to the next.
    pub fn is_for_some(&self) -> bool {
        self.holds == Membership::Yes && self.is_capped()
    }

    fn is_capped(&self) -> bool {
        matches!(self.ruling.terms.approval, Approval::None { per_week: Some(_) })
    }
}

/// Every rule in order, and at last the table `[policy]`.
pub fn explain<'a>(policy: &'a Policy, question: &PolicyQuery<'_>) -> Vec<RuleEvaluation<'a>> {
    let rules = policy.rules.iter().enumerate().map(|(at, rule)| {
        let ruling = MatchedRule { rule: Some(at), label: &rule.label, terms: &rule.terms };
        let aspects = aspects(&rule.condition, question);
        let all = |standing| aspects.iter().any(|(_, own)| *own == standing);
        let holds = match (all(Membership::No), all(Membership::Unknown)) {
            (true, _) => Membership::No,
            (false, true) => Membership::Unknown,
            (false, false) => Membership::Yes,
        };
        RuleEvaluation { ruling, aspects, holds }
    });
    let base = MatchedRule { rule: None, label: "policy", terms: &policy.base };
    rules.chain([RuleEvaluation { ruling: base, aspects: Vec::new(), holds: Membership::Yes }]).collect()
}

fn aspects(condition: &Condition, question: &PolicyQuery<'_>) -> Vec<(ConditionKind, Membership)> {
    let PolicyQuery { requester, standing, .. } = question;
    let known = |is_met| if is_met { Membership::Yes } else { Membership::No };
    let instance = |own: &String| question.instance.map_or(Membership::Unknown, |name| known(own == name));
    let role = |own: &String| means(own, question.role);
    let workspace =
        |own: &String| question.workspace.map_or(Membership::Unknown, |wanted| means(own, wanted));
    let asks = |own: &Principal| match own {
        Principal::User(user) => known(user == *requester),
        Principal::Group(_) | Principal::Channel(_) => standing(own),
    };
    let channel = |own: &ChannelId| question.channel.map_or(Membership::Unknown, |id| known(own == id));
    let domain = |own: &String| question.email.map_or(Membership::Unknown, |email| known(email.is_in(own)));
    [
        (ConditionKind::Instance, one_of(&condition.instances, instance)),
        (ConditionKind::Role, one_of(&condition.roles, role)),
        (ConditionKind::Workspace, one_of(&condition.workspaces, workspace)),
        (ConditionKind::Requester, one_of(&condition.requesters, asks)),
        (ConditionKind::Channel, one_of(&condition.channels, channel)),
        (ConditionKind::EmailDomain, one_of(&condition.email_domains, domain)),
    ]
    .into_iter()
    .filter_map(|(aspect, met)| Some((aspect, met?)))
    .collect()
}

/// Whether an entry of a list is met; absent where there is no list.
fn one_of<T>(list: &[T], is_met: impl Fn(&T) -> Membership) -> Option<Membership> {
    let met: Vec<Membership> = list.iter().map(is_met).collect();
    let first = [Membership::Yes, Membership::Unknown, Membership::No];
    first.into_iter().find(|standing| met.contains(standing))
}

/// Whether an entry means what somebody wrote. Where the instance is not known to tell, a name may be that of an id.
fn means(entry: &str, wanted: RequestedEntry<'_>) -> Membership {
    let RequestedEntry { text, named } = wanted;
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
