//! Whether a request satisfies the current policy: what it asks for may no longer be offered, or may need more.

use jiff::Timestamp;

use super::{Policy, Requirement, RuleInput, Terms};
use crate::domain::{
    change::{Named, RuleFacts},
    expiration::Expiration,
    request::Request,
};

/// A demand of the current policy that a request does not satisfy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The role is not offered.
    RoleNotOffered,
    /// The workspace is not offered.
    WorkspaceNotOffered,
    /// The domain of the email is not allowed.
    DomainNotAllowed,
    /// The rule requires a reason, and the request has none.
    ReasonMissing,
    /// The rule requires an expiration, and the request has none.
    ExpirationMissing,
    /// Access would last longer than the rule allows.
    AccessTooLong {
        /// The last allowed date.
        last: jiff::civil::Date,
    },
}

impl Policy {
    /// What `request` violates in the rule that matches it now. An approval with no violations is within the policy.
    pub fn violations(&self, now: Timestamp, request: &Request) -> Vec<Violation> {
        self.violations_of(self.approval_rule(&RuleInput::of(request)).terms, now, request)
    }

    /// What `request` violates in these terms and in what the policy offers.
    pub fn violations_of(&self, terms: &Terms, now: Timestamp, request: &Request) -> Vec<Violation> {
        let mut violations = self.not_offered(request);
        if terms.reason == Requirement::Required && request.reason.is_none() {
            violations.push(Violation::ReasonMissing);
        }
        match request.change.expiration() {
            None if terms.expiration == Requirement::Required => {
                violations.push(Violation::ExpirationMissing)
            }
            None => {}
            Some(expiration) => {
                let last = Expiration::last_day(expiration.zone(), now, terms.max_access);
                if expiration.date() > last {
                    violations.push(Violation::AccessTooLong { last });
                }
            }
        }
        violations
    }

    fn not_offered(&self, request: &Request) -> Vec<Violation> {
        let RuleFacts { role, workspace, email, .. } = request.change.rule_facts();
        let is_missing = |offered: &[String], named: Option<&Named>| {
            named.is_some_and(|named| !offered.iter().any(|entry| named.matches_entry(entry)))
        };
        let domains = &self.email_domains;
        let mut violations = Vec::new();
        if is_missing(&self.roles, role) {
            violations.push(Violation::RoleNotOffered);
        }
        if !self.workspaces.is_empty() && is_missing(&self.workspaces, workspace) {
            violations.push(Violation::WorkspaceNotOffered);
        }
        if !domains.is_empty() && !domains.iter().any(|domain| email.is_in(domain)) {
            violations.push(Violation::DomainNotAllowed);
        }
        violations
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::{
        form::tests::{policy, terms},
        policy::{Terms, tests::request},
        text::Reason,
    };

    #[test]
    fn request_is_held_against_the_terms_of_its_rule() {
        let base = Terms {
            reason: Requirement::Required,
            expiration: Requirement::Required,
            max_access: SignedDuration::from_hours(30 * 24),
            ..terms()
        };
        let strict = Policy { base, ..policy() };
        let mut request = request((101, "API Only"), "svc@example.com");
        let now = request.created_at;
        assert_eq!(policy().violations(now, &request), []);
        let missing = [Violation::ReasonMissing, Violation::ExpirationMissing];
        assert_eq!(strict.violations(now, &request), missing);
        request.reason = Some(Reason::parse("CRM sync").unwrap());
        assert_eq!(strict.violations(now, &request), [Violation::ExpirationMissing]);
    }
}
