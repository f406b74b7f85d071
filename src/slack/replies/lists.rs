//! The answers to `status` and `pending`: requests, a line each. Which requests they are, and who may open what, is
//! decided elsewhere.

use url::Url;

use super::say;
use crate::{
    domain::{
        people::{Principal, UserId},
        policy::ApproverSet,
        request::{Request, State, WaitCause, Waiting as Waits},
    },
    slack::{
        rich_text::{InlineText, RichText},
        text,
        views::{Message, others, user_of},
    },
};

/// How many requests are listed before the rest is only counted.
pub const LISTED_MAX: usize = 20;
/// How much of a name is shown in a list.
const NAME_MAX: usize = 60;

/// One request of a list.
#[derive(Clone, Debug)]
pub struct RequestItem {
    /// The request.
    pub request: Request,
    /// Who decides on it.
    pub panel: ApproverSet,
    /// Where the reader can open it.
    pub place: Option<RequestLink>,
}

/// A message about a request that the reader can open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestLink {
    /// The card.
    Card(Url),
    /// The direct message to whoever asks.
    Direct(Url),
}

/// What waits for somebody.
#[derive(Clone, Debug, Default)]
pub struct PendingRequests {
    /// The requests on which they may decide, oldest first.
    pub theirs: Vec<RequestItem>,
    /// Of how many it cannot be told.
    pub unknown: usize,
}

/// The answer to `status`: the open requests of one person, oldest first.
pub fn status(command: &str, entries: &[RequestItem], names_instance: bool) -> Message {
    if entries.is_empty() {
        let none = InlineText::of("You have no open request. Type ").code(command);
        return say(none.text(" to ask for a Marketo API user."));
    }
    let line = |entry: &RequestItem| {
        let line = subject(&entry.request, names_instance).text(", asked for on ");
        let line = line.moment(entry.request.created_at).text(": ").join(&state(entry)).text(".");
        opened(line, entry)
    };
    Message::of(&list("Your open requests:", entries, line))
}

/// The answer to `pending`: what waits for one person.
pub fn pending(waiting: &PendingRequests, names_instance: bool) -> Message {
    let PendingRequests { theirs, unknown } = waiting;
    let doubt = (*unknown > 0).then(|| cannot_check(*unknown, theirs.is_empty()));
    if theirs.is_empty() {
        return say(doubt.unwrap_or_else(|| InlineText::of("Nothing waits for your decision.")));
    }
    let line = |entry: &RequestItem| {
        let line = InlineText::new().person(&entry.request.requester).text(" asks for ");
        let line = line.join(&subject(&entry.request, names_instance));
        let line = line.text(", waiting since ").moment(entry.request.created_at).text(".");
        let line = match (&entry.request.state, entry.panel.needed) {
            (State::Pending { approvals, .. }, needed) if needed > 1 => {
                line.text(format!(" {} of {needed} approvals.", approvals.len()))
            }
            _ => line,
        };
        opened(line, entry)
    };
    let listed = list("These requests wait for your decision:", theirs, line);
    Message::of(&doubt.into_iter().fold(listed, RichText::line))
}

/// The answer when the requests cannot be read.
pub fn read_failed() -> Message {
    say(InlineText::of(
        "I cannot look at the requests right now. Try again in a minute. If that does not help, tell whoever runs \
         this bot.",
    ))
}

fn cannot_check(unknown: usize, is_all: bool) -> InlineText {
    let what = match unknown {
        _ if is_all => "which requests wait for you".to_owned(),
        1 => "whether one more waits for you".to_owned(),
        unknown => format!("whether {unknown} more wait for you"),
    };
    InlineText::of(format!("I cannot check right now {what}. Try again in a minute."))
}

fn list(title: &str, entries: &[RequestItem], line: impl Fn(&RequestItem) -> InlineText) -> RichText {
    let shown = &entries[..entries.len().min(LISTED_MAX)];
    let list = RichText::new().line(InlineText::new().bold(title)).items(shown.iter().map(line));
    match entries.len() - shown.len() {
        0 => list,
        more => list.line(InlineText::of(format!("… and {more} more."))),
    }
}

/// Who is asked for: name, e-mail and role.
fn subject(request: &Request, names_instance: bool) -> InlineText {
    let user = user_of(request);
    let name = format!("{} {}", user.first_name.as_str(), user.last_name.as_str());
    let line = InlineText::new().bold(text::literal(&name, NAME_MAX)).text(" (").text(user.email.as_str());
    let line = line.text("), role ").text(text::literal(&user.role.name, NAME_MAX));
    if names_instance { line.text(" in ").text(text::literal(&user.instance, NAME_MAX)) } else { line }
}

/// How far it has come.
fn state(RequestItem { request, panel, .. }: &RequestItem) -> InlineText {
    match &request.state {
        State::Pending { approvals, .. } => {
            let agreed: Vec<&UserId> = approvals.iter().map(|agreement| &agreement.by).collect();
            let is_left = |principal: &Principal| match principal {
                Principal::User(user) => !agreed.contains(&user),
                Principal::Group(_) | Principal::Channel(_) => true,
            };
            let mut left = others(&panel.approvers, &request.requester);
            left.retain(is_left);
            if left.is_empty() {
                return InlineText::of(
                    "nobody else may approve it; ask whoever runs this bot to name an approver",
                );
            }
            let line = match (agreed.len(), panel.needed) {
                (_, 1) => InlineText::of("waits for approval by "),
                (given, needed) => InlineText::of(format!("has {given} of {needed} approvals; waits for ")),
            };
            line.any_of(&left)
        }
        State::Applying { waiting: None, .. } => InlineText::of("is being created"),
        State::Applying { waiting: Some(Waits { cause, until, .. }), .. } => {
            let why = match cause {
                WaitCause::Quota => "Marketo takes no more calls today",
                WaitCause::Unavailable => "Marketo is too busy or does not answer",
            };
            InlineText::of("is approved and waits until ").moment(*until).text(format!(" because {why}"))
        }
        State::Done { .. } => InlineText::of("is created"),
        State::Failed { .. } => InlineText::of("failed"),
        State::Denied { .. } => InlineText::of("was denied"),
        State::Cancelled { .. } => InlineText::of("was cancelled"),
        State::TimedOut { .. } => InlineText::of("has expired"),
    }
}

fn opened(line: InlineText, entry: &RequestItem) -> InlineText {
    match &entry.place {
        Some(RequestLink::Card(url)) => line.text(" ").link(url, "Open the card"),
        Some(RequestLink::Direct(url)) => line.text(" ").link(url, "Open the message"),
        None => line,
    }
}
