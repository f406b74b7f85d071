//! What the bot answers to one person: refusals, help, and why something is not possible now. Each answer says what
//! happened and whom to ask or what to do next. This module does not know which of them applies.

mod lists;
mod policy;
mod refusal;

pub use self::{
    lists::{
        PagePosition, PendingRequests, RequestItem, RequestLink, RequestPage, pending, read_failed, status,
    },
    policy::{PolicyView, policy},
    refusal::{refusal, refusal_in_form},
};
use super::{
    messages::Message,
    rich_text::{InlineText, RichText},
};
use crate::domain::people::Principal;

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

/// The answer to a command in a conversation where nobody could approve the request.
pub fn needs_channel(command: &str) -> Message {
    say(InlineText::of(
        "Someone has to approve your request, and nobody else can see this direct message. Type ",
    )
    .code(command)
    .text(" in a channel, or ask this bot's admin for an approval channel."))
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
