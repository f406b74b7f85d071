//! The Web API methods that read messages back: `conversations.history`, `conversations.replies` and
//! `chat.getPermalink`.
//! Replies stand in their thread only, which is what makes a lookup by history alone miss them.

use serde_json::{Value, json};

use super::{
    args::{Args, Refusal},
    state::{Conversation, SimMessage, SlackState},
};

type Answer = Result<Value, Refusal>;

/// The id of the conversation whose messages the bot may read.
fn place(world: &SlackState, args: &Args) -> Result<String, Refusal> {
    match world.readable(args, "history")? {
        Conversation::Channel(channel) if !channel.bot_is_member => Err(Refusal::new("not_in_channel")),
        Conversation::Channel(channel) => Ok(channel.id),
        Conversation::Direct { id, .. } => Ok(id),
    }
}

pub(crate) fn conversations_history(world: &mut SlackState, args: &Args) -> Answer {
    let id = place(world, args)?;
    let is_reply = |message: &SimMessage| message.thread_ts.as_ref().is_some_and(|ts| *ts != message.ts);
    let messages = world.messages.iter().rev().filter(|message| message.channel == id && !is_reply(message));
    page(world, args, messages, |at, cursor| at < cursor)
}

pub(crate) fn conversations_replies(world: &mut SlackState, args: &Args) -> Answer {
    let id = place(world, args)?;
    let parent = args.required("ts")?;
    if world.message(&id, &parent).is_none() {
        return Err(Refusal::new("thread_not_found"));
    }
    let of_thread = |message: &&SimMessage| {
        message.channel == id && (message.ts == parent || message.thread_ts.as_ref() == Some(&parent))
    };
    page(world, args, world.messages.iter().filter(of_thread), |at, cursor| at > cursor)
}

/// Where a message can be opened. It needs no scope, but a private channel that the bot is not in is not there for it.
pub(crate) fn get_permalink(world: &mut SlackState, args: &Args) -> Answer {
    let (id, ts) = (args.required("channel")?, args.required("message_ts")?);
    match world.conversation(&id) {
        Some(Conversation::Channel(channel)) if !channel.is_private || channel.bot_is_member => {}
        Some(Conversation::Direct { .. }) => {}
        Some(Conversation::Channel(_)) | None => return Err(Refusal::new("channel_not_found")),
    }
    let message = world.message(&id, &ts).ok_or_else(|| Refusal::new("message_not_found"))?;
    let thread = message.thread_ts.as_ref().filter(|thread| **thread != ts);
    let thread = thread.map(|thread| format!("?thread_ts={thread}&cid={id}")).unwrap_or_default();
    let place = format!("https://{}.slack.com/archives/{id}/p{}", world.setup.team_name, ts.replace('.', ""));
    Ok(json!({ "channel": id, "permalink": format!("{place}{thread}") }))
}

type Order = (i64, i64);

/// One page of messages. The cursor is the time of the last message of the page before.
fn page<'a>(
    world: &'a SlackState,
    args: &Args,
    messages: impl Iterator<Item = &'a SimMessage>,
    beyond: fn(Order, Order) -> bool,
) -> Answer {
    let limit = args.limit(100, 999)?;
    let inclusive = args.flag("inclusive");
    let bound = |name: &str, code: &str| args.text(name).map(|ts| order(&ts, code)).transpose();
    let oldest = bound("oldest", "invalid_ts_oldest")?;
    let latest = bound("latest", "invalid_ts_latest")?;
    let cursor = bound("cursor", "invalid_cursor")?;
    let mut page: Vec<&SimMessage> = Vec::new();
    let mut more = false;
    for message in messages {
        let at = order(&message.ts, "internal_error")?;
        let after = oldest.is_none_or(|oldest| at > oldest || (inclusive && at == oldest));
        let before = latest.is_none_or(|latest| at < latest || (inclusive && at == latest));
        if !after || !before || cursor.is_some_and(|cursor| !beyond(at, cursor)) {
            continue;
        }
        if page.len() == limit {
            more = true;
            break;
        }
        page.push(message);
    }
    let next = page.last().filter(|_| more).map(|message| message.ts.clone()).unwrap_or_default();
    let with_metadata = args.flag("include_all_metadata");
    let messages: Vec<Value> =
        page.into_iter().map(|message| world.message_json(message, with_metadata)).collect();
    Ok(json!({ "messages": messages, "has_more": more, "response_metadata": { "next_cursor": next } }))
}

/// A message's time as numbers that can be compared.
fn order(ts: &str, code: &str) -> Result<Order, Refusal> {
    let (seconds, micros) = ts.split_once('.').unwrap_or((ts, "0"));
    let seconds = seconds.parse().map_err(|_| Refusal::new(code))?;
    let micros = format!("{micros:0<6}").parse().map_err(|_| Refusal::new(code))?;
    Ok((seconds, micros))
}
