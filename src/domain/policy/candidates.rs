//! Which rules may come to hold for what somebody is about to ask for, before anything is chosen.

use super::{Approval, Condition, MatchedRule, Policy, RuleContext};

/// A rule that may come to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CandidateRule<'a> {
    /// The rule, and what it says.
    pub ruling: MatchedRule<'a>,
    /// What it still depends on: instance, role, workspace or e-mail. Who asks, and where, is met. Absent: it holds for
    /// whatever no rule before it holds for.
    pub depends_on: Option<&'a Condition>,
}

impl Policy {
    /// The rules that may come to hold for a request that `asks` begins, for a user of any of `instances`, in the order
    /// in which they are tried. Never empty, and no further than the first that holds for everything that is left.
    pub fn candidates(&self, asks: &RuleContext<'_>, instances: &[&str]) -> Vec<CandidateRule<'_>> {
        let is_possible = |condition: &Condition| {
            instances.iter().any(|instance| condition.may_be_met(&RuleContext { instance, ..*asks }))
        };
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| is_possible(&rule.condition));
        let mut prospects = Vec::new();
        for (at, rule) in rules {
            let ruling = MatchedRule { rule: Some(at), label: &rule.label, terms: &rule.terms };
            let depends_on = Some(&rule.condition).filter(|condition| condition.leaves_open(instances));
            prospects.push(CandidateRule { ruling, depends_on });
            // What is beyond the number that it lets through, is for the next one.
            let is_capped = matches!(rule.terms.approval, Approval::None { per_week: Some(_) });
            if depends_on.is_none() && !is_capped {
                return prospects;
            }
        }
        let ruling = MatchedRule { rule: None, label: "policy", terms: &self.base };
        prospects.push(CandidateRule { ruling, depends_on: None });
        prospects
    }
}

impl Condition {
    /// Whether it can hold for some users of `instances` and not for others.
    fn leaves_open(&self, instances: &[&str]) -> bool {
        let is_named = |instance: &&str| self.instances.iter().any(|named| named == instance);
        let some_instances = !self.instances.is_empty() && !instances.iter().all(is_named);
        let lists = [&self.roles, &self.workspaces, &self.email_domains];
        some_instances || lists.iter().any(|list| !list.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        form::tests::{policy, terms},
        people::Principal,
        policy::{Rule, Terms},
    };

    fn rule(label: &str, condition: Condition) -> Rule {
        Rule { label: label.to_owned(), condition, terms: terms() }
    }

    fn labels<'a>(policy: &'a Policy, memberships: &[Principal], instances: &[&str]) -> Vec<(&'a str, bool)> {
        let (requester, channel) = ("U0REQ".into(), "C0OPS".into());
        let asks = RuleContext { instance: "", requester: &requester, memberships, channel: &channel };
        let prospects = policy.candidates(&asks, instances);
        prospects.iter().map(|one| (one.ruling.label, one.depends_on.is_some())).collect()
    }

    #[test]
    fn what_may_hold_is_told_up_to_what_holds_for_the_rest() {
        let admins = Condition { roles: vec!["Admin".to_owned()], ..Condition::default() };
        let sandbox = Condition { instances: vec!["sandbox".to_owned()], ..Condition::default() };
        let group = Principal::Group("S0MKT".into());
        let marketing = Condition { requesters: vec![group.clone()], ..Condition::default() };
        let elsewhere = Condition { channels: vec!["C0ELSE".into()], ..Condition::default() };
        let policy = Policy {
            rules: vec![
                rule("admins", admins),
                rule("elsewhere", elsewhere),
                rule("sandbox", sandbox),
                rule("marketing", marketing),
            ],
            ..policy()
        };
        let both = ["production", "sandbox"];
        assert_eq!(labels(&policy, &[], &both), [("admins", true), ("sandbox", true), ("policy", false)]);
        assert_eq!(labels(&policy, &[], &["production"]), [("admins", true), ("policy", false)]);
        assert_eq!(labels(&policy, &[], &["sandbox"]), [("admins", true), ("sandbox", false)]);
        let in_group = [("admins", true), ("marketing", false)];
        assert_eq!(labels(&policy, &[group], &["production"]), in_group);
    }

    #[test]
    fn beyond_a_cap_the_next_rule_holds() {
        let mut free = rule("free", Condition::default());
        free.terms = Terms { approval: Approval::None { per_week: Some(3) }, ..terms() };
        let capped = Policy { rules: vec![free.clone()], ..policy() };
        assert_eq!(labels(&capped, &[], &["production"]), [("free", false), ("policy", false)]);
        free.terms = Terms { approval: Approval::None { per_week: None }, ..terms() };
        let open = Policy { rules: vec![free], ..policy() };
        assert_eq!(labels(&open, &[], &["production"]), [("free", false)]);
    }
}
