//! The answers to `status` and `pending`: one line for each request. This module does not know which requests are
//! listed, nor who can open what.

use url::Url;

use super::say;
use crate::{
    domain::{
        people::{Principal, UserId},
        policy::ApproverSet,
        request::{ApprovalGiven, Request, State, WaitCause, Waiting},
    },
    slack::{
        messages::{Message, messages_of, without_requester},
        rich_text::{InlineText, RichText},
    },
};

/// How many requests a page has.
const PAGE_SIZE: usize = 20;

/// A page of a list.
#[derive(Clone, Debug)]
pub struct RequestPage {
    /// Its requests.
    pub items: Vec<RequestItem>,
    /// Which page of the list it is.
    pub position: PagePosition,
}

/// Which part of a list a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagePosition {
    /// The number of the page, from 1.
    pub number: usize,
    /// How many requests the list has.
    pub total: usize,
}

impl PagePosition {
    /// The page with this number, or the last one if there are fewer.
    pub fn of(number: usize, total: usize) -> Self {
        let last = total.div_ceil(PAGE_SIZE).max(1);
        Self { number: number.clamp(1, last), total }
    }

    /// The indexes of the requests on this page.
    pub fn range(self) -> std::ops::Range<usize> {
        let start = (self.number - 1) * PAGE_SIZE;
        start..self.total.min(start + PAGE_SIZE)
    }
}

/// One request of a list.
#[derive(Clone, Debug)]
pub struct RequestItem {
    /// The request.
    pub request: Request,
    /// Who decides on it.
    pub approvers: ApproverSet,
    /// A message about it that the reader can open.
    pub link: Option<RequestLink>,
    /// Whether Slack does not accept the current version of its card.
    pub is_card_failing: bool,
}

/// A message about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestLink {
    /// The card.
    Card(Url),
    /// The direct message to the requester.
    Direct(Url),
}

/// The requests that wait for one person's decision.
#[derive(Clone, Debug)]
pub struct PendingRequests {
    /// Those on which the person can decide, oldest first.
    pub theirs: RequestPage,
    /// The number of those for which this is unknown right now.
    pub unknown: usize,
}

/// The answer to `status`: the open requests of one person, oldest first.
pub fn status(command: &str, page: &RequestPage, names_instance: bool) -> Message {
    if page.items.is_empty() {
        return say(InlineText::of("You have no open requests. Type ")
            .code(command)
            .text(" to request a Marketo API user."));
    }
    let line = |item: &RequestItem| {
        let line = messages_of(&item.request.change)
            .list_entry(names_instance)
            .text(". Requested on ")
            .moment(item.request.created_at)
            .text(". ")
            .join(&state(item));
        with_link(line, item)
    };
    let next = format!("{command} status");
    Message::of(&list("Your open requests", page, &next, line))
}

/// The answer to `pending`: the requests that wait for one person's decision.
pub fn pending(command: &str, requests: &PendingRequests, names_instance: bool) -> Message {
    let PendingRequests { theirs, unknown } = requests;
    let unknown = match (*unknown, theirs.items.is_empty()) {
        (0, true) => return say(InlineText::of("Nothing is waiting for your decision.")),
        (0, false) => None,
        (_, true) => {
            return say(InlineText::of(
                "I couldn't check which requests are waiting for your decision. Try again in a minute.",
            ));
        }
        (1, false) => Some(
            "I couldn't check whether one more request is waiting for your decision. Try again in a minute."
                .to_owned(),
        ),
        (count, false) => Some(format!(
            "I couldn't check whether {count} more requests are waiting for your decision. Try again in a minute."
        )),
    };
    let line = |item: &RequestItem| pending_line(item, names_instance);
    let next = format!("{command} pending");
    let list = list("These requests are waiting for your decision", theirs, &next, line);
    Message::of(&unknown.into_iter().map(InlineText::of).fold(list, RichText::line))
}

