//! The Web API methods that post: `chat.postMessage`, `chat.update` and `chat.postEphemeral`, and the
//! answers that come by a `response_url`. They check texts, blocks and the bot's place in the channel.

use serde_json::{Value, json};

use super::{
    args::{Args, Refusal},
    blocks,
    state::{Conversation, Ephemeral, SlackState},
};

type Answer = Result<Value, Refusal>;

/// Longer texts of new messages are cut.
const LONGEST_TEXT: usize = 40_000;
/// Longer texts of updates and of messages for one person are refused.
const LONGEST_UPDATE: usize = 4000;
/// How often, and for how many milliseconds, a `response_url` works.
const RESPONSES: (u32, i64) = (5, 30 * 60 * 1000);

/// The text and the checked blocks of a call; blocks that are not given are `None`.
fn content(args: &Args) -> Result<(Option<String>, Option<Value>), Refusal> {
    let text = args.text("text");
    let Some(mut given) = args.json("blocks", "invalid_blocks_format")? else {
        return Ok((text, None));
    };
    if !given.is_array() {
        return Err(Refusal::new("invalid_blocks_format"));
    }
    blocks::check_message(&mut given)
        .map_err(|messages| Refusal::with_messages("invalid_blocks", &messages))?;
    let markdown = given.as_array().into_iter().flatten().filter(|block| block["type"] == "markdown");
    let markdown: usize =
        markdown.filter_map(|block| block["text"].as_str()).map(|t| t.chars().count()).sum();
    if markdown > 12_000 {
        return Err(Refusal::new("msg_blocks_too_long"));
    }
    Ok((text, Some(given)))
}

/// The content of a message that must show something.
fn some_content(args: &Args) -> Result<(String, Value), Refusal> {
    let (text, blocks) = content(args)?;
    let blocks = blocks.unwrap_or_else(|| json!([]));
    if text.is_none() && blocks.as_array().is_none_or(Vec::is_empty) {
        return Err(Refusal::new("no_text"));
    }
    Ok((text.unwrap_or_default(), blocks))
}

/// The metadata of a call: `None` if not given, an empty object if it is to be cleared.
fn metadata(args: &Args) -> Result<Option<Value>, Refusal> {
    let Some(given) = args.json("metadata", "invalid_metadata_format")? else { return Ok(None) };
    let map = given.as_object().ok_or_else(|| Refusal::new("invalid_metadata_format"))?;
    let typed = map.get("event_type").is_some_and(Value::is_string);
    let loaded = map.get("event_payload").is_some_and(Value::is_object);
    if map.is_empty() || (typed && loaded) {
        Ok(Some(given))
    } else {
        Err(Refusal::new("invalid_metadata_format"))
    }
}

impl SlackState {
    /// The conversation that the bot may post to under this id.
    fn postable(&self, id: &str) -> Result<Conversation, Refusal> {
        let found = self.conversation(id).ok_or_else(|| Refusal::new("channel_not_found"))?;
        if let Conversation::Channel(channel) = &found {
            if channel.is_private && !channel.bot_is_member {
                return Err(Refusal::new("channel_not_found"));
            }
            if channel.archived {
                return Err(Refusal::new("is_archived"));
            }
        }
        Ok(found)
    }

