//! The Web API methods that read messages back: `conversations.history`, `conversations.replies` and
//! `chat.getPermalink`.
//! Replies appear only in their thread, so a lookup in the history alone misses them.

use serde_json::{Value, json};

use super::{
    args::{Args, Refusal},
    state::{Conversation, SimMessage, SlackState},
};

type MethodResult = Result<Value, Refusal>;

/// The id of the conversation, if the bot may read its messages.
fn readable_id(state: &SlackState, args: &Args) -> Result<String, Refusal> {
    match state.readable(args, "history")? {
        Conversation::Channel(channel) if !channel.bot_is_member => Err(Refusal::new("not_in_channel")),
        Conversation::Channel(channel) => Ok(channel.id),
        Conversation::Direct { id, .. } => Ok(id),
    }
}

pub(crate) fn conversations_history(state: &mut SlackState, args: &Args) -> MethodResult {
    let id = readable_id(state, args)?;
    let is_reply = |message: &SimMessage| message.thread_ts.as_ref().is_some_and(|ts| *ts != message.ts);
    let messages = state.messages.iter().rev().filter(|message| message.channel == id && !is_reply(message));
    page(state, args, messages, |at, cursor| at < cursor)
}

pub(crate) fn conversations_replies(state: &mut SlackState, args: &Args) -> MethodResult {
    let id = readable_id(state, args)?;
    let parent = args.required("ts")?;
    if state.message(&id, &parent).is_none() {
        return Err(Refusal::new("thread_not_found"));
    }
    let of_thread = |message: &&SimMessage| {
        message.channel == id && (message.ts == parent || message.thread_ts.as_ref() == Some(&parent))
    };
    page(state, args, state.messages.iter().filter(of_thread), |at, cursor| at > cursor)
}

/// The permalink of a message. It needs no scope, but private channels without the bot are not found.
pub(crate) fn get_permalink(state: &mut SlackState, args: &Args) -> MethodResult {
    let (id, ts) = (args.required("channel")?, args.required("message_ts")?);
    match state.conversation(&id) {
        Some(Conversation::Channel(channel)) if !channel.is_private || channel.bot_is_member => {}
        Some(Conversation::Direct { .. }) => {}
        Some(Conversation::Channel(_)) | None => return Err(Refusal::new("channel_not_found")),
    }
    let message = state.message(&id, &ts).ok_or_else(|| Refusal::new("message_not_found"))?;
    let thread = message.thread_ts.as_ref().filter(|thread| **thread != ts);
    let thread = thread.map(|thread| format!("?thread_ts={thread}&cid={id}")).unwrap_or_default();
    let link = format!("https://{}.slack.com/archives/{id}/p{}", state.setup.team_name, ts.replace('.', ""));
    Ok(json!({ "channel": id, "permalink": format!("{link}{thread}") }))
}

/// A message's `ts` as seconds and microseconds.
type SortKey = (i64, i64);

/// One page of messages. The cursor is the `ts` of the last message of the previous page.
fn page<'a>(
    state: &'a SlackState,
    args: &Args,
    messages: impl Iterator<Item = &'a SimMessage>,
    is_beyond: fn(SortKey, SortKey) -> bool,
) -> MethodResult {
    let limit = args.limit(100, 999)?;
    let inclusive = args.flag("inclusive");
    let bound = |name: &str, code: &str| args.text(name).map(|ts| sort_key(&ts, code)).transpose();
    let oldest = bound("oldest", "invalid_ts_oldest")?;
    let latest = bound("latest", "invalid_ts_latest")?;
    let cursor = bound("cursor", "invalid_cursor")?;
    let mut page: Vec<&SimMessage> = Vec::new();
    let mut has_more = false;
    for message in messages {
        let at = sort_key(&message.ts, "internal_error")?;
        let is_after = oldest.is_none_or(|oldest| at > oldest || (inclusive && at == oldest));
        let is_before = latest.is_none_or(|latest| at < latest || (inclusive && at == latest));
        if !is_after || !is_before || cursor.is_some_and(|cursor| !is_beyond(at, cursor)) {
            continue;
        }
        if page.len() == limit {
            has_more = true;
            break;
        }
        page.push(message);
    }
    let next = page.last().filter(|_| has_more).map(|message| message.ts.clone()).unwrap_or_default();
    let with_metadata = args.flag("include_all_metadata");
    let messages: Vec<Value> =
        page.into_iter().map(|message| state.message_json(message, with_metadata)).collect();
    Ok(json!({ "messages": messages, "has_more": has_more, "response_metadata": { "next_cursor": next } }))
}

/// Parses a `ts`.
fn sort_key(ts: &str, code: &str) -> Result<SortKey, Refusal> {
    let (seconds, micros) = ts.split_once('.').unwrap_or((ts, "0"));
    let seconds = seconds.parse().map_err(|_| Refusal::new(code))?;
    let micros = format!("{micros:0<6}").parse().map_err(|_| Refusal::new(code))?;
    Ok((seconds, micros))
}
