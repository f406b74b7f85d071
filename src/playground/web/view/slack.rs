//! Slack as one person sees it: the list of conversations, the open one, and the thread next to it.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{ViewContext, blocks, slug};
use crate::{
    playground::web::fields::{self, Conversation},
    sim::slack::{Ephemeral, SimMessage},
};

pub(super) fn sidebar(context: &ViewContext<'_>) -> Markup {
    let user = context.setup.users.iter().find(|user| user.id == context.viewer.user);
    let conversations = user.map(|user| fields::conversations(&context.setup, user)).unwrap_or_default();
    html! {
        nav #sidebar aria-label="Conversations" inert[is_covered(context)] {
            h2 { (context.setup.team_name) }
            h3 { "Channels" }
            ul { @for conversation in conversations.iter().filter(|conversation| !conversation.is_direct) { (sidebar_entry(context, conversation)) } }
            h3 { "Direct messages" }
            ul { @for conversation in conversations.iter().filter(|conversation| conversation.is_direct) { (sidebar_entry(context, conversation)) } }
        }
    }
}

fn sidebar_entry(context: &ViewContext<'_>, conversation: &Conversation) -> Markup {
    let is_open = conversation.id == context.viewer.channel;
    let unread_count = if is_open { 0 } else { unread(context, &conversation.id) };
    let icon = match (conversation.is_direct, conversation.is_private) {
        (true, _) => "●",
        (_, true) => "▪",
        _ => "#",
    };
    html! {
        li {
            a data-go id={ "conversation-" (conversation.id) } href=(context.viewer.at(&conversation.id).link())
                aria-current=[is_open.then_some("page")] .unread[unread_count > 0] {
                span .mark aria-hidden="true" { (icon) }
                span .name { (conversation.name) }
                @if unread_count > 0 {
                    span .badge { (unread_count) span .sr { " unread" } }
                }
            }
        }
    }
}

fn unread(context: &ViewContext<'_>, channel: &str) -> usize {
    let key = (context.viewer.user.clone(), channel.to_owned());
    let last_read = context.active.ui().last_read.get(&key).cloned().unwrap_or_default();
    let messages = context.active.slack.channel(channel);
    let ephemerals = context.active.slack.ephemerals_for(&context.viewer.user);
    messages.iter().filter(|m| m.ts > last_read && m.user != context.viewer.user).count()
        + ephemerals.iter().filter(|m| m.ts > last_read && m.channel == channel).count()
}

/// Whether a modal is open, so that the content behind it is inert.
fn is_covered(context: &ViewContext<'_>) -> bool {
    context.active.slack.open_view(&context.viewer.user).is_some()
}

/// An entry of a conversation.
enum Entry {
    Message(SimMessage),
    Ephemeral(Ephemeral),
}

impl Entry {
    fn ts(&self) -> &str {
        match self {
            Self::Message(message) => &message.ts,
            Self::Ephemeral(message) => &message.ts,
        }
    }
}

pub(super) fn conversation(context: &ViewContext<'_>) -> Markup {
    let channel = &context.viewer.channel;
    let messages = context.active.slack.channel(channel);
    let ephemerals = context.active.slack.ephemerals_for(&context.viewer.user);
    let mut entries: Vec<Entry> =
        messages.iter().filter(|m| !is_reply(m)).cloned().map(Entry::Message).collect();
    entries.extend(ephemerals.into_iter().filter(|m| m.channel == *channel).map(Entry::Ephemeral));
    entries.sort_by(|a, b| a.ts().cmp(b.ts()));
    let newest = messages.iter().map(|m| m.ts.as_str()).chain(entries.iter().map(Entry::ts)).max();
    if let Some(newest) = newest {
        let key = (context.viewer.user.clone(), channel.clone());
        context.active.ui().last_read.insert(key, newest.to_owned());
    }
    let name = name(context);
    let notice = context.active.ui().notices.get(&context.viewer.user).cloned();
    html! {
        section #conversation aria-label=(name) inert[is_covered(context)] {
            header { h2 { (name) } }
            div #log role="log" aria-label={ "Messages in " (name) } tabindex="0" {
                @if entries.is_empty() {
                    p .empty { "Nothing here yet. " (hint(context)) }
                }
                @for entry in &entries {
                    @match entry {
                        Entry::Message(message) => (self::message(context, message, &messages)),
                        Entry::Ephemeral(message) => (ephemeral(context, message)),
                    }
                }
            }
            div #notice role="alert" {
                @if let Some(notice) = notice { p .notice { strong { "Slackbot" } " " (notice) } }
            }
            (composer(context, &name))
        }
    }
}

