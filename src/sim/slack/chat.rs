//! The Web API methods that post (`chat.postMessage`, `chat.update`, `chat.postEphemeral`) and responses through a
//! `response_url`. They validate text, blocks and the bot's channel membership.

use serde_json::{Value, json};

use super::{
    args::{Args, Refusal},
    blocks,
    state::{Conversation, Ephemeral, SlackState},
};

type MethodResult = Result<Value, Refusal>;

/// Longer texts of new messages are truncated.
const MAX_TEXT: usize = 40_000;
/// Longer texts of updates and ephemeral messages are refused.
const MAX_UPDATE_TEXT: usize = 4000;
/// How often a `response_url` can be used.
const RESPONSE_URL_USES: u32 = 5;
/// Lifetime of a `response_url` in milliseconds.
const RESPONSE_URL_LIFETIME: i64 = 30 * 60 * 1000;

/// The text and the validated blocks of a call, if given.
fn content(args: &Args) -> Result<(Option<String>, Option<Value>), Refusal> {
    let text = args.text("text");
    let Some(mut blocks) = args.json("blocks", "invalid_blocks_format")? else {
        return Ok((text, None));
    };
    if !blocks.is_array() {
        return Err(Refusal::new("invalid_blocks_format"));
    }
    blocks::check_message(&mut blocks)
        .map_err(|messages| Refusal::with_messages("invalid_blocks", &messages))?;
    let markdown = blocks.as_array().into_iter().flatten().filter(|block| block["type"] == "markdown");
    let markdown: usize =
        markdown.filter_map(|block| block["text"].as_str()).map(|t| t.chars().count()).sum();
    if markdown > 12_000 {
        return Err(Refusal::new("msg_blocks_too_long"));
    }
    Ok((text, Some(blocks)))
}

/// The content of a message; at least a text or a block is required.
fn required_content(args: &Args) -> Result<(String, Value), Refusal> {
    let (text, blocks) = content(args)?;
    let blocks = blocks.unwrap_or_else(|| json!([]));
    if text.is_none() && blocks.as_array().is_none_or(Vec::is_empty) {
        return Err(Refusal::new("no_text"));
    }
    Ok((text.unwrap_or_default(), blocks))
}

/// The metadata of a call: `None` if absent, an empty object to clear it.
fn metadata(args: &Args) -> Result<Option<Value>, Refusal> {
    let Some(metadata) = args.json("metadata", "invalid_metadata_format")? else { return Ok(None) };
    let map = metadata.as_object().ok_or_else(|| Refusal::new("invalid_metadata_format"))?;
    let has_type = map.get("event_type").is_some_and(Value::is_string);
    let has_payload = map.get("event_payload").is_some_and(Value::is_object);
    if map.is_empty() || (has_type && has_payload) {
        Ok(Some(metadata))
    } else {
        Err(Refusal::new("invalid_metadata_format"))
    }
}

impl SlackState {
    /// The conversation with this id, if the bot may post to it.
    fn postable(&self, id: &str) -> Result<Conversation, Refusal> {
        let conversation = self.conversation(id).ok_or_else(|| Refusal::new("channel_not_found"))?;
        if let Conversation::Channel(channel) = &conversation {
            if channel.is_private && !channel.bot_is_member {
                return Err(Refusal::new("channel_not_found"));
            }
            if channel.archived {
                return Err(Refusal::new("is_archived"));
            }
        }
        Ok(conversation)
    }

    /// Opens the direct conversation with a user, if `id` is a user id.
    fn direct_for_user(&mut self, id: &str) -> Result<Option<String>, Refusal> {
        let Some(user) = self.user(id) else { return Ok(None) };
        if user.deleted {
            return Err(Refusal::new("channel_not_found"));
        }
        if user.is_bot {
            return Err(Refusal::new("cannot_dm_bot"));
        }
        Ok(Some(self.open_direct(id)))
    }
}

pub(crate) fn post_message(state: &mut SlackState, args: &Args) -> MethodResult {
    state.require_scope("chat:write")?;
    let id = args.required("channel")?;
    let (mut text, blocks) = required_content(args)?;
    let metadata = metadata(args)?;
    let id = state.direct_for_user(&id)?.unwrap_or(id);
    if let Conversation::Channel(channel) = state.postable(&id)?
        && !channel.bot_is_member
        && state.require_scope("chat:write.public").is_err()
    {
        return Err(Refusal::new("not_in_channel"));
    }
    let thread_ts = args.text("thread_ts");
    if let Some(parent) = &thread_ts {
        let parent = state.message(&id, parent);
        if parent.is_none_or(|parent| parent.thread_ts.as_ref().is_some_and(|ts| *ts != parent.ts)) {
            return Err(Refusal::new("cannot_reply_to_message"));
        }
    }
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
    }
    let message = state.post(&id, text, blocks);
    message.thread_ts = thread_ts;
    message.metadata = metadata.filter(|metadata| metadata.get("event_type").is_some());
    let message = message.clone();
    Ok(json!({ "channel": id, "ts": message.ts, "message": state.message_json(&message, true) }))
}

