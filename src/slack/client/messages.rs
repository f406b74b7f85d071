//! What is shown in Slack: modals, messages and answers to a command, and the search for a message whose posting
//! had no certain outcome. Each message of a request carries the request's id and a part name as its metadata,
//! which no text could stand for: Slack may hand a text back changed.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use slack_morphism::blocks::{SlackBlock, SlackView};
use url::{Host, Url};

use super::{Client, OutgoingCall, reads::Paging};
use crate::{
    domain::people::{ChannelId, RequestId, UserId},
    slack::{error::Error, messages::Message},
};

/// The type under which the bot's messages carry their metadata.
const EVENT_TYPE: &str = "marketo_api_user";
/// How much earlier than its posting a message is looked for, since two clocks are compared.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// How many messages a page of the history holds.
const HISTORY_PER_PAGE: usize = 200;
/// How many pages of the history are read.
const HISTORY_PAGES: usize = 5;

/// A modal that is open: part of the answer of `views.open` and `views.update`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OpenedView {
    /// Its id.
    pub id: String,
    /// The mark of its present content, by which an update of something newer is refused.
    pub hash: Option<String>,
}

/// Which message of a request this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageKey {
    /// The request.
    pub request: RequestId,
    /// The name of the message among those of the request.
    #[serde(rename = "part")]
    pub name: String,
}

/// A message that is posted: part of the answer of `chat.postMessage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Where; the conversation's own id, even when it was posted to a person.
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

/// An answer of which nothing is read.
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
    fn is(&self, part: &MessageKey) -> bool {
        let payload = self.metadata.get("event_payload");
        let has = |key: &str, value: &str| {
            payload.and_then(|payload| payload.get(key)).and_then(Value::as_str) == Some(value)
        };
        self.metadata.get("event_type").and_then(Value::as_str) == Some(EVENT_TYPE)
            && has("request", part.request.as_str())
            && has("part", &part.name)
    }
}

impl Client {
    /// Opens `view` (`views.open`). The trigger works once, within 3 s of the person's act.
    ///
    /// # Errors
    /// When the call does not work.
    pub async fn open_view(&self, trigger_id: &str, view: &SlackView) -> Result<OpenedView, Error> {
        let body = ViewRequest { trigger_id: Some(trigger_id), view_id: None, hash: None, view };
        let ViewResponse { view } = self.post_json("views.open", &body).await?;
        Ok(view)
    }

    /// Puts `view` on top of the modal in which the person acted (`views.push`). The trigger works as for
    /// [`Client::open_view`].
    ///
    /// # Errors
    /// When the call does not work.
    pub async fn push_view(&self, trigger_id: &str, view: &SlackView) -> Result<OpenedView, Error> {
        let body = ViewRequest { trigger_id: Some(trigger_id), view_id: None, hash: None, view };
        let ViewResponse { view } = self.post_json("views.push", &body).await?;
        Ok(view)
    }

    /// Shows `view` in place of what the open modal `id` shows (`views.update`).
    ///
    /// # Errors
    /// When the call does not work; a modal that is newer than `hash` is refused with `hash_conflict`.
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
    /// When the call does not work. After [`Class::Unknown`](crate::slack::error::Class::Unknown) the message may stand there:
    /// look for it with [`Client::find_posted`] or [`Client::find_reply`] before posting again.
    pub async fn post(
        &self,
        channel: &str,
        message: &Message,
        part: &MessageKey,
        thread_ts: Option<&str>,
    ) -> Result<Posted, Error> {
        let body = PostMessageBody {
            channel: Some(channel),
            thread_ts,
            metadata: Some(Metadata { event_type: EVENT_TYPE, event_payload: part }),
            unfurl_links: Some(false),
            unfurl_media: Some(false),
            ..PostMessageBody::of(message)
        };
        self.post_json("chat.postMessage", &body).await
    }

