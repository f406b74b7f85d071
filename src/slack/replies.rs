//! What the bot answers to one person: refusals, help, and why something cannot be done now. Each answer says what
//! is the matter and whom to ask or what to do next. Which of them applies is decided elsewhere.

mod lists;
mod policy;

pub use self::{
    lists::{LISTED_MAX, PendingRequests, RequestItem, RequestLink, pending, read_failed, status},
    policy::{PolicyView, policy},
};
use super::{
    rich_text::{InlineText, RichText},
    views::{Message, others},
};
use crate::domain::{
    decide::Refusal,
    people::{Principal, UserId},
};

/// Why somebody may not ask for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRequester {
    /// They are a guest.
    Guest,
    /// They are a bot.
    Bot,
    /// Their account is deactivated.
    Deactivated,
    /// They belong to another workspace.
    OtherWorkspace,
    /// The policy names who may ask, and does not name them.
    NotListed,
    /// It cannot be told now.
    CannotCheck,
}

/// Why a press counted for nothing, for `reader`, who is not told to ask themselves.
pub fn refusal(refusal: &Refusal, approvers: &[Principal], reader: &UserId) -> Message {
    let others = others(approvers, reader);
    say(match refusal {
        Refusal::OwnRequest => {
            ask(InlineText::of("This is your own request, so somebody else decides."), &others)
        }
        Refusal::NotApprover => ask(InlineText::of("Only an approver may do this."), &others),
        Refusal::CannotCheck => InlineText::of(
            "I cannot check right now who may approve. Nothing changed; try again in a minute.",
        ),
        Refusal::NotRequester => InlineText::of(
            "Only the person who sent this request may change or cancel it. An approver can deny it instead.",
        ),
        Refusal::Changed => InlineText::of(
            "The request changed since you looked at it, so your click counts for nothing. Please look at the card \
             again, then decide.",
        ),
        Refusal::ApprovalAlreadyGiven { given, needed } => InlineText::of(format!(
            "You have approved this request already. It has {given} of {needed} approvals; somebody else has to \
             give the next one."
        )),
        Refusal::ExceedsRequest => InlineText::of(
            "You may approve less than was asked for, but not more. Nothing changed; the requester can edit the \
             request.",
        ),
        Refusal::OtherChannel => InlineText::of(
            "With these values other people decide, in another channel. Cancel this request and send a new one.",
        ),
        Refusal::AlreadyApproved { by } if by.is_empty() => {
            InlineText::of("This request needs no approval and is already on its way. Nothing changed.")
        }
        Refusal::AlreadyApproved { by } => {
            InlineText::of("This request is already approved by ").all_of(by).text(". Nothing changed.")
        }
        Refusal::AlreadyDenied { by } => {
            InlineText::of("This request is already denied by ").person(by).text(". Nothing changed.")
        }
        Refusal::Cancelled => {
            InlineText::of("This request is already cancelled. There is nothing left to decide.")
        }
        Refusal::InProgress => {
            InlineText::of("It is being tried right now; look again in a moment. Nothing changed.")
        }
        Refusal::MayBeApplied => InlineText::of(
            "Marketo did not answer the last try and may have the user already, so this request cannot be \
             cancelled. The bot looks for the user; the message says what becomes of it.",
        ),
        Refusal::Done => InlineText::of(
            "The user is already created in Marketo, so there is nothing left to cancel. A Marketo admin can \
             delete it under Admin > Users & Roles.",
        ),
        Refusal::TimedOut => InlineText::of(
            "This request has expired: nobody decided in time. If the user is still needed, a new request has to \
             be sent.",
        ),
        Refusal::Failed => InlineText::of(
            "This request has failed. There is nothing left to decide; the message says why and what to do.",
        ),
        Refusal::NothingToRetry => InlineText::of(
            "There is nothing to retry: either the request has not failed, or trying again would fail the same \
             way. The message says what to do.",
        ),
        Refusal::ExpirationPassed => InlineText::of(
            "The last day of access is over, so the request cannot be approved as it is. Press Review to choose a \
             later day, or ask the requester to edit it.",
        ),
        Refusal::ExpiredBeforeRetry => InlineText::of(
            "The last day of access is over, so trying again makes no sense. Ask the requester to send a new request \
             with a later day.",
        ),
        Refusal::AnotherIsOpen => InlineText::of(
            "Another request for the same e-mail is open. Decide that one first; nothing changed here.",
        ),
        Refusal::UnknownRequest => InlineText::of(
            "I do not know this request. It may be from another installation of this bot; send a new one.",
        ),
    })
}

