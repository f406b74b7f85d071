//! Which rules can match a request before its form is filled in.

use super::{Condition, MatchedRule, Policy, RuleContext};

/// A rule that can match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CandidateRule<'a> {
    /// The rule, if it matches.
    pub matched: MatchedRule<'a>,
    /// The condition that still depends on the form: instance, role, workspace or email. The requester and the channel
    /// match already. `None`: the rule matches everything that no earlier rule does.
    pub depends_on: Option<&'a Condition>,
}

impl Policy {
    /// The rules that can match a request that starts in `context`, for any of `instances`, in the order in which they
    /// are tried. Never empty; ends with the first rule that matches everything that is left.
    pub fn candidates(&self, context: &RuleContext<'_>, instances: &[&str]) -> Vec<CandidateRule<'_>> {
        let is_possible = |condition: &Condition| {
            instances.iter().any(|instance| condition.can_be_met(&RuleContext { instance, ..*context }))
        };
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| is_possible(&rule.condition));
        let mut candidates = Vec::new();
        for (index, rule) in rules {
            let depends_on = Some(&rule.condition).filter(|condition| condition.depends_on_form(instances));
            candidates.push(CandidateRule { matched: rule.matched(index), depends_on });
            // Requests beyond a weekly limit go on to the next rule.
            if depends_on.is_none() && !rule.terms.has_weekly_limit() {
                return candidates;
            }
        }
        candidates.push(CandidateRule { matched: self.base_rule(), depends_on: None });
        candidates
    }
}

impl Condition {
    /// Whether it can match some forms for `instances` and not others.
    fn depends_on_form(&self, instances: &[&str]) -> bool {
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
        policy::{Approval, Rule, Terms},
    };

    fn rule(label: &str, condition: Condition) -> Rule {
        Rule { label: label.to_owned(), condition, terms: terms() }
    }

    fn labels<'a>(policy: &'a Policy, memberships: &[Principal], instances: &[&str]) -> Vec<(&'a str, bool)> {
        let (requester, channel) = ("U0REQ".into(), "C0OPS".into());
        let context = RuleContext { instance: "", requester: &requester, memberships, channel: &channel };
        let candidates = policy.candidates(&context, instances);
        candidates.iter().map(|rule| (rule.matched.label, rule.depends_on.is_some())).collect()
    }

    #[test]
    fn candidates_end_with_the_first_unconditional_rule() {
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
    fn rule_with_a_weekly_limit_is_followed_by_the_next() {
        let mut free = rule("free", Condition::default());
        free.terms = Terms { approval: Approval::None { per_week: Some(3) }, ..terms() };
        let capped = Policy { rules: vec![free.clone()], ..policy() };
        assert_eq!(labels(&capped, &[], &["production"]), [("free", false), ("policy", false)]);
        free.terms = Terms { approval: Approval::None { per_week: None }, ..terms() };
        let open = Policy { rules: vec![free], ..policy() };
        assert_eq!(labels(&open, &[], &["production"]), [("free", false)]);
    }
}