    /// Shows `message` in place of a posted one (`chat.update`). Its metadata stays, as none is sent.
    ///
    /// # Errors
    /// When the call does not work.
    pub async fn update(&self, channel: &ChannelId, ts: &str, message: &Message) -> Result<(), Error> {
        // Without `parse` this method would look for links and names in the text, unlike the one that posts.
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
    /// When the call does not work.
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

    /// Answers a command or a press for the person's eyes only, by the `response_url` that came with it.
    ///
    /// # Errors
    /// When the call does not work, or the address is not Slack's: then nothing is sent.
    pub async fn respond(&self, response_url: &str, message: &Message) -> Result<(), Error> {
        const METHOD: &str = "response_url";
        let url = self.answerable(response_url).ok_or_else(|| Error::refused(METHOD, "foreign_host"))?;
        let body = PostMessageBody {
            response_type: Some("ephemeral"),
            replace_original: Some(false),
            ..PostMessageBody::of(message)
        };
        let body = serde_json::to_value(&body).map_err(|_| Error::refused(METHOD, "not_sent"))?;
        // A response_url answers `ok` as plain text, so the status alone counts.
        self.counted(METHOD, self.send(METHOD, &OutgoingCall::Respond(url, body))).await.map(|_| ())
    }

    /// The address if it is Slack's or lies at the very origin of the Web API.
    pub(super) fn answerable(&self, response_url: &str) -> Option<Url> {
        let url = Url::parse(response_url).ok()?;
        let is_bare = url.username().is_empty() && url.password().is_none();
        let is_slacks = match url.host() {
            Some(Host::Domain(host)) => {
                let is_in = |domain| {
                    host.strip_suffix(domain).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'))
                };
                url.scheme() == "https"
                    && url.port().is_none()
                    && (is_in("slack.com") || is_in("slack-gov.com"))
            }
            _ => false,
        };
        let api = Url::parse(&self.0.api_url).ok()?;
        (is_bare && (is_slacks || url.origin() == api.origin())).then_some(url)
    }

    /// The conversation between the bot and `user` (`conversations.open`).
    ///
    /// # Errors
    /// When the call does not work.
    pub async fn open_dm(&self, user: &UserId) -> Result<ChannelId, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            users: &'a str,
        }
        #[derive(Deserialize)]
        struct Answer {
            channel: Opened,
        }
        #[derive(Deserialize)]
        struct Opened {
            id: ChannelId,
        }
        let answer: Answer = self.post_json("conversations.open", &Ask { users: user.as_str() }).await?;
        Ok(answer.channel.id)
    }

    /// The message that is this part of its request, if it stands in `channel` since `since`
    /// (`conversations.history`). Replies in threads are not in a channel's history: see [`Client::find_reply`].
    ///
    /// # Errors
    /// When a call does not work, or there are too many messages to be sure of a "no".
    pub async fn find_posted(
        &self,
        channel: &ChannelId,
        since: Timestamp,
        part: &MessageKey,
    ) -> Result<Option<Posted>, Error> {
        self.find("conversations.history", channel, None, since, part).await
    }

    /// The reply in the thread of `thread_ts` that is this part of its request (`conversations.replies`).
    ///
    /// # Errors
    /// As for [`Client::find_posted`].
    pub async fn find_reply(
        &self,
        channel: &ChannelId,
        thread_ts: &str,
        since: Timestamp,
        part: &MessageKey,
    ) -> Result<Option<Posted>, Error> {
        self.find("conversations.replies", channel, Some(thread_ts), since, part).await
    }

    async fn find(
        &self,
        method: &'static str,
        channel: &ChannelId,
        thread_ts: Option<&str>,
        since: Timestamp,
        part: &MessageKey,
    ) -> Result<Option<Posted>, Error> {
        let oldest = since.checked_sub(SKEW).unwrap_or(since).as_second();
        let mut cursor = None;
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
            if let Some(found) = page.messages.into_iter().find(|found| found.is(part)) {
                return Ok(Some(Posted { channel: channel.clone(), ts: found.ts }));
            }
            cursor = page.response_metadata.and_then(Paging::next);
            if cursor.is_none() {
                return Ok(None);
            }
        }
        // "Not found" would be taken as leave to post once more.
        Err(Error::refused(method, "too_many_messages"))
    }
}

impl<'a> PostMessageBody<'a> {
    fn of(message: &'a Message) -> Self {
        Self { text: &message.text, blocks: &message.blocks, ..Self::default() }
    }
}
