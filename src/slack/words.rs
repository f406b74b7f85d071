//! What the bot answers to one person: refusals, help, and why something cannot be done now. Each answer says what
//! is the matter and whom to ask or what to do next. Which of them applies is decided elsewhere.

mod lists;
mod rules;

pub use self::{
    lists::{Entry, LISTED_MAX, Place, Waiting, cannot_look, pending, status},
    rules::{Here, policy},
};
use super::{
    line::{Line, Paragraphs},
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
        Refusal::OwnRequest => ask(Line::of("This is your own request, so somebody else decides."), &others),
        Refusal::NotApprover => ask(Line::of("Only an approver may do this."), &others),
        Refusal::CannotCheck => {
            Line::of("I cannot check right now who may approve. Nothing changed; try again in a minute.")
        }
        Refusal::NotRequester => Line::of(
            "Only the person who sent this request may change or cancel it. An approver can deny it instead.",
        ),
        Refusal::Changed => Line::of(
            "The request changed since you looked at it, so your click counts for nothing. Please look at the card \
             again, then decide.",
        ),
        Refusal::AgreedBefore { given, needed } => Line::of(format!(
            "You have approved this request already. It has {given} of {needed} approvals; somebody else has to \
             give the next one."
        )),
        Refusal::Widens => Line::of(
            "You may approve less than was asked for, but not more. Nothing changed; the requester can edit the \
             request.",
        ),
        Refusal::OtherChannel => Line::of(
            "With these values other people decide, in another channel. Cancel this request and send a new one.",
        ),
        Refusal::AlreadyApproved { by } if by.is_empty() => {
            Line::of("This request needs no approval and is already on its way. Nothing changed.")
        }
        Refusal::AlreadyApproved { by } => {
            Line::of("This request is already approved by ").all_of(by).text(". Nothing changed.")
        }
        Refusal::AlreadyDenied { by } => {
            Line::of("This request is already denied by ").person(by).text(". Nothing changed.")
        }
        Refusal::Cancelled => Line::of("This request is already cancelled. There is nothing left to decide."),
        Refusal::BeingTried => {
            Line::of("It is being tried right now; look again in a moment. Nothing changed.")
        }
        Refusal::MayBeApplied => Line::of(
            "Marketo did not answer the last try and may have the user already, so this request cannot be \
             cancelled. The bot looks for the user; the message says what becomes of it.",
        ),
        Refusal::Done => Line::of(
            "The user is already created in Marketo, so there is nothing left to cancel. A Marketo admin can \
             delete it under Admin > Users & Roles.",
        ),
        Refusal::TimedOut => Line::of(
            "This request has expired: nobody decided in time. If the user is still needed, a new request has to \
             be sent.",
        ),
        Refusal::Failed => Line::of(
            "This request has failed. There is nothing left to decide; the message says why and what to do.",
        ),
        Refusal::NothingToRetry => Line::of(
            "There is nothing to retry: either the request has not failed, or trying again would fail the same \
             way. The message says what to do.",
        ),
        Refusal::ExpirationPassed => Line::of(
            "The last day of access is over, so the request cannot be approved as it is. Press Review to choose a \
             later day, or ask the requester to edit it.",
        ),
        Refusal::OverBeforeRetry => Line::of(
            "The last day of access is over, so trying again makes no sense. Ask the requester to send a new request \
             with a later day.",
        ),
        Refusal::AnotherIsOpen => Line::of(
            "Another request for the same e-mail is open. Decide that one first; nothing changed here.",
        ),
        Refusal::Unknown => Line::of(
            "I do not know this request. It may be from another installation of this bot; send a new one.",
        ),
    })
}

/// The answer to `help`: how a user is asked for, and each other word with its help.
pub fn usage<'a>(command: &str, words: impl IntoIterator<Item = (&'a str, &'a str)>) -> Message {
    let word = |(word, help)| Line::new().code(format!("{command} {word}")).text(format!(": {help}."));
    let lines = Paragraphs::new()
        .line(Line::new().bold("Ask for an API-only user in Marketo:"))
        .line(Line::new().code(command).text(" opens the form."))
        .line(
            Line::new()
                .code(format!("{command} svc@example.com"))
                .text(" opens it with the e-mail filled in."),
        )
        .line(Line::new().bold("Look something up:"));
    let lines = words.into_iter().map(word).fold(lines, Paragraphs::line)
        .line(Line::of(
            "What happens then: an approver says yes or no, unless no approval is needed here. You get a direct \
             message about every step and can cancel until somebody decides. Once Marketo has the user, a message in \
             this channel says how to get its Client Id and Client Secret.",
        ));
    Message::of(&lines)
}

/// Why somebody may not ask for a user, and whom to turn to.
pub fn may_not_request(why: NotRequester, requesters: &[Principal], approvers: &[Principal]) -> Message {
    // Approvers are named in place of requesters where every full member may ask.
    let helpers = if requesters.is_empty() { approvers } else { requesters };
    say(match why {
        NotRequester::Guest => ask(Line::of("Guests may not ask for Marketo API users."), helpers),
        NotRequester::Bot => {
            ask(Line::of("Bots may not ask for Marketo API users: a person has to."), helpers)
        }
        NotRequester::Deactivated => {
            ask(Line::of("Your account is deactivated, so you may not ask for Marketo API users."), helpers)
        }
        NotRequester::OtherWorkspace => ask(
            Line::of("Only members of the workspace that runs this bot may ask for Marketo API users."),
            helpers,
        ),
        NotRequester::NotListed => {
            ask(Line::of("You are not among the people who may ask for Marketo API users."), helpers)
        }
        NotRequester::CannotCheck => whom(
            Line::of(
                "I cannot check right now whether you may ask for Marketo API users. Nothing was sent; try again \
                 in a minute. If that does not help, ask ",
            ),
            helpers,
        ),
    })
}

/// The answer before the bot is ready.
pub fn starting() -> Message {
    say(Line::of("I have just been started and am not ready yet. Nothing was stored; try again in a minute."))
}

/// The answer when Slack did not open a form.
pub fn no_modal() -> Message {
    say(Line::of("Slack did not open the form in time. Nothing was sent; try again."))
}

/// The answer when nothing could be stored.
pub fn try_again() -> Message {
    say(Line::of(
        "I cannot store anything right now, so nothing happened. Try again in a minute. If that does not help, \
         tell whoever runs this bot.",
    ))
}

/// The answer to a text that is almost a word; `line` is what may have been meant.
pub fn did_you_mean(line: &str) -> Message {
    say(Line::of("Did you mean ").code(line).text("?"))
}

/// The answer to somebody who does too much at once.
pub fn too_many() -> Message {
    say(Line::of("That was too much at once, so this time nothing happened. Try again in a minute."))
}

/// The answer to a text after the command that makes no sense.
pub fn not_understood(command: &str) -> Message {
    say(Line::of("I did not understand that. Type ")
        .code(command)
        .text(" or ")
        .code(format!("{command} svc@example.com"))
        .text(" to ask for a user, or ")
        .code(format!("{command} help"))
        .text(" for more."))
}

fn ask(line: Line, people: &[Principal]) -> Line {
    whom(line.text(" Ask "), people)
}

fn whom(line: Line, people: &[Principal]) -> Line {
    match people {
        [] => line.text("whoever runs this bot."),
        people => line.any_of(people).text("."),
    }
}

fn say(line: Line) -> Message {
    Message::of(&Paragraphs::new().line(line))
}
