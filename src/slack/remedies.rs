//! What to do about each problem with a Marketo instance: the one place for cards, direct messages and `check`.

use crate::domain::problem::MarketoProblem;

/// What is wrong, and what to do about it.
#[derive(Clone, Copy, Debug)]
pub struct Remedy {
    /// What went wrong, as a complete sentence of the bot.
    pub explanation: &'static str,
    /// Who can do something about it.
    pub helper: Helper,
    /// What they have to do, as an imperative clause.
    pub step: &'static str,
}

/// Who can do something about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Helper {
    /// An admin of Marketo.
    MarketoAdmin,
    /// The admin of this bot.
    BotAdmin,
    /// Time.
    Nobody,
}

impl Remedy {
    /// What to do, as a complete sentence for the reader of a message.
    pub(super) fn request(&self) -> String {
        match self.helper {
            Helper::MarketoAdmin => format!("Ask a Marketo admin to {}.", self.step),
            Helper::BotAdmin => format!("Ask this bot's admin to {}.", self.step),
            Helper::Nobody => {
                let mut chars = self.step.chars();
                let first = chars.next().map(|first| first.to_ascii_uppercase());
                format!("{}{}.", first.map(String::from).unwrap_or_default(), chars.as_str())
            }
        }
    }
}

/// What to do about a problem.
pub fn remedy(problem: MarketoProblem) -> Remedy {
    let (helper, step) = way_out(problem);
    Remedy { explanation: explanation(problem), helper, step }
}

fn explanation(problem: MarketoProblem) -> &'static str {
    match problem {
        MarketoProblem::AccessDenied => "Marketo doesn't let me manage users.",
        MarketoProblem::Credentials => "Marketo doesn't accept my Client Id and Client Secret.",
        MarketoProblem::TokenRejected => "Marketo rejects the access tokens that it issues to me.",
        MarketoProblem::Address => "I can't find this Marketo instance at its configured address.",
        MarketoProblem::Subscription => "Marketo can't find or reach its subscription.",
        MarketoProblem::Quota => "Marketo's daily API quota is used up.",
        MarketoProblem::Busy => "Marketo gets too many calls at the moment.",
        MarketoProblem::Unavailable => {
            "Marketo was unreachable or too busy for so long that I stopped trying."
        }
        MarketoProblem::Refused => "Marketo refuses a call that it documents.",
        MarketoProblem::Unexplained => {
            "Marketo didn't do it, though it answered several times, and didn't clearly say why."
        }
        MarketoProblem::Unreadable => "Something other than Marketo answers at its configured address.",
    }
}

/// Who has to do what.
fn way_out(problem: MarketoProblem) -> (Helper, &'static str) {
    match problem {
        MarketoProblem::AccessDenied => (
            Helper::MarketoAdmin,
            "give the role of the bot's API user the permissions Access User Management Api and Access Users, and to check \
             whether the list of allowed IP addresses has the bot's address",
        ),
        MarketoProblem::Credentials => (
            Helper::BotAdmin,
            "enter the Client Id and Client Secret of the bot's LaunchPoint service again (Admin > LaunchPoint > View \
             Details)",
        ),
        MarketoProblem::TokenRejected => {
            (Helper::Nobody, "wait a few minutes, since this usually passes by itself")
        }
        MarketoProblem::Address => (Helper::BotAdmin, "check the base URL of the Marketo instance"),
        MarketoProblem::Subscription => (
            Helper::BotAdmin,
            "check the base URL of the Marketo instance, and whether the subscription is active",
        ),
        MarketoProblem::Quota => (Helper::Nobody, "wait until midnight Central Time, when the quota resets"),
        MarketoProblem::Busy => {
            (Helper::Nobody, "wait a minute, since all integrations of the instance share its limits")
        }
        MarketoProblem::Unavailable => (Helper::Nobody, "wait until Marketo responds again"),
        MarketoProblem::Refused => {
            (Helper::MarketoAdmin, "look up Marketo's response in its list of error codes")
        }
        MarketoProblem::Unexplained => (
            Helper::MarketoAdmin,
            "check under Admin > Users & Roles whether such a user can be added by hand, and what Marketo says then",
        ),
        MarketoProblem::Unreadable => (
            Helper::BotAdmin,
            "check the base URL of the Marketo instance, and whether a proxy answers in its place",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_own_remedy_and_only_one_means_permissions() {
        let mut steps: Vec<&str> = MarketoProblem::ALL.map(|problem| remedy(problem).step).to_vec();
        steps.sort_unstable();
        steps.dedup();
        assert_eq!(steps.len(), MarketoProblem::ALL.len());
        let about_permissions =
            MarketoProblem::ALL.into_iter().filter(|problem| remedy(*problem).step.contains("permissions"));
        assert_eq!(about_permissions.collect::<Vec<_>>(), [MarketoProblem::AccessDenied]);
        assert!(remedy(MarketoProblem::AccessDenied).step.contains("IP addresses"));
    }
}
