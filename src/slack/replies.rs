//! What the bot answers to one person: refusals, help, and why something is not possible now. Each answer says what
//! happened and whom to ask or what to do next. This module does not know which of them applies.

mod lists;
mod policy;

pub use self::{
    lists::{LISTED_MAX, PendingRequests, RequestItem, RequestLink, pending, read_failed, status},
    policy::{PolicyView, policy},
};
use super::{
    messages::{Message, without_requester},
    rich_text::{InlineText, RichText},
};
use crate::domain::{
    decide::Refusal,
    people::{Principal, UserId},
};

/// Why somebody is not allowed to request API users.
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
    /// The policy lists the requesters, and they are not among them.
    NotListed,
    /// It is unknown right now.
    CannotCheck,
}

/// Why an action of `reader` was refused. Where it names the `approvers` to ask, it leaves out the reader.
pub fn refusal(refusal: &Refusal, approvers: &[Principal], reader: &UserId) -> Message {
    let approvers = without_requester(approvers, reader);
    let text = match refusal {
        Refusal::OwnRequest => {
            return ask("This is your own request, so someone else has to decide. Ask ", &approvers);
        }
        Refusal::NotApprover => return ask("Only approvers are allowed to do this. Ask ", &approvers),
        Refusal::AlreadyApproved { by } if !by.is_empty() => {
            return say(InlineText::of("This request was already approved by ")
                .all_of(by)
                .text(". Nothing changed."));
        }
        Refusal::AlreadyDenied { by } => {
            return say(InlineText::of("This request was already denied by ")
                .person(by)
                .text(". Nothing changed."));
        }
        Refusal::ApprovalAlreadyGiven { given, needed } => {
            return say(InlineText::of(format!(
                "You already approved this request. It has {given} of {needed} approvals, and someone else has to \
                 give the next one."
            )));
        }
        Refusal::AlreadyApproved { .. } => {
            "This request needs no approval and is already in progress. Nothing changed."
        }
        Refusal::CannotCheck => {
            "I couldn't check who the approvers are, so nothing changed. Try again in a minute."
        }
        Refusal::NotRequester => {
            "Only the person who sent this request is allowed to change or cancel it. An approver can deny it instead."
        }
        Refusal::Changed => {
            "The request changed since you looked at it, so your click was not recorded. Look at the card again, then \
             decide."
        }
        Refusal::ExceedsRequest => {
            "You can approve less than was requested, but not more. Nothing changed. The requester can edit the request."
        }
        Refusal::OtherChannel => {
            "Other people have to approve these values, in another channel. Cancel this request and send a new one."
        }
        Refusal::Cancelled => "This request was already cancelled, so there is nothing left to decide.",
        Refusal::InProgress => {
            "The user is being created. Check back in a moment. Your click changed nothing."
        }
        Refusal::MayBeApplied => {
            "Marketo didn't respond to the last attempt and may already have the user, so this request cannot be \
             cancelled. I'm looking for the user in Marketo and will update the message."
        }
        Refusal::Done => {
            "The user was already created in Marketo, so there is nothing left to cancel. A Marketo admin can delete it \
             under Admin > Users & Roles."
        }
        Refusal::TimedOut => {
            "This request expired because nobody decided in time. If the user is still needed, someone has to request it \
             again."
        }
        Refusal::Failed => {
            "This request failed, so there is nothing left to decide. The message explains why and what to do."
        }
        Refusal::NothingToRetry => {
            "There is nothing to retry: the request hasn't failed, or another attempt would fail the same way. The \
             message explains what to do."
        }
        Refusal::ExpirationPassed => {
            "The last day of access has passed, so this request cannot be approved as it is. Click Review to choose a \
             later date, or ask the requester to edit the request."
        }
        Refusal::ExpiredBeforeRetry => {
            "The last day of access has passed, so another attempt won't help. Ask the requester to send a new request \
             with a later date."
        }
        Refusal::AnotherIsOpen => {
            "Another request for the same email is open. Decide that one first. Nothing changed here."
        }
        Refusal::UnknownRequest => {
            "I don't know this request. It may belong to another installation of this bot. Send a new request."
        }
    };
    say(InlineText::of(text))
}

