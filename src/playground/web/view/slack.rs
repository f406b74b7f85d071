//! Slack as one person sees it: the list of conversations, the open one, and the thread next to it.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{Look, blocks, slug};
use crate::{
    playground::web::fields::{self, Place},
    sim::slack::{Ephemeral, SimMessage},
};

pub(super) fn sidebar(look: &Look<'_>) -> Markup {
    let user = look.setup.users.iter().find(|user| user.id == look.viewer.user);
    let places = user.map(|user| fields::places(&look.setup, user)).unwrap_or_default();
    html! {
        nav #sidebar aria-label="Conversations" inert[is_covered(look)] {
            h2 { (look.setup.team_name) }
            h3 { "Channels" }
            ul { @for place in places.iter().filter(|place| !place.is_direct) { (entry(look, place)) } }
            h3 { "Direct messages" }
            ul { @for place in places.iter().filter(|place| place.is_direct) { (entry(look, place)) } }
        }
    }
}

fn entry(look: &Look<'_>, place: &Place) -> Markup {
    let is_open = place.id == look.viewer.channel;
    let news = if is_open { 0 } else { unread(look, &place.id) };
    let mark = match (place.is_direct, place.is_private) {
        (true, _) => "●",
        (_, true) => "▪",
        _ => "#",
    };
    html! {
        li {
            a data-go id={ "place-" (place.id) } href=(look.viewer.at(&place.id).link())
                aria-current=[is_open.then_some("page")] .news[news > 0] {
                span .mark aria-hidden="true" { (mark) }
                span .name { (place.name) }
                @if news > 0 {
                    span .badge { (news) span .sr { " unread" } }
                }
            }
        }
    }
}

fn unread(look: &Look<'_>, channel: &str) -> usize {
    let key = (look.viewer.user.clone(), channel.to_owned());
    let seen = look.scene.memory().seen.get(&key).cloned().unwrap_or_default();
    let messages = look.scene.slack.channel(channel);
    let ephemerals = look.scene.slack.ephemerals_for(&look.viewer.user);
    messages.iter().filter(|m| m.ts > seen && m.user != look.viewer.user).count()
        + ephemerals.iter().filter(|m| m.ts > seen && m.channel == channel).count()
}

/// While a form is open, what is behind it cannot be reached.
fn is_covered(look: &Look<'_>) -> bool {
    look.scene.slack.open_view(&look.viewer.user).is_some()
}

/// Something in a conversation.
enum Line {
    Message(SimMessage),
    Ephemeral(Ephemeral),
}

impl Line {
    fn ts(&self) -> &str {
        match self {
            Self::Message(message) => &message.ts,
            Self::Ephemeral(message) => &message.ts,
        }
    }
}

pub(super) fn conversation(look: &Look<'_>) -> Markup {
    let channel = &look.viewer.channel;
    let messages = look.scene.slack.channel(channel);
    let ephemerals = look.scene.slack.ephemerals_for(&look.viewer.user);
    let mut lines: Vec<Line> = messages.iter().filter(|m| !is_reply(m)).cloned().map(Line::Message).collect();
    lines.extend(ephemerals.into_iter().filter(|m| m.channel == *channel).map(Line::Ephemeral));
    lines.sort_by(|a, b| a.ts().cmp(b.ts()));
    let newest = messages.iter().map(|m| m.ts.as_str()).chain(lines.iter().map(Line::ts)).max();
    if let Some(newest) = newest {
        let key = (look.viewer.user.clone(), channel.clone());
        look.scene.memory().seen.insert(key, newest.to_owned());
    }
    let name = name(look);
    let notice = look.scene.memory().notices.get(&look.viewer.user).cloned();
    html! {
        section #conversation aria-label=(name) inert[is_covered(look)] {
            header { h2 { (name) } }
            div #log role="log" aria-label={ "Messages in " (name) } tabindex="0" {
                @if lines.is_empty() {
                    p .empty { "Nothing here yet. " (hint(look)) }
                }
                @for line in &lines {
                    @match line {
                        Line::Message(message) => (self::message(look, message, &messages)),
                        Line::Ephemeral(message) => (ephemeral(look, message)),
                    }
                }
            }
            div #notice role="alert" {
                @if let Some(notice) = notice { p .notice { strong { "Slackbot" } " " (notice) } }
            }
            (composer(look, &name))
        }
    }
}

