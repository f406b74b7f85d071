//! Calls that read people, groups and channels. A list that is too long to be read to its end is an error, not a shorter
//! list: a missing name would be taken for a non-member.

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

/// How many members a page has; Slack allows 1000 and recommends fewer.
const MEMBERS_PER_PAGE: usize = 500;
/// How many pages are read: ten thousand members.
const MEMBER_PAGES: usize = 20;

/// The owner of the token: the response of `auth.test`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The workspace.
    pub team_id: String,
    /// The bot's own user.
    pub user_id: UserId,
    /// The bot.
    pub bot_id: Option<String>,
    /// The app, if Slack names it.
    pub app_id: Option<String>,
    /// The Enterprise organization of the workspace, if it belongs to one.
    pub enterprise_id: Option<String>,
}

/// A person, without name and email: part of the response of `users.info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Their time zone.
    pub zone: Zone,
    /// Whether it is a bot.
    pub is_bot: bool,
    /// Whether the account is deactivated.
    pub is_deleted: bool,
    /// Whether it is a single-channel or multi-channel guest.
    pub is_guest: bool,
    /// Whether it is a member of another organization, visible in a shared channel only.
    pub is_stranger: bool,
    /// Their home workspace.
    pub team_id: Option<String>,
    /// All their workspaces in an Enterprise organization.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Their Enterprise organization.
    #[serde(default)]
    pub organization_id: Option<String>,
    /// Their id in that organization, or in this workspace: they have both.
    #[serde(default)]
    pub other_id: Option<UserId>,
    /// Whether the second id was looked for. Earlier versions, which stored profiles, did not.
    #[serde(default)]
    pub has_ids: bool,
}

/// A channel: part of the response of `conversations.info`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ChannelInfo {
    /// The name; direct messages have none.
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
    enterprise_user: Option<EnterpriseUser>,
}

/// The field `enterprise_user` of a person in an Enterprise organization.
#[derive(Default, Deserialize)]
#[serde(default)]
struct EnterpriseUser {
    id: Option<UserId>,
    enterprise_id: Option<String>,
    teams: Option<Vec<String>>,
}

/// The field `response_metadata` of methods with paging.
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
    /// The owner of the token (`auth.test`).
    ///
    /// # Errors
    /// When the call fails.
    pub async fn auth_test(&self) -> Result<Identity, Error> {
        self.get("auth.test", Vec::new()).await
    }

    /// Reads a person (`users.info`).
    ///
    /// # Errors
    /// When the call fails.
    pub async fn user(&self, asked: &UserId) -> Result<Profile, Error> {
        #[derive(Deserialize)]
        struct Response {
            user: User,
        }
        let query = vec![("user", Some(asked.0.clone()))];
        let Response { user } = self.get("users.info", query).await?;
        let enterprise = user.enterprise_user.unwrap_or_default();
        // Asked by one id, Slack may answer with the other.
        let ids = [enterprise.id, Some(UserId(user.id.clone()))];
        let other_id = ids.into_iter().flatten().find(|id| id != asked && !id.as_str().is_empty());
        Ok(Profile {
            zone: Zone::from_parts(user.tz.as_deref(), user.tz_offset),
            // Slackbot does not call itself a bot.
            is_bot: user.is_bot || user.id == "USLACKBOT",
            is_deleted: user.deleted,
            is_guest: user.is_restricted || user.is_ultra_restricted,
            is_stranger: user.is_stranger,
            team_id: user.team_id,
            teams: enterprise.teams.unwrap_or_default(),
            organization_id: enterprise.enterprise_id,
            other_id,
            has_ids: true,
        })
    }

    /// The members of `group` (`usergroups.users.list`).
    ///
    /// # Errors
    /// When the call fails. If the group does not exist, the code is `no_such_subteam`.
    pub async fn group_members(&self, group: &GroupId) -> Result<Vec<UserId>, Error> {
        #[derive(Deserialize)]
        struct Response {
            users: Vec<UserId>,
        }
        let query = vec![("usergroup", Some(group.0.clone()))];
        let Response { users } = self.get("usergroups.users.list", query).await?;
        Ok(users)
    }

    /// The members of `channel` (`conversations.members`), at most ten thousand.
    ///
    /// # Errors
    /// When a call fails, or the channel has too many members (`too_many_members`).
    pub async fn channel_members(&self, channel: &ChannelId) -> Result<Vec<UserId>, Error> {
        const METHOD: &str = "conversations.members";
        #[derive(Deserialize)]
        struct Response {
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
            let page: Response = self.get(METHOD, query).await?;
            members.extend(page.members);
            cursor = page.response_metadata.next();
            if cursor.is_none() {
                return Ok(members);
            }
        }
        Err(Error::refused(METHOD, "too_many_members"))
    }

    /// Reads a channel (`conversations.info`).
    ///
    /// # Errors
    /// When the call fails.
    pub async fn channel(&self, channel: &ChannelId) -> Result<ChannelInfo, Error> {
        #[derive(Deserialize)]
        struct Response {
            channel: ChannelInfo,
        }
        let query = vec![("channel", Some(channel.0.clone()))];
        let Response { channel } = self.get("conversations.info", query).await?;
        Ok(channel)
    }

    /// The URL that opens a message (`chat.getPermalink`). It needs no scope.
    ///
    /// # Errors
    /// When the call fails. If the message is gone, the code is `message_not_found`.
    pub async fn permalink(&self, channel: &ChannelId, ts: &str) -> Result<Url, Error> {
        const METHOD: &str = "chat.getPermalink";
        #[derive(Deserialize)]
        struct Response {
            permalink: String,
        }
        let query = vec![("channel", Some(channel.0.clone())), ("message_ts", Some(ts.to_owned()))];
        let Response { permalink } = self.get(METHOD, query).await?;
        let url = Url::parse(&permalink).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        url.ok_or_else(|| Error::unreadable(METHOD))
    }
}
