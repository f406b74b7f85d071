//! Messages that are said once: the announcement of a created user, and the news of an end that was not wished for.

use slack_morphism::blocks::SlackHeaderBlock;

use super::{
    Message, label,
    request_status::{Reader, status},
    request_summary::{amendments, fact, subject, user_lines, user_of},
};
use crate::{
    domain::{
        change::CreatedUser,
        people::UserId,
        request::{Request, State},
    },
    slack::rich_text::{InlineText, RichText},
};

/// The announcement where the command was typed: the user, and how it becomes a custom service. It names the Marketo
/// instance where there are several.
pub fn created(request: &Request, names_instance: bool) -> Message {
    let user = user_of(request);
    let (made, by) = match &request.state {
        State::Done { user, approved, .. } => (Some(user), approved.by.as_slice()),
        _ => (None, [].as_slice()),
    };
    let mut lines = user_lines(user, names_instance);
    lines.insert(2, user_id(made));
    lines.push(fact("Requested by").person(&request.requester));
    lines.push(approver(by));
    lines.extend(amendments(request, false));
    let facts = lines.into_iter().fold(RichText::new(), RichText::line);
    let steps = [
        InlineText::new()
            .text("In Marketo, open ")
            .bold("Admin > LaunchPoint")
            .text(" and choose ")
            .bold("New > New Service")
            .text("."),
        InlineText::new()
            .text("Choose the service ")
            .bold("Custom")
            .text(" and, as its API-only user, ")
            .bold(user.email.as_str())
            .text("."),
        InlineText::new()
            .text("Choose ")
            .bold("View Details")
            .text(" beside the new service: it shows Client Id and Client Secret."),
        InlineText::new().text("Put both where your secrets are kept. Never paste the secret in Slack."),
    ];
    let next = RichText::new().line(InlineText::new().bold("Next: make the custom service")).steps(steps);
    let text = InlineText::of("Marketo API user created: ").join(&subject(user)).mrkdwn();
    let title = SlackHeaderBlock::new(label("Marketo API user created")).into();
    Message { text, blocks: vec![title, facts.block(), next.block()] }
}

fn user_id(made: Option<&CreatedUser>) -> InlineText {
    let id = made.and_then(|made| made.user_id.as_deref());
    match id {
        Some(id) => fact("User id").code(id),
        None => fact("User id").text("not shown by Marketo yet"),
    }
}

fn approver(by: &[UserId]) -> InlineText {
    match by {
        [] => fact("Approved by").text("no approval needed"),
        by => fact("Approved by").all_of(by),
    }
}

/// A new direct message to the requester: what became of the request, why, and what to do now.
pub fn outcome(request: &Request) -> Message {
    let about = InlineText::of("Your request for ").join(&subject(user_of(request))).text(":");
    let state = status(request, None, Reader::Requester);
    let what_now = match &request.state {
        State::Denied { by, .. } => Some(
            InlineText::new()
                .bold("What to do: ")
                .text("Talk to ")
                .person(by)
                .text(", or send a new request that answers the reason."),
        ),
        State::Cancelled { by: Some(by), .. } => Some(
            InlineText::new()
                .bold("What to do: ")
                .text("Talk to ")
                .person(by)
                .text(". If the user is still needed, send a new request."),
        ),
        _ => None,
    };
    let about = RichText::new().line(about);
    let what_now = what_now.map(|line| RichText::new().line(line));
    let parts: Vec<&RichText> =
        [Some(&about), Some(&state), what_now.as_ref()].into_iter().flatten().collect();
    let text = parts.iter().map(|part| part.text()).collect::<Vec<_>>().join(" ");
    Message { text, blocks: parts.iter().map(|part| part.block()).collect() }
}