fn pending_line(item: &RequestItem, names_instance: bool) -> InlineText {
    let RequestItem { request, approvers, .. } = item;
    let line = InlineText::new()
        .person(&request.requester)
        .text(" requests ")
        .join(&messages_of(&request.change).list_entry(names_instance))
        .text(". Waiting since ")
        .moment(request.created_at)
        .text(".");
    let line = match (&request.state, approvers.needed) {
        (State::Pending { approvals, .. }, needed) if needed > 1 => {
            line.text(format!(" It has {} of {needed} approvals.", approvals.len()))
        }
        _ => line,
    };
    with_link(line, item)
}

/// The answer when the requests cannot be read.
pub fn read_failed() -> Message {
    say(InlineText::of(
        "I can't read the requests right now. Try again in a minute. If that doesn't help, contact this bot's admin.",
    ))
}

/// The page, and how to see the `next` one.
fn list(
    title: &str,
    RequestPage { items, position }: &RequestPage,
    next: &str,
    line: impl Fn(&RequestItem) -> InlineText,
) -> RichText {
    let PagePosition { number, total } = *position;
    let title = match total.div_ceil(PAGE_SIZE) {
        0 | 1 => format!("{title}:"),
        pages => format!("{title} (page {number} of {pages}):"),
    };
    let list = RichText::new().line(InlineText::new().bold(title)).bullets(items.iter().map(line));
    match total.saturating_sub(position.range().end) {
        0 => list,
        more => {
            let next = format!("{next} {}", number + 1);
            list.line(InlineText::of(format!("… and {more} more. Type ")).code(next).text(" to see them."))
        }
    }
}

/// The state of a request, in a sentence.
fn state(RequestItem { request, approvers, .. }: &RequestItem) -> InlineText {
    match &request.state {
        State::Pending { approvals, .. } => waiting_for(request, approvals, approvers),
        State::Applying { waiting: None, .. } => InlineText::of(messages_of(&request.change).in_progress()),
        State::Applying { waiting: Some(Waiting { cause, until, .. }), .. } => {
            let cause = match cause {
                WaitCause::Quota => "Approved, but Marketo's daily API quota is used up. I'll try again on ",
                WaitCause::Unavailable => {
                    "Approved, but Marketo is too busy or isn't responding. I'll try again on "
                }
            };
            InlineText::of(cause).moment(*until).text(".")
        }
        State::Done { .. } => InlineText::of(messages_of(&request.change).done()),
        State::Failed { .. } => InlineText::of("The request failed."),
        State::Denied { .. } => InlineText::of("The request was denied."),
        State::Cancelled { .. } => InlineText::of("The request was cancelled."),
        State::TimedOut { .. } => InlineText::of("The request expired."),
    }
}

fn waiting_for(request: &Request, approvals: &[ApprovalGiven], approvers: &ApproverSet) -> InlineText {
    let approved: Vec<&UserId> = approvals.iter().map(|approval| &approval.by).collect();
    let has_approved = |principal: &Principal| match principal {
        Principal::User(user) => approved.contains(&user),
        Principal::Group(_) | Principal::Channel(_) => false,
    };
    let mut missing = without_requester(&approvers.approvers, &request.requester);
    missing.retain(|principal| !has_approved(principal));
    if missing.is_empty() {
        return InlineText::of(
            "Nobody else is allowed to approve it. Ask this bot's admin to add an approver.",
        );
    }
    let line = match (approved.len(), approvers.needed) {
        (_, 1) => InlineText::of("Waiting for approval by "),
        (given, needed) => {
            InlineText::of(format!("It has {given} of {needed} approvals and is waiting for "))
        }
    };
    line.any_of(&missing).text(".")
}

fn with_link(line: InlineText, item: &RequestItem) -> InlineText {
    let line = if item.is_card_failing {
        line.text(" Slack doesn't let me show the card right now. I keep trying.")
    } else {
        line
    };
    match &item.link {
        Some(RequestLink::Card(url)) => line.text(" ").link(url, "Open the card"),
        Some(RequestLink::Direct(url)) => line.text(" ").link(url, "Open the message"),
        None => line,
    }
}
