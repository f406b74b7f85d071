//! The answer to `policy`: what applies to somebody who may ask. It must not know how a rule is found.

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::{
        expiration::{Expiration, Zone},
        people::{ChannelId, UserId},
        policy::{Approval, CandidateRule, Condition, Escalation, Requirement, Terms},
    },
    slack::{
        rich_text::{InlineText, RichText},
        text,
        views::{Message, others},
    },
};

/// How many rules are shown before the rest is only counted.
const RULES_MAX: usize = 20;
/// How many names a list holds before the rest is only counted.
const NAMED_MAX: usize = 10;
/// How much of a name is shown in a list.
const NAME_MAX: usize = 60;

/// What applies to somebody in a channel.
#[derive(Clone, Copy, Debug)]
pub struct PolicyView<'a> {
    /// Who asks.
    pub requester: &'a UserId,
    /// Their zone.
    pub zone: &'a Zone,
    /// The time.
    pub now: Timestamp,
    /// Where the command was typed.
    pub channel: &'a ChannelId,
    /// The domains that an e-mail may have; empty: any.
    pub email_domains: &'a [String],
    /// The rules that may come to hold, in the order in which they are tried.
    pub prospects: &'a [CandidateRule<'a>],
}

/// The answer to `policy` for somebody who may ask.
pub fn policy(here: &PolicyView<'_>) -> Message {
    let may = InlineText::new()
        .bold("You may ask for Marketo API users.")
        .text(" This is what applies to you here.");
    let head = RichText::new().line(may);
    let head = match here.email_domains {
        [] => head,
        domains => {
            let domains: Vec<String> = domains.iter().map(|domain| format!("@{domain}")).collect();
            head.line(InlineText::of(format!("The e-mail must end in {}.", any_of(&domains))))
        }
    };
    let shown = &here.prospects[..here.prospects.len().min(RULES_MAX)];
    let mut blocks = vec![head.block()];
    blocks.extend(shown.iter().map(|prospect| rule(here, prospect).block()));
    let more = here.prospects.len() - shown.len();
    if more > 0 {
        blocks.push(RichText::new().line(InlineText::of(format!("… and {more} more rules."))).block());
    }
    Message { text: head.text(), blocks }
}

fn rule(here: &PolicyView<'_>, prospect: &CandidateRule<'_>) -> RichText {
    let CandidateRule { matched: ruling, depends_on } = prospect;
    let title = match depends_on {
        Some(condition) => conditions(condition),
        None if here.prospects.first() == Some(prospect) => "Whatever you ask for".to_owned(),
        None => "For everything else".to_owned(),
    };
    let title = InlineText::new().bold(title);
    let title = match ruling.index {
        Some(_) => title.text(format!(" (rule “{}”)", text::literal(ruling.label, NAME_MAX))),
        None => title,
    };
    RichText::new().line(title.text(":")).items(terms(here, ruling.terms))
}

/// `For role A or B; workspace C`.
fn conditions(condition: &Condition) -> String {
    let Condition { instances, roles, workspaces, email_domains, .. } = condition;
    let domains: Vec<String> = email_domains.iter().map(|domain| format!("@{domain}")).collect();
    let parts = [
        ("role", roles),
        ("workspace", workspaces),
        ("Marketo instance", instances),
        ("an e-mail in", &domains),
    ];
    let parts = parts.into_iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> = parts.map(|(what, names)| format!("{what} {}", any_of(names))).collect();
    format!("For {}", parts.join("; "))
}

fn terms(here: &PolicyView<'_>, terms: &Terms) -> Vec<InlineText> {
    let mut lines = approval(here, terms);
    lines.push(match terms.reason {
        Requirement::Required => InlineText::of("A reason must be given."),
        Requirement::Optional => InlineText::of("A reason may be given."),
    });
    let last = Expiration::last_day(here.zone, here.now, terms.max_access);
    lines.push(match terms.expiration {
        Requirement::Required => {
            InlineText::of(format!("The last day of access must be chosen: {last} at the latest."))
        }
        Requirement::Optional => InlineText::of(format!(
            "The last day of access may be left open; if you choose one, {last} is the latest."
        )),
    });
    lines
}

fn approval(here: &PolicyView<'_>, terms: &Terms) -> Vec<InlineText> {
    let (approvers, needed) = match &terms.approval {
        Approval::None { per_week: None } => return vec![InlineText::of("No approval is needed.")],
        Approval::None { per_week: Some(most) } => {
            return vec![InlineText::of(format!(
                "No approval is needed for the first {most} requests of a week, everybody's together. Beyond that, \
                 the next one applies."
            ))];
        }
        Approval::Required { approvers, needed } => (others(approvers, here.requester), *needed),
    };
    if approvers.is_empty() {
        return vec![InlineText::of(
            "Nobody but you may approve this, and nobody approves a request of their own. Ask whoever runs this \
             bot to name another approver.",
        )];
    }
    let asked = match needed {
        1 => InlineText::of("Must be approved by "),
        needed => InlineText::of(format!("Must be approved by {needed} of these: ")),
    };
    let mut lines = vec![asked.any_of(&approvers).text(".")];
    if let Some(Escalation { after, to }) = &terms.escalation {
        let to = others(to, here.requester);
        if !to.is_empty() {
            let line =
                InlineText::of(format!("If nobody decides for {}, also by ", span((*after).try_into().ok())));
            lines.push(line.any_of(&to).text("."));
        }
    }
    let place = terms.approval_channel.as_ref().unwrap_or(here.channel);
    lines.push(InlineText::of("The approvers see it in ").channel(place).text("."));
    if let Some(limit) = terms.pending_timeout {
        let limit = span(limit.try_into().ok());
        lines.push(InlineText::of(format!("It expires if nobody decides within {limit}.")));
    }
    lines
}

/// `@a, @b or @c`, for names.
fn any_of(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMED_MAX).map(|name| text::literal(name, NAME_MAX)).collect();
    match (names.len() - shown.len(), shown.split_last()) {
        (0, Some((last, []))) => last.clone(),
        (0, Some((last, rest))) => format!("{} or {last}", rest.join(", ")),
        (more, _) => format!("{} or {more} more", shown.join(", ")),
    }
}

/// A length of time in its largest whole unit.
fn span(length: Option<SignedDuration>) -> String {
    let seconds = length.map_or(0, |length| length.as_secs());
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let whole = units.into_iter().find(|(unit, _)| seconds >= *unit && seconds % unit == 0);
    let (unit, name) = whole.unwrap_or((1, "second"));
    let count = seconds / unit;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}