/// The answer to `help`: how a user is asked for, and each other word with its help.
pub fn usage<'a>(command: &str, words: impl IntoIterator<Item = (&'a str, &'a str)>) -> Message {
    let word = |(word, help)| InlineText::new().code(format!("{command} {word}")).text(format!(": {help}."));
    let lines = RichText::new()
        .line(InlineText::new().bold("Ask for an API-only user in Marketo:"))
        .line(InlineText::new().code(command).text(" opens the form."))
        .line(
            InlineText::new()
                .code(format!("{command} svc@example.com"))
                .text(" opens it with the e-mail filled in."),
        )
        .line(InlineText::new().bold("Look something up:"));
    let lines = words.into_iter().map(word).fold(lines, RichText::line)
        .line(InlineText::of(
            "What happens then: an approver says yes or no, unless no approval is needed here. You get a direct \
             message about every step and can cancel until somebody decides. Once Marketo has the user, a message in \
             this channel says how to get its Client Id and Client Secret.",
        ));
    Message::of(&lines)
}

/// Why somebody may not ask for a user, and whom to turn to.
pub fn not_eligible(why: NotRequester, requesters: &[Principal], approvers: &[Principal]) -> Message {
    // Approvers are named in place of requesters where every full member may ask.
    let helpers = if requesters.is_empty() { approvers } else { requesters };
    say(match why {
        NotRequester::Guest => ask(InlineText::of("Guests may not ask for Marketo API users."), helpers),
        NotRequester::Bot => {
            ask(InlineText::of("Bots may not ask for Marketo API users: a person has to."), helpers)
        }
        NotRequester::Deactivated => ask(
            InlineText::of("Your account is deactivated, so you may not ask for Marketo API users."),
            helpers,
        ),
        NotRequester::OtherWorkspace => ask(
            InlineText::of("Only members of the workspace that runs this bot may ask for Marketo API users."),
            helpers,
        ),
        NotRequester::NotListed => {
            ask(InlineText::of("You are not among the people who may ask for Marketo API users."), helpers)
        }
        NotRequester::CannotCheck => whom(
            InlineText::of(
                "I cannot check right now whether you may ask for Marketo API users. Nothing was sent; try again \
                 in a minute. If that does not help, ask ",
            ),
            helpers,
        ),
    })
}

/// The answer before the bot is ready.
pub fn starting() -> Message {
    say(InlineText::of(
        "I have just been started and am not ready yet. Nothing was stored; try again in a minute.",
    ))
}

/// The answer when Slack did not open a form.
pub fn modal_failed() -> Message {
    say(InlineText::of("Slack did not open the form in time. Nothing was sent; try again."))
}

/// The answer when nothing could be stored.
pub fn try_again() -> Message {
    say(InlineText::of(
        "I cannot store anything right now, so nothing happened. Try again in a minute. If that does not help, \
         tell whoever runs this bot.",
    ))
}

/// The answer to a text that is almost a word; `line` is what may have been meant.
pub fn suggestion(line: &str) -> Message {
    say(InlineText::of("Did you mean ").code(line).text("?"))
}

/// The answer to somebody who does too much at once.
pub fn too_many() -> Message {
    say(InlineText::of("That was too much at once, so this time nothing happened. Try again in a minute."))
}

/// The answer to a text after the command that makes no sense.
pub fn not_understood(command: &str) -> Message {
    say(InlineText::of("I did not understand that. Type ")
        .code(command)
        .text(" or ")
        .code(format!("{command} svc@example.com"))
        .text(" to ask for a user, or ")
        .code(format!("{command} help"))
        .text(" for more."))
}

fn ask(line: InlineText, people: &[Principal]) -> InlineText {
    whom(line.text(" Ask "), people)
}

fn whom(line: InlineText, people: &[Principal]) -> InlineText {
    match people {
        [] => line.text("whoever runs this bot."),
        people => line.any_of(people).text("."),
    }
}

fn say(line: InlineText) -> Message {
    Message::of(&RichText::new().line(line))
}