    /// The direct conversation with a user, if `id` is a user's.
    fn direct_by_user(&mut self, id: &str) -> Result<Option<String>, Refusal> {
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

pub(crate) fn post_message(world: &mut SlackState, args: &Args) -> Answer {
    world.need("chat:write")?;
    let id = args.required("channel")?;
    let (mut text, blocks) = some_content(args)?;
    let metadata = metadata(args)?;
    let id = world.direct_by_user(&id)?.unwrap_or(id);
    if let Conversation::Channel(channel) = world.postable(&id)?
        && !channel.bot_is_member
        && world.need("chat:write.public").is_err()
    {
        return Err(Refusal::new("not_in_channel"));
    }
    let thread_ts = args.text("thread_ts");
    if let Some(parent) = &thread_ts {
        let parent = world.message(&id, parent);
        if parent.is_none_or(|parent| parent.thread_ts.as_ref().is_some_and(|ts| *ts != parent.ts)) {
            return Err(Refusal::new("cannot_reply_to_message"));
        }
    }
    if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
        text.truncate(end);
    }
    let message = world.post(&id, text, blocks);
    message.thread_ts = thread_ts;
    message.metadata = metadata.filter(|metadata| metadata.get("event_type").is_some());
    let message = message.clone();
    Ok(json!({ "channel": id, "ts": message.ts, "message": world.message_json(&message, true) }))
}

pub(crate) fn update(world: &mut SlackState, args: &Args) -> Answer {
    world.need("chat:write")?;
    let id = args.required("channel")?;
    let ts = args.required("ts")?;
    let (text, blocks) = content(args)?;
    let metadata = metadata(args)?;
    if text.is_none() && blocks.is_none() && metadata.is_none() {
        return Err(Refusal::new("no_text"));
    }
    if text.as_ref().is_some_and(|text| text.chars().count() > LONGEST_UPDATE) {
        return Err(Refusal::new("msg_too_long"));
    }
    world.postable(&id).map_err(|refusal| match refusal.code.as_str() {
        "is_archived" => Refusal::new("is_inactive"),
        _ => refusal,
    })?;
    let own = world.setup.bot_id.clone();
    let message = world.messages.iter_mut().find(|message| message.channel == id && message.ts == ts);
    let message = message.ok_or_else(|| Refusal::new("message_not_found"))?;
    if message.bot_id.as_ref() != Some(&own) {
        return Err(Refusal::new("cant_update_message"));
    }
    let empty = |blocks: &Value| blocks.as_array().is_none_or(Vec::is_empty);
    if text.is_none() && blocks.as_ref().is_some_and(empty) {
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
    let written = world.message_json(&message, true);
    Ok(json!({ "channel": id, "ts": ts, "text": message.text, "message": written }))
}

pub(crate) fn post_ephemeral(world: &mut SlackState, args: &Args) -> Answer {
    world.need("chat:write")?;
    let id = args.required("channel")?;
    let user = args.required("user")?;
    let (text, blocks) = some_content(args)?;
    if text.chars().count() > LONGEST_UPDATE {
        return Err(Refusal::new("msg_too_long"));
    }
    let id = world.direct_by_user(&id)?.unwrap_or(id);
    let present = match world.postable(&id)? {
        Conversation::Channel(channel) if !channel.bot_is_member => {
            return Err(Refusal::new("not_in_channel"));
        }
        Conversation::Channel(channel) => channel.members.contains(&user),
        Conversation::Direct { user: other, .. } => other == user,
    };
    if !present {
        return Err(Refusal::new("user_not_in_channel"));
    }
    let ts = world.new_ts();
    world.ephemerals.push(Ephemeral { ts: ts.clone(), channel: id, user, text, blocks });
    Ok(json!({ "message_ts": ts }))
}

/// An answer by `response_url`: for the person who acted, unless it says `in_channel`. It needs no token,
/// no scope and no place in the channel.
pub(crate) fn respond(world: &mut SlackState, id: &str, args: &Args) -> Answer {
    let now = world.clock.millis();
    let url = world.response_urls.get_mut(id).ok_or_else(|| Refusal::new("no_such_url"))?;
    if now - url.issued > RESPONSES.1 {
        return Err(Refusal::new("expired_url"));
    }
    if url.uses >= RESPONSES.0 {
        return Err(Refusal::new("used_url"));
    }
    url.uses += 1;
    let (user, channel, ts) = (url.user.clone(), url.channel.clone(), url.message_ts.clone());
    let place = world.messages.iter().position(|m| m.channel == channel && Some(&m.ts) == ts.as_ref());
    if args.flag("delete_original") {
        if let Some(place) = place {
            world.messages.remove(place);
        }
        return Ok(json!({}));
    }
    let (text, blocks) = some_content(args)?;
    match place.filter(|_| args.flag("replace_original")) {
        Some(place) => {
            let message = &mut world.messages[place];
            (message.text, message.blocks) = (text, blocks);
            message.edits += 1;
        }
        None => show(world, &user, &channel, args.text("response_type"), (text, blocks)),
    }
    Ok(json!({}))
}

/// Shows a command's immediate answer, which is JSON or plain text.
pub(crate) fn show_ack(
    world: &mut SlackState,
    user: &str,
    channel: &str,
    body: &Value,
) -> Result<(), Refusal> {
    let args = Args::from_json(body);
    let content = some_content(&args)?;
    show(world, user, channel, args.text("response_type"), content);
    Ok(())
}

fn show(
    world: &mut SlackState,
    user: &str,
    channel: &str,
    kind: Option<String>,
    (text, blocks): (String, Value),
) {
    if kind.as_deref() == Some("in_channel") {
        world.post(channel, text, blocks);
    } else {
        let (ts, user, channel) = (world.new_ts(), user.to_owned(), channel.to_owned());
        world.ephemerals.push(Ephemeral { ts, channel, user, text, blocks });
    }
}