/// The answer to `help`: how to request a user, and each subcommand with its help text.
pub fn usage<'a>(command: &str, subcommands: impl IntoIterator<Item = (&'a str, &'a str)>) -> Message {
    let title = |text: &str| InlineText::new().bold(text);
    let subcommand = |(name, help): (&str, &str)| {
        InlineText::new().code(format!("{command} {name}")).text(format!(": {help}."))
    };
    let request = RichText::new()
        .line(title("Request an API-only user in Marketo:"))
        .line(InlineText::new().code(command).text(" opens the form."))
        .line(
            InlineText::new()
                .code(format!("{command} svc@example.com"))
                .text(" opens the form with the email filled in."),
        )
        .line(title("Look something up:"));
    let help = subcommands.into_iter().map(subcommand).fold(request, RichText::line).line(InlineText::of(
        "What happens next: an approver approves or denies the request, unless no approval is needed here. You get a \
         direct message about every step and can cancel until someone decides. Once Marketo has the user, a message in \
         this channel explains how to get its Client Id and Client Secret.",
    ));
    Message::of(&help)
}

/// Why somebody is not allowed to request API users, and whom to ask.
pub fn not_eligible(why: NotRequester, requesters: &[Principal], approvers: &[Principal]) -> Message {
    // Where every full member is allowed to request, there are no requesters to name.
    let people = if requesters.is_empty() { approvers } else { requesters };
    let text = match why {
        NotRequester::Guest => "Guests are not allowed to request Marketo API users. Ask ",
        NotRequester::Bot => "Bots are not allowed to request Marketo API users; a person has to. Ask ",
        NotRequester::Deactivated => {
            "Your account is deactivated, so you're not allowed to request Marketo API users. Ask "
        }
        NotRequester::OtherWorkspace => {
            "Only members of the workspace that runs this bot are allowed to request Marketo API users. Ask "
        }
        NotRequester::NotListed => {
            "You're not on the list of people who are allowed to request Marketo API users. Ask "
        }
        NotRequester::CannotCheck => {
            "I couldn't check your permissions. Try again in a moment. If that doesn't help, ask "
        }
    };
    ask(text, people)
}

/// The answer before the bot is ready.
pub fn starting() -> Message {
    say(InlineText::of("I've just started and I'm not ready yet. Nothing was saved. Try again in a minute."))
}

/// The answer when Slack did not open a form.
pub fn modal_failed() -> Message {
    say(InlineText::of("Slack didn't open the form in time, so nothing was sent. Try again."))
}

/// The answer when nothing could be stored.
pub fn try_again() -> Message {
    say(InlineText::of(
        "I can't save anything right now, so nothing happened. Try again in a minute. If that doesn't help, contact \
         this bot's admin.",
    ))
}

/// The answer to text that resembles a subcommand; `command` is the whole command that may have been meant.
pub fn suggestion(command: &str) -> Message {
    say(InlineText::of("Did you mean ").code(command).text("?"))
}

/// The answer to somebody who has reached a rate limit.
pub fn too_many() -> Message {
    say(InlineText::of("That was too much at once, so nothing happened this time. Try again in a minute."))
}

/// The answer to text after the command that is neither an email nor a subcommand.
pub fn not_understood(command: &str) -> Message {
    say(InlineText::of("I didn't understand that. Type ")
        .code(command)
        .text(" or ")
        .code(format!("{command} svc@example.com"))
        .text(" to request a user, or ")
        .code(format!("{command} help"))
        .text(" to see all commands."))
}

/// `text` followed by the people to ask, or by the bot's admin where there are none.
fn ask(text: &str, people: &[Principal]) -> Message {
    let line = InlineText::of(text);
    say(match people {
        [] => line.text("this bot's admin."),
        people => line.any_of(people).text("."),
    })
}

fn say(line: InlineText) -> Message {
    Message::of(&RichText::new().line(line))
}
