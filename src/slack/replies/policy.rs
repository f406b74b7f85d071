//! The answer to `policy`: what applies to a requester. It must not know how a rule is found.

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::{
        expiration::{Expiration, Zone},
        people::{ChannelId, UserId},
        policy::{Approval, CandidateRule, Condition, Escalation, Requirement, Terms},
    },
    slack::{
        messages::{Message, without_requester},
        rich_text::{InlineText, RichText},
        text,
    },
};

/// How many rules are shown before the rest is counted.
const RULES_MAX: usize = 20;
/// How many names a list has before the rest is counted.
const NAMED_MAX: usize = 10;
/// How many characters of a name are shown in a list.
const NAME_MAX: usize = 60;

/// What applies to a requester in a channel.
#[derive(Clone, Copy, Debug)]
pub struct PolicyView<'a> {
    /// The requester.
    pub requester: &'a UserId,
    /// The requester's time zone.
    pub zone: &'a Zone,
    /// The current time.
    pub now: Timestamp,
    /// Where the command was typed.
    pub channel: &'a ChannelId,
    /// The domains that an email may have; empty: any.
    pub email_domains: &'a [String],
    /// The rules that may match a request, in the order in which they are tried.
    pub candidates: &'a [CandidateRule<'a>],
}

/// The answer to `policy` for somebody who is allowed to request API users.
pub fn policy(view: &PolicyView<'_>) -> Message {
    let intro = InlineText::new()
        .bold("You're allowed to request Marketo API users.")
        .text(" This is what applies to you here.");
    let head = RichText::new().line(intro);
    let head = match view.email_domains {
        [] => head,
        domains => {
            let domains: Vec<String> = domains.iter().map(|domain| format!("@{domain}")).collect();
            head.line(InlineText::of(format!("The email must end in {}.", any_of(&domains))))
        }
    };
    let shown = &view.candidates[..view.candidates.len().min(RULES_MAX)];
    let mut blocks = vec![head.block()];
    blocks.extend(shown.iter().map(|candidate| rule(view, candidate).block()));
    let more = view.candidates.len() - shown.len();
    if more > 0 {
        blocks.push(RichText::new().line(InlineText::of(format!("… and {more} more rules."))).block());
    }
    Message { text: head.text(), blocks }
}

fn rule(view: &PolicyView<'_>, candidate: &CandidateRule<'_>) -> RichText {
    let CandidateRule { matched, depends_on } = candidate;
    let title = match depends_on {
        Some(condition) => conditions(condition),
        None if view.candidates.first() == Some(candidate) => "For every request".to_owned(),
        None => "For everything else".to_owned(),
    };
    let title = InlineText::new().bold(title);
    let title = match matched.index {
        Some(_) => title.text(format!(" (rule “{}”)", text::literal(matched.label, NAME_MAX))),
        None => title,
    };
    RichText::new().line(title.text(":")).bullets(terms(view, matched.terms))
}

/// "For role A or B; workspace C".
fn conditions(condition: &Condition) -> String {
    let Condition { instances, roles, workspaces, email_domains, .. } = condition;
    let domains: Vec<String> = email_domains.iter().map(|domain| format!("@{domain}")).collect();
    let parts = [
        ("role", roles),
        ("workspace", workspaces),
        ("Marketo instance", instances),
        ("an email ending in", &domains),
    ];
    let parts = parts.into_iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> = parts.map(|(field, names)| format!("{field} {}", any_of(names))).collect();
    format!("For {}", parts.join("; "))
}

fn terms(view: &PolicyView<'_>, terms: &Terms) -> Vec<InlineText> {
    let mut lines = approval(view, terms);
    lines.push(InlineText::of(match terms.reason {
        Requirement::Required => "A reason is required.",
        Requirement::Optional => "A reason is optional.",
    }));
    let last = Expiration::last_day(view.zone, view.now, terms.max_access);
    lines.push(InlineText::of(match terms.expiration {
        Requirement::Required => {
            format!("An access expiration is required. The latest possible date is {last}.")
        }
        Requirement::Optional => {
            format!("An access expiration is optional. The latest possible date is {last}.")
        }
    }));
    lines
}

fn approval(view: &PolicyView<'_>, terms: &Terms) -> Vec<InlineText> {
    let (approvers, needed) = match &terms.approval {
        Approval::None { per_week: None } => return vec![InlineText::of("No approval is needed.")],
        Approval::None { per_week: Some(most) } => {
            return vec![InlineText::of(format!(
                "No approval is needed for the first {most} requests of a week, counting everyone's. After that, the \
                 next rule applies."
            ))];
        }
        Approval::Required { approvers, needed } => (without_requester(approvers, view.requester), *needed),
    };
    if approvers.is_empty() {
        return vec![InlineText::of(
            "You're the only approver, and nobody is allowed to approve their own request. Ask this bot's admin to add \
             another approver.",
        )];
    }
    let needs_approval = match needed {
        1 => InlineText::of("Approval is needed by "),
        needed => InlineText::of(format!("Approval is needed by {needed} of these: ")),
    };
    let mut lines = vec![needs_approval.any_of(&approvers).text(".")];
    lines.extend(terms.escalation.as_ref().and_then(|escalation| escalation_line(view, escalation)));
    let channel = terms.approval_channel.as_ref().unwrap_or(view.channel);
    lines.push(InlineText::of("Approvers see the request in ").channel(channel).text("."));
    if let Some(timeout) = terms.pending_timeout {
        let timeout = duration(timeout.try_into().ok());
        lines.push(InlineText::of(format!("The request expires if nobody decides within {timeout}.")));
    }
    lines
}

fn escalation_line(view: &PolicyView<'_>, Escalation { after, to }: &Escalation) -> Option<InlineText> {
    let to = without_requester(to, view.requester);
    let after = duration((*after).try_into().ok());
    let line = InlineText::of(format!("If nobody decides within {after}, these people are asked as well: "));
    (!to.is_empty()).then(|| line.any_of(&to).text("."))
}

/// "a, b or c".
fn any_of(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMED_MAX).map(|name| text::literal(name, NAME_MAX)).collect();
    match (names.len() - shown.len(), shown.split_last()) {
        (0, Some((last, []))) => last.clone(),
        (0, Some((last, rest))) => format!("{} or {last}", rest.join(", ")),
        (more, _) => format!("{} or {more} more", shown.join(", ")),
    }
}

/// A duration in its largest whole unit.
fn duration(duration: Option<SignedDuration>) -> String {
    let seconds = duration.map_or(0, |duration| duration.as_secs());
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let whole = units.into_iter().find(|(unit, _)| seconds >= *unit && seconds % unit == 0);
    let (unit, name) = whole.unwrap_or((1, "second"));
    let count = seconds / unit;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}
