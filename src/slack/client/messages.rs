//! Calls that show modals and messages, and the search for a message whose posting had an unknown outcome. Each message
//! carries its [`MessageKey`] as metadata, by which it is found: Slack may return a text that differs from the one sent.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use slack_morphism::blocks::{SlackBlock, SlackView};
use url::{Host, Url};

use super::{Client, OutgoingCall, message_key::MessageKey, rate_limits::Scope, reads::Paging};
use crate::{
    domain::people::{ChannelId, UserId},
    slack::{error::Error, messages::Message},
};

/// The event type of the metadata of the bot's messages.
const EVENT_TYPE: &str = "marketo_api_user";
/// How far before its posting the search for a message starts, since Slack's clock may differ.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// How many messages a page of the history has.
const HISTORY_PER_PAGE: usize = 200;
/// How many pages of the history are read.
const HISTORY_PAGES: usize = 5;

/// A modal that is open: part of the answer of `views.open` and `views.update`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OpenedView {
    /// The id.
    pub id: String,
    /// Identifies the present content; an update with an older hash is refused.
    pub hash: Option<String>,
}

/// A message that is posted: part of the answer of `chat.postMessage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// The conversation's own id, even if the message was posted to a user id.
    pub channel: ChannelId,
    /// The message's id within the conversation.
    pub ts: String,
}

/// The request of `chat.postMessage`, `chat.update`, `chat.postEphemeral` and of a `response_url`.
#[derive(Default, Serialize)]
struct PostMessageBody<'a> {
    text: &'a str,
    blocks: &'a [SlackBlock],
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unfurl_links: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unfurl_media: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parse: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replace_original: Option<bool>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    event_type: &'a str,
    event_payload: &'a MessageKey,
}

/// The request of `views.open` and `views.update`.
#[derive(Serialize)]
struct ViewRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    view_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<&'a str>,
    view: &'a SlackView,
}

#[derive(Deserialize)]
struct ViewResponse {
    view: OpenedView,
}

/// A response of which nothing is read.
#[derive(Deserialize)]
struct EmptyResponse {}

/// A page of `conversations.history` or `conversations.replies`.
#[derive(Deserialize)]
struct Page {
    messages: Vec<FoundMessage>,
    #[serde(default)]
    response_metadata: Option<Paging>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FoundMessage {
    ts: String,
    metadata: Value,
}

impl FoundMessage {
    fn has_key(&self, key: &MessageKey) -> bool {
        let payload = self.metadata.get("event_payload");
        let has = |field: &str, value: &str| {
            payload.and_then(|payload| payload.get(field)).and_then(Value::as_str) == Some(value)
        };
        self.metadata.get("event_type").and_then(Value::as_str) == Some(EVENT_TYPE)
            && has("request", key.request.as_str())
            && has("part", &key.name)
    }
}

impl Client {
    /// Opens `view` (`views.open`). The trigger works once, within 3 s of the person's action.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn open_view(&self, trigger_id: &str, view: &SlackView) -> Result<OpenedView, Error> {
        let body = ViewRequest { trigger_id: Some(trigger_id), view_id: None, hash: None, view };
        let ViewResponse { view } = self.post_json("views.open", &body).await?;
        Ok(view)
    }

    /// Pushes `view` on top of the modal that the person used (`views.push`). The trigger works as for
    /// [`Client::open_view`].
    ///
    /// # Errors
    /// When the call fails.
    pub async fn push_view(&self, trigger_id: &str, view: &SlackView) -> Result<OpenedView, Error> {
        let body = ViewRequest { trigger_id: Some(trigger_id), view_id: None, hash: None, view };
        let ViewResponse { view } = self.post_json("views.push", &body).await?;
        Ok(view)
    }

    /// Replaces the content of the open modal `id` (`views.update`).
    ///
    /// # Errors
    /// When the call fails. If the content is newer than `hash`, the code is `hash_conflict`.
    pub async fn update_view(
        &self,
        id: &str,
        hash: Option<&str>,
        view: &SlackView,
    ) -> Result<OpenedView, Error> {
        let body = ViewRequest { trigger_id: None, view_id: Some(id), hash, view };
        let ViewResponse { view } = self.post_json("views.update", &body).await?;
        Ok(view)
    }

    /// Posts `message` (`chat.postMessage`) to a conversation, or to a person as a direct message.
    ///
    /// # Errors
    /// When the call fails. After [`Class::Unknown`](crate::slack::error::Class::Unknown) the message may have been posted:
    /// search for it with [`Client::find_posted`] or [`Client::find_reply`] before posting again.
    pub async fn post(
        &self,
        channel: &str,
        message: &Message,
        key: &MessageKey,
        thread_ts: Option<&str>,
    ) -> Result<Posted, Error> {
        let body = PostMessageBody {
            channel: Some(channel),
            thread_ts,
            metadata: Some(Metadata { event_type: EVENT_TYPE, event_payload: key }),
            unfurl_links: Some(false),
            unfurl_media: Some(false),
            ..PostMessageBody::of(message)
        };
        self.post_json_within("chat.postMessage", Scope::Conversation(channel, key), &body).await
    }

