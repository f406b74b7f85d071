//! What is asked of Slack about people, groups and channels. A list that is too long to be read to its end is an
//! error, not a shorter list: a missing name would pass for a "no".

use serde::{Deserialize, Serialize};
use url::Url;

use super::Client;
use crate::{
    domain::{
        expiration::Zone,
        people::{ChannelId, GroupId, UserId},
    },
    slack::error::Error,
};

/// How many members a page of a channel holds; Slack allows 1000 and advises less.
const MEMBERS_PER_PAGE: usize = 500;
/// How many pages are read: ten thousand members.
const MEMBER_PAGES: usize = 20;

/// Whom the token belongs to: the answer of `auth.test`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The workspace.
    pub team_id: String,
    /// The bot's own user.
    pub user_id: UserId,
    /// The bot.
    pub bot_id: Option<String>,
    /// The app, where Slack tells.
    pub app_id: Option<String>,
}

/// What matters of a person: the answer of `users.info`, without name and address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Their time zone.
    pub zone: Zone,
    /// Whether it is no person.
    pub is_bot: bool,
    /// Whether the account is deactivated.
    pub is_deleted: bool,
    /// Whether it is a guest, of one channel or of several.
    pub is_guest: bool,
    /// Whether it is somebody of another organisation, seen in a shared channel only.
    pub is_stranger: bool,
    /// Their workspace.
    pub team_id: Option<String>,
}

/// What matters of a channel: the answer of `conversations.info`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ChannelInfo {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Whether the bot is in it.
    pub is_member: bool,
    /// Whether it is archived.
    pub is_archived: bool,
    /// Whether it is private.
    pub is_private: bool,
}

/// The field `user` of `users.info`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    id: String,
    team_id: Option<String>,
    deleted: bool,
    is_bot: bool,
    is_restricted: bool,
    is_ultra_restricted: bool,
    is_stranger: bool,
    tz: Option<String>,
    tz_offset: Option<i32>,
}

/// The field `response_metadata` of every method that answers in pages.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Paging {
    next_cursor: Option<String>,
}

impl Paging {
    /// The cursor of the next page, if there is one.
    pub(super) fn next(self) -> Option<String> {
        self.next_cursor.filter(|cursor| !cursor.is_empty())
    }
}

impl Client {
    /// Whom the token belongs to (`auth.test`).
    ///
    /// # Errors
    /// When the call does not work.
    pub async fn auth_test(&self) -> Result<Identity, Error> {
        self.get("auth.test", Vec::new()).await
    }

    /// What matters of `user` (`users.info`).
    ///
    /// # Errors
    /// When the call does not work.
    pub async fn user(&self, user: &UserId) -> Result<Profile, Error> {
        #[derive(Deserialize)]
        struct Answer {
            user: User,
        }
        let query = vec![("user", Some(user.0.clone()))];
        let Answer { user } = self.get("users.info", query).await?;
        Ok(Profile {
            zone: Zone::from_parts(user.tz.as_deref(), user.tz_offset),
            // Slackbot does not call itself a bot.
            is_bot: user.is_bot || user.id == "USLACKBOT",
            is_deleted: user.deleted,
            is_guest: user.is_restricted || user.is_ultra_restricted,
            is_stranger: user.is_stranger,
            team_id: user.team_id,
        })
    }

    /// Who is in `group` (`usergroups.users.list`).
    ///
    /// # Errors
    /// When the call does not work; a group that does not exist is refused with `no_such_subteam`.
    pub async fn group_members(&self, group: &GroupId) -> Result<Vec<UserId>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            users: Vec<UserId>,
        }
        let query = vec![("usergroup", Some(group.0.clone()))];
        let Answer { users } = self.get("usergroups.users.list", query).await?;
        Ok(users)
    }

    /// Who is in `channel` (`conversations.members`), page by page.
    ///
    /// # Errors
    /// When a call does not work, or the channel has too many members to be read to the end.
    pub async fn channel_members(&self, channel: &ChannelId) -> Result<Vec<UserId>, Error> {
        const METHOD: &str = "conversations.members";
        #[derive(Deserialize)]
        struct Answer {
            members: Vec<UserId>,
            #[serde(default)]
            response_metadata: Paging,
        }
        let (mut members, mut cursor) = (Vec::new(), None);
        for _ in 0..MEMBER_PAGES {
            let query = vec![
                ("channel", Some(channel.0.clone())),
                ("limit", Some(MEMBERS_PER_PAGE.to_string())),
                ("cursor", cursor),
            ];
            let page: Answer = self.get(METHOD, query).await?;
            members.extend(page.members);
            cursor = page.response_metadata.next();
            if cursor.is_none() {
                return Ok(members);
            }
        }
        Err(Error::refused(METHOD, "too_many_members"))
    }

    /// What matters of `channel` (`conversations.info`).
    ///
    /// # Errors
    /// When the call does not work.
    pub async fn channel(&self, channel: &ChannelId) -> Result<ChannelInfo, Error> {
        #[derive(Deserialize)]
        struct Answer {
            channel: ChannelInfo,
        }
        let query = vec![("channel", Some(channel.0.clone()))];
        let Answer { channel } = self.get("conversations.info", query).await?;
        Ok(channel)
    }

    /// The address under which a message can be opened (`chat.getPermalink`). It needs no scope.
    ///
    /// # Errors
    /// When the call does not work; a message that is gone is refused with `message_not_found`.
    pub async fn permalink(&self, channel: &ChannelId, ts: &str) -> Result<Url, Error> {
        const METHOD: &str = "chat.getPermalink";
        #[derive(Deserialize)]
        struct Answer {
            permalink: String,
        }
        let query = vec![("channel", Some(channel.0.clone())), ("message_ts", Some(ts.to_owned()))];
        let Answer { permalink } = self.get(METHOD, query).await?;
        let url = Url::parse(&permalink).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        url.ok_or_else(|| Error::unreadable(METHOD))
    }
}
