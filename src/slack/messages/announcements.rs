//! Messages that are posted once, when a request has ended.

use super::{Message, change::messages_of, failure::posting_remedy, reader::Reader, request_status::status};
use crate::{
    domain::{
        policy::ApproverSet,
        request::{Request, State},
    },
    slack::rich_text::{InlineText, RichText},
};

/// The announcement where the command was typed, for a `request` that is done. It names the Marketo instance where
/// there are several.
pub fn announcement(request: &Request, names_instance: bool) -> Message {
    messages_of(&request.change).announcement(request, names_instance)
}

/// A new direct message to the requester about an outcome other than done: what happened, why, and what to do now.
pub fn outcome(request: &Request) -> Message {
    let subject = messages_of(&request.change).subject();
    let about = RichText::new().line(InlineText::of("Your request for ").join(&subject).text(":"));
    let status = status(request, None, Reader::Requester);
    let what_to_do = what_to_do(request).map(|line| RichText::new().line(line));
    let parts: Vec<&RichText> = [&about, &status].into_iter().chain(&what_to_do).collect();
    let text = parts.iter().map(|part| part.text()).collect::<Vec<_>>().join(" ");
    Message { text, blocks: parts.iter().map(|part| part.block()).collect() }
}

/// A direct message to the requester: Slack does not show the card of their pending `request` to the `approvers`, by this
/// error code.
pub fn card_not_shown(request: &Request, approvers: &ApproverSet, code: &str) -> Message {
    let subject = messages_of(&request.change).subject();
    let place = request.approval_channel.as_ref();
    let what = InlineText::of("I can't show your request for ").join(&subject).text(" to the approvers");
    let what = place.map_or_else(|| what.clone(), |channel| what.clone().text(" in ").channel(channel));
    let what = what.text(" at the moment, because Slack doesn't let me. I keep trying.");
    let to_do = InlineText::new().bold("What to do: ").text(format!("{}.", posting_remedy(code)));
    let to_do = match approvers.approvers.as_slice() {
        [] => to_do,
        approvers => to_do.text(" You can also tell ").any_of(approvers).text("."),
    };
    Message::of(&RichText::new().line(what).line(to_do))
}

/// The advice for outcomes whose status contains none.
fn what_to_do(request: &Request) -> Option<InlineText> {
    let what_to_do = InlineText::new().bold("What to do: ");
    match &request.state {
        State::Denied { by, .. } => Some(
            what_to_do.text("Talk to ").person(by).text(", or send a new request that addresses the reason."),
        ),
        State::Cancelled { by: Some(by), .. } => Some(
            what_to_do.text("Talk to ").person(by).text(". If you still need the user, send a new request."),
        ),
        State::Cancelled { by: None, .. }
        | State::Pending { .. }
        | State::Applying { .. }
        | State::Done { .. }
        | State::Failed { .. }
        | State::TimedOut { .. } => None,
    }
}