    /// Replaces a posted message (`chat.update`). Its metadata stays, since none is sent.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn update(&self, channel: &ChannelId, ts: &str, message: &Message) -> Result<(), Error> {
        // Without `parse` this method, unlike `chat.postMessage`, would turn names in the text into links.
        let body = PostMessageBody {
            channel: Some(channel.as_str()),
            ts: Some(ts),
            parse: Some("none"),
            ..PostMessageBody::of(message)
        };
        let EmptyResponse {} = self.post_json("chat.update", &body).await?;
        Ok(())
    }

    /// Shows `message` to one person in a conversation (`chat.postEphemeral`).
    ///
    /// # Errors
    /// When the call fails.
    pub async fn post_ephemeral(
        &self,
        channel: &ChannelId,
        user: &UserId,
        message: &Message,
    ) -> Result<(), Error> {
        let body = PostMessageBody {
            channel: Some(channel.as_str()),
            user: Some(user.as_str()),
            ..PostMessageBody::of(message)
        };
        let EmptyResponse {} = self.post_json("chat.postEphemeral", &body).await?;
        Ok(())
    }

    /// Answers a command or an action with an ephemeral message, by the `response_url` that came with it.
    ///
    /// # Errors
    /// When the call fails. If the host of the URL is not Slack's, nothing is sent and the code is `foreign_host`.
    pub async fn respond(&self, response_url: &str, message: &Message) -> Result<(), Error> {
        const METHOD: &str = "response_url";
        let url =
            self.allowed_response_url(response_url).ok_or_else(|| Error::refused(METHOD, "foreign_host"))?;
        let body = PostMessageBody {
            response_type: Some("ephemeral"),
            replace_original: Some(false),
            ..PostMessageBody::of(message)
        };
        let body = serde_json::to_value(&body).map_err(|_| Error::refused(METHOD, "not_sent"))?;
        // The response is `ok` as plain text, so only the status matters.
        self.measured(METHOD, Scope::Method(METHOD), self.send(METHOD, &OutgoingCall::Respond(url, body)))
            .await
            .map(|_| ())
    }

    /// The parsed URL if its host is Slack's, or if it has the origin of the Web API.
    pub(super) fn allowed_response_url(&self, response_url: &str) -> Option<Url> {
        let url = Url::parse(response_url).ok()?;
        let has_no_credentials = url.username().is_empty() && url.password().is_none();
        let is_slacks = match url.host() {
            Some(Host::Domain(host)) => {
                let is_within = |domain| {
                    host.strip_suffix(domain).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'))
                };
                url.scheme() == "https"
                    && url.port().is_none()
                    && (is_within("slack.com") || is_within("slack-gov.com"))
            }
            _ => false,
        };
        let api = Url::parse(&self.0.api_url).ok()?;
        (has_no_credentials && (is_slacks || url.origin() == api.origin())).then_some(url)
    }

    /// Posts a message that is never changed or looked for (`chat.postMessage`).
    ///
    /// # Errors
    /// When the call fails.
    pub(super) async fn post_once(&self, channel: &ChannelId, message: &Message) -> Result<(), Error> {
        let body = PostMessageBody { channel: Some(channel.as_str()), ..PostMessageBody::of(message) };
        let EmptyResponse {} = self.post_json("chat.postMessage", &body).await?;
        Ok(())
    }

    /// The conversation between the bot and `user` (`conversations.open`).
    ///
    /// # Errors
    /// When the call fails.
    pub async fn open_dm(&self, user: &UserId) -> Result<ChannelId, Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            users: &'a str,
        }
        #[derive(Deserialize)]
        struct Response {
            channel: Opened,
        }
        #[derive(Deserialize)]
        struct Opened {
            id: ChannelId,
        }
        let response: Response = self.post_json("conversations.open", &Body { users: user.as_str() }).await?;
        Ok(response.channel.id)
    }

    /// All messages with this key that were posted to `channel` after `since` (`conversations.history`). The history has no
    /// replies in threads: see [`Client::find_reply`].
    ///
    /// # Errors
    /// When a call fails, or none was found and there are too many messages to be sure (`too_many_messages`).
    pub async fn find_posted(
        &self,
        channel: &ChannelId,
        since: Timestamp,
        key: &MessageKey,
    ) -> Result<Vec<Posted>, Error> {
        self.find("conversations.history", channel, None, since, key).await
    }

    /// All replies with this key in the thread of `thread_ts` (`conversations.replies`).
    ///
    /// # Errors
    /// As for [`Client::find_posted`].
    pub async fn find_reply(
        &self,
        channel: &ChannelId,
        thread_ts: &str,
        since: Timestamp,
        key: &MessageKey,
    ) -> Result<Vec<Posted>, Error> {
        self.find("conversations.replies", channel, Some(thread_ts), since, key).await
    }

    async fn find(
        &self,
        method: &'static str,
        channel: &ChannelId,
        thread_ts: Option<&str>,
        since: Timestamp,
        key: &MessageKey,
    ) -> Result<Vec<Posted>, Error> {
        let oldest = since.checked_sub(SKEW).unwrap_or(since).as_second();
        let (mut cursor, mut found) = (None, Vec::new());
        for _ in 0..HISTORY_PAGES {
            let query = vec![
                ("channel", Some(channel.0.clone())),
                ("ts", thread_ts.map(str::to_owned)),
                ("oldest", Some(oldest.to_string())),
                ("include_all_metadata", Some("true".to_owned())),
                ("limit", Some(HISTORY_PER_PAGE.to_string())),
                ("cursor", cursor),
            ];
            let page: Page = self.get(method, query).await?;
            let matching = page.messages.into_iter().filter(|message| message.has_key(key));
            found.extend(matching.map(|message| Posted { channel: channel.clone(), ts: message.ts }));
            cursor = page.response_metadata.and_then(Paging::next);
            if cursor.is_none() {
                return Ok(found);
            }
        }
        // After "not found" the caller would post again.
        if found.is_empty() { Err(Error::refused(method, "too_many_messages")) } else { Ok(found) }
    }
}

impl<'a> PostMessageBody<'a> {
    fn of(message: &'a Message) -> Self {
        Self { text: &message.text, blocks: &message.blocks, ..Self::default() }
    }
}
