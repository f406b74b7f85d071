//! Which rule holds for a request of which not everything is known, and why. It answers rule by rule and condition by
//! condition with yes, no or "cannot be told", and agrees with [`Condition::is_met_by`] where everything is known.

use super::{Approval, Condition, Policy, Ruling};
use crate::domain::{
    change::Named,
    people::{ChannelId, Principal, Standing, UserId},
    text::Email,
};

/// A request as far as it is known.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The name of the instance.
    pub instance: Option<&'a str>,
    /// The role.
    pub role: Wanted<'a>,
    /// The workspace.
    pub workspace: Option<Wanted<'a>>,
    /// Who asks.
    pub requester: &'a UserId,
    /// Where the command was typed.
    pub channel: Option<&'a ChannelId>,
    /// The e-mail of the user.
    pub email: Option<&'a Email>,
    /// Whether the requester is in a group or a channel.
    pub standing: &'a dyn Fn(&Principal) -> Standing,
}

/// A role or a workspace as somebody wrote it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The name or id as it was written.
    pub text: &'a str,
    /// What the instance has under it, where that is known.
    pub named: Option<&'a Named>,
}

/// One of the conditions of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
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
pub struct Step<'a> {
    /// Whose terms.
    pub ruling: Ruling<'a>,
    /// The conditions that it has, and whether each is met.
    pub aspects: Vec<(Aspect, Standing)>,
    /// Whether all of them are.
    pub holds: Standing,
}

impl Step<'_> {
    /// Whether a request for which this holds never goes on to the next.
    pub fn is_last(&self) -> bool {
        self.holds == Standing::Yes && !self.is_capped()
    }

    /// Whether it surely holds, for so many a week; those beyond go on to the next.
    pub fn is_for_some(&self) -> bool {
        self.holds == Standing::Yes && self.is_capped()
    }

    fn is_capped(&self) -> bool {
        matches!(self.ruling.terms.approval, Approval::None { per_week: Some(_) })
    }
}

/// Every rule in order, and at last the table `[policy]`.
pub fn explain<'a>(policy: &'a Policy, question: &Question<'_>) -> Vec<Step<'a>> {
    let rules = policy.rules.iter().enumerate().map(|(at, rule)| {
        let ruling = Ruling { rule: Some(at), label: &rule.label, terms: &rule.terms };
        let aspects = aspects(&rule.condition, question);
        let all = |standing| aspects.iter().any(|(_, own)| *own == standing);
        let holds = match (all(Standing::No), all(Standing::Unknown)) {
            (true, _) => Standing::No,
            (false, true) => Standing::Unknown,
            (false, false) => Standing::Yes,
        };
        Step { ruling, aspects, holds }
    });
    let base = Ruling { rule: None, label: "policy", terms: &policy.base };
    rules.chain([Step { ruling: base, aspects: Vec::new(), holds: Standing::Yes }]).collect()
}

fn aspects(condition: &Condition, question: &Question<'_>) -> Vec<(Aspect, Standing)> {
    let Question { requester, standing, .. } = question;
    let known = |is_met| if is_met { Standing::Yes } else { Standing::No };
    let instance = |own: &String| question.instance.map_or(Standing::Unknown, |name| known(own == name));
    let role = |own: &String| means(own, question.role);
    let workspace = |own: &String| question.workspace.map_or(Standing::Unknown, |wanted| means(own, wanted));
    let asks = |own: &Principal| match own {
        Principal::User(user) => known(user == *requester),
        Principal::Group(_) | Principal::Channel(_) => standing(own),
    };
    let channel = |own: &ChannelId| question.channel.map_or(Standing::Unknown, |id| known(own == id));
    let domain = |own: &String| question.email.map_or(Standing::Unknown, |email| known(email.is_in(own)));
    [
        (Aspect::Instance, one_of(&condition.instances, instance)),
        (Aspect::Role, one_of(&condition.roles, role)),
        (Aspect::Workspace, one_of(&condition.workspaces, workspace)),
        (Aspect::Requester, one_of(&condition.requesters, asks)),
        (Aspect::Channel, one_of(&condition.channels, channel)),
        (Aspect::EmailDomain, one_of(&condition.email_domains, domain)),
    ]
    .into_iter()
    .filter_map(|(aspect, met)| Some((aspect, met?)))
    .collect()
}

/// Whether an entry of a list is met; absent where there is no list.
fn one_of<T>(list: &[T], is_met: impl Fn(&T) -> Standing) -> Option<Standing> {
    let met: Vec<Standing> = list.iter().map(is_met).collect();
    let first = [Standing::Yes, Standing::Unknown, Standing::No];
    first.into_iter().find(|standing| met.contains(standing))
}

/// Whether an entry means what somebody wrote. Where the instance is not known to tell, a name may be that of an id.
fn means(entry: &str, wanted: Wanted<'_>) -> Standing {
    let Wanted { text, named } = wanted;
    let is_id = |text: &str| text.trim().parse::<i64>().is_ok();
    let is_same = || entry.trim().to_lowercase() == text.trim().to_lowercase();
    match named {
        Some(named) if named.is_meant_by(entry) => Standing::Yes,
        Some(_) => Standing::No,
        None if is_same() => Standing::Yes,
        None if is_id(entry) == is_id(text) => Standing::No,
        None => Standing::Unknown,
    }
}