pub(crate) fn update(state: &mut SlackState, args: &Args) -> MethodResult {
    state.require_scope("chat:write")?;
    let id = args.required("channel")?;
    let ts = args.required("ts")?;
    let (text, blocks) = content(args)?;
    let metadata = metadata(args)?;
    if text.is_none() && blocks.is_none() && metadata.is_none() {
        return Err(Refusal::new("no_text"));
    }
    if text.as_ref().is_some_and(|text| text.chars().count() > MAX_UPDATE_TEXT) {
        return Err(Refusal::new("msg_too_long"));
    }
    state.postable(&id).map_err(|refusal| match refusal.code.as_str() {
        "is_archived" => Refusal::new("is_inactive"),
        _ => refusal,
    })?;
    let own_bot_id = state.setup.bot_id.clone();
    let message = state.messages.iter_mut().find(|message| message.channel == id && message.ts == ts);
    let message = message.ok_or_else(|| Refusal::new("message_not_found"))?;
    if message.bot_id.as_ref() != Some(&own_bot_id) {
        return Err(Refusal::new("cant_update_message"));
    }
    let is_empty = |blocks: &Value| blocks.as_array().is_none_or(Vec::is_empty);
    if text.is_none() && blocks.as_ref().is_some_and(is_empty) {
        return Err(Refusal::new("no_text"));
    }
    if text.is_some() || blocks.is_some() {
        message.text = text.unwrap_or_default();
        message.blocks = blocks.unwrap_or_else(|| json!([]));
    }
    if let Some(metadata) = metadata {
        message.metadata = Some(metadata).filter(|metadata| metadata.get("event_type").is_some());
    }
    message.edits += 1;
    let message = message.clone();
    let json = state.message_json(&message, true);
    Ok(json!({ "channel": id, "ts": ts, "text": message.text, "message": json }))
}

pub(crate) fn post_ephemeral(state: &mut SlackState, args: &Args) -> MethodResult {
    state.require_scope("chat:write")?;
    let id = args.required("channel")?;
    let user = args.required("user")?;
    let (text, blocks) = required_content(args)?;
    if text.chars().count() > MAX_UPDATE_TEXT {
        return Err(Refusal::new("msg_too_long"));
    }
    let id = state.direct_for_user(&id)?.unwrap_or(id);
    let is_member = match state.postable(&id)? {
        Conversation::Channel(channel) if !channel.bot_is_member => {
            return Err(Refusal::new("not_in_channel"));
        }
        Conversation::Channel(channel) => channel.members.contains(&user),
        Conversation::Direct { user: other, .. } => other == user,
    };
    if !is_member {
        return Err(Refusal::new("user_not_in_channel"));
    }
    let ts = state.new_ts();
    state.ephemerals.push(Ephemeral { ts: ts.clone(), channel: id, user, text, blocks });
    Ok(json!({ "message_ts": ts }))
}

/// A response through a `response_url`: ephemeral, unless it says `in_channel`. It needs no token, no scope and no
/// channel membership.
pub(crate) fn respond(state: &mut SlackState, id: &str, args: &Args) -> MethodResult {
    let now = state.clock.millis();
    let url = state.response_urls.get_mut(id).ok_or_else(|| Refusal::new("no_such_url"))?;
    if now - url.issued_at > RESPONSE_URL_LIFETIME {
        return Err(Refusal::new("expired_url"));
    }
    if url.uses >= RESPONSE_URL_USES {
        return Err(Refusal::new("used_url"));
    }
    url.uses += 1;
    let (user, channel, ts) = (url.user.clone(), url.channel.clone(), url.message_ts.clone());
    let index = state.messages.iter().position(|m| m.channel == channel && Some(&m.ts) == ts.as_ref());
    if args.flag("delete_original") {
        if let Some(index) = index {
            state.messages.remove(index);
        }
        return Ok(json!({}));
    }
    let (text, blocks) = required_content(args)?;
    match index.filter(|_| args.flag("replace_original")) {
        Some(index) => {
            let message = &mut state.messages[index];
            (message.text, message.blocks) = (text, blocks);
            message.edits += 1;
        }
        None => show(state, &user, &channel, args.text("response_type"), (text, blocks)),
    }
    Ok(json!({}))
}

/// Shows the immediate response to a command.
pub(crate) fn show_ack(
    state: &mut SlackState,
    user: &str,
    channel: &str,
    body: &Value,
) -> Result<(), Refusal> {
    let args = Args::from_json(body);
    let content = required_content(&args)?;
    show(state, user, channel, args.text("response_type"), content);
    Ok(())
}

fn show(
    state: &mut SlackState,
    user: &str,
    channel: &str,
    kind: Option<String>,
    (text, blocks): (String, Value),
) {
    if kind.as_deref() == Some("in_channel") {
        state.post(channel, text, blocks);
    } else {
        let (ts, user, channel) = (state.new_ts(), user.to_owned(), channel.to_owned());
        state.ephemerals.push(Ephemeral { ts, channel, user, text, blocks });
    }
}