fn hint(context: &ViewContext<'_>) -> &'static str {
    if context.viewer.channel.starts_with('D') {
        "The bot's direct messages appear here."
    } else {
        "Run the command below and fill in the form."
    }
}

fn name(context: &ViewContext<'_>) -> String {
    let user = context.setup.users.iter().find(|user| user.id == context.viewer.user);
    let conversations = user.map(|user| fields::conversations(&context.setup, user)).unwrap_or_default();
    let conversation =
        conversations.into_iter().find(|conversation| conversation.id == context.viewer.channel);
    conversation.map_or_else(String::new, |conversation| {
        if conversation.is_direct { conversation.name } else { format!("#{}", conversation.name) }
    })
}

fn composer(context: &ViewContext<'_>, name: &str) -> Markup {
    html! {
        form #composer method="post" action="/act/post" data-clears {
            (context.viewer_fields())
            label .sr for="composer-text" { "Message to " (name) }
            input #composer-text name="text" type="text" autocomplete="off" maxlength="3000"
                placeholder={ "Message " (name) ", or /marketo-api-user" };
            button #send type="submit" { "Send" }
            button #run-command type="submit" name="text" value="/marketo-api-user" .primary { "/marketo-api-user" }
        }
    }
}

pub(super) fn thread(context: &ViewContext<'_>) -> Markup {
    let messages = context.active.slack.channel(&context.viewer.channel);
    let wanted = context.viewer.thread.as_deref();
    let top = messages.iter().find(|message| Some(message.ts.as_str()) == wanted);
    html! {
        aside #thread aria-label="Thread" hidden[top.is_none()] inert[is_covered(context)] {
            @if let Some(top) = top {
                header {
                    h2 { "Thread" }
                    a #close-thread .quiet data-go href=(context.viewer.in_thread(None).link()) aria-label="Close thread" { "×" }
                }
                div role="log" aria-label="Thread messages" tabindex="0" .scroll {
                    (message_in(context, top, "thread-", None))
                    @for reply in messages.iter().filter(|m| is_reply(m) && m.thread_ts.as_deref() == wanted) {
                        (message_in(context, reply, "thread-", None))
                    }
                }
            }
        }
    }
}

fn is_reply(message: &SimMessage) -> bool {
    message.thread_ts.as_ref().is_some_and(|ts| *ts != message.ts)
}

fn message(context: &ViewContext<'_>, message: &SimMessage, all: &[SimMessage]) -> Markup {
    let replies =
        all.iter().filter(|reply| is_reply(reply) && reply.thread_ts.as_ref() == Some(&message.ts)).count();
    let link = (replies > 0).then(|| {
        let label = if replies == 1 { "1 reply".to_owned() } else { format!("{replies} replies") };
        html! {
            a .replies data-go href=(context.viewer.in_thread(Some(&message.ts)).link()) { (label) }
        }
    });
    message_in(context, message, "", link)
}

fn message_in(
    context: &ViewContext<'_>,
    message: &SimMessage,
    prefix: &str,
    below: Option<Markup>,
) -> Markup {
    let id = format!("{prefix}m-{}-{}", slug(&message.channel), slug(&message.ts));
    let author = context.names.user(&message.user);
    html! {
        article .message id=(id) aria-labelledby={ (id) "-by" } {
            span .avatar.bot[message.bot_id.is_some()] aria-hidden="true" { (author.chars().take(1).collect::<String>()) }
            div .content {
                p .by id={ (id) "-by" } {
                    strong { (author) }
                    @if message.bot_id.is_some() { span .app { "App" } }
                    " " (moment(&message.ts))
                    @if message.edits > 0 { span .edited { "(edited)" } }
                }
                (blocks::of_message(context, message, &id))
                @if let Some(below) = below { (below) }
            }
        }
    }
}

fn ephemeral(context: &ViewContext<'_>, message: &Ephemeral) -> Markup {
    let bot = context.names.user(&context.setup.bot_user_id);
    let id = format!("e-{}-{}", slug(&message.channel), slug(&message.ts));
    html! {
        article .message.ephemeral id=(id) aria-labelledby={ (id) "-by" } {
            span .avatar.bot aria-hidden="true" { (bot.chars().take(1).collect::<String>()) }
            div .content {
                p .only { "Only visible to you" }
                p .by id={ (id) "-by" } { strong { (bot) } span .app { "App" } " " (moment(&message.ts)) }
                (blocks::of_ephemeral(context, message))
            }
        }
    }
}

/// The time of a message's timestamp.
fn moment(ts: &str) -> Markup {
    let time = ts.split('.').next().and_then(|seconds| Timestamp::from_second(seconds.parse().ok()?).ok());
    let time = time.unwrap_or_default();
    html! {
        time datetime=(time.to_string()) data-format="{date_short_pretty} at {time}" {
            (time.strftime("%b %-d at %H:%M UTC").to_string())
        }
    }
}