fn hint(look: &Look<'_>) -> &'static str {
    if look.viewer.channel.starts_with('D') {
        "Messages of the bot to you alone come here."
    } else {
        "Run the command below, and fill in the form."
    }
}

fn name(look: &Look<'_>) -> String {
    let user = look.setup.users.iter().find(|user| user.id == look.viewer.user);
    let places = user.map(|user| fields::places(&look.setup, user)).unwrap_or_default();
    let place = places.into_iter().find(|place| place.id == look.viewer.channel);
    place.map_or_else(
        String::new,
        |place| if place.is_direct { place.name } else { format!("#{}", place.name) },
    )
}

fn composer(look: &Look<'_>, name: &str) -> Markup {
    html! {
        form #composer method="post" action="/act/say" data-clears {
            (look.who())
            label .sr for="composer-text" { "Message to " (name) }
            input #composer-text name="text" type="text" autocomplete="off" maxlength="3000"
                placeholder={ "Message " (name) ", or /marketo-api-user" };
            button #send type="submit" { "Send" }
            button #run-command type="submit" name="text" value="/marketo-api-user" .primary { "/marketo-api-user" }
        }
    }
}

pub(super) fn thread(look: &Look<'_>) -> Markup {
    let messages = look.scene.slack.channel(&look.viewer.channel);
    let wanted = look.viewer.thread.as_deref();
    let top = messages.iter().find(|message| Some(message.ts.as_str()) == wanted);
    html! {
        aside #thread aria-label="Thread" hidden[top.is_none()] inert[is_covered(look)] {
            @if let Some(top) = top {
                header {
                    h2 { "Thread" }
                    a #close-thread .quiet data-go href=(look.viewer.in_thread(None).link()) aria-label="Close thread" { "×" }
                }
                div role="log" aria-label="Thread messages" tabindex="0" .scroll {
                    (message_in(look, top, "thread-", None))
                    @for reply in messages.iter().filter(|m| is_reply(m) && m.thread_ts.as_deref() == wanted) {
                        (message_in(look, reply, "thread-", None))
                    }
                }
            }
        }
    }
}

fn is_reply(message: &SimMessage) -> bool {
    message.thread_ts.as_ref().is_some_and(|ts| *ts != message.ts)
}

fn message(look: &Look<'_>, message: &SimMessage, all: &[SimMessage]) -> Markup {
    let replies =
        all.iter().filter(|reply| is_reply(reply) && reply.thread_ts.as_ref() == Some(&message.ts)).count();
    let link = (replies > 0).then(|| {
        let words = if replies == 1 { "1 reply".to_owned() } else { format!("{replies} replies") };
        html! {
            a .replies data-go href=(look.viewer.in_thread(Some(&message.ts)).link()) { (words) }
        }
    });
    message_in(look, message, "", link)
}

fn message_in(look: &Look<'_>, message: &SimMessage, prefix: &str, below: Option<Markup>) -> Markup {
    let id = format!("{prefix}m-{}-{}", slug(&message.channel), slug(&message.ts));
    let author = look.names.user(&message.user);
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
                (blocks::of_message(look, message, &id))
                @if let Some(below) = below { (below) }
            }
        }
    }
}

fn ephemeral(look: &Look<'_>, message: &Ephemeral) -> Markup {
    let bot = look.names.user(&look.setup.bot_user_id);
    let id = format!("e-{}-{}", slug(&message.channel), slug(&message.ts));
    html! {
        article .message.ephemeral id=(id) aria-labelledby={ (id) "-by" } {
            span .avatar.bot aria-hidden="true" { (bot.chars().take(1).collect::<String>()) }
            div .content {
                p .only { "Only visible to you" }
                p .by id={ (id) "-by" } { strong { (bot) } span .app { "App" } " " (moment(&message.ts)) }
                (blocks::of_ephemeral(look, message))
            }
        }
    }
}

/// The time that a message's id says.
fn moment(ts: &str) -> Markup {
    let time = ts.split('.').next().and_then(|seconds| Timestamp::from_second(seconds.parse().ok()?).ok());
    let time = time.unwrap_or_default();
    html! {
        time datetime=(time.to_string()) data-format="{date_short_pretty} at {time}" {
            (time.strftime("%b %-d at %H:%M UTC").to_string())
        }
    }
}
