//! The Web API methods that read users, groups and conversations: `auth.test`, `users.*`, `usergroups.*` and
//! `conversations.*`. Only `conversations.open` changes anything.

use serde_json::{Value, json};

use super::{
    args::{Args, Refusal},
    setup::{SimChannel, SimUser},
    state::{Conversation, SlackState},
};

type MethodResult = Result<Value, Refusal>;

impl SlackState {
    /// Refuses the call unless the token has `scope`.
    pub(crate) fn require_scope(&self, scope: &str) -> Result<(), Refusal> {
        let granted = &self.setup.scopes;
        if granted.iter().any(|granted| granted == scope) {
            return Ok(());
        }
        Err(Refusal::missing_scope(scope, granted))
    }

    /// The conversation of a call, if the token has the scope `channels:ACCESS`, `groups:ACCESS` or `im:ACCESS`.
    pub(super) fn readable(&self, args: &Args, access: &str) -> Result<Conversation, Refusal> {
        let id = args.required("channel")?;
        let conversation = self.conversation(&id);
        match &conversation {
            Some(Conversation::Channel(channel)) if channel.is_private => {
                self.require_scope(&format!("groups:{access}"))?;
                if !channel.bot_is_member {
                    return Err(Refusal::new("channel_not_found"));
                }
            }
            Some(Conversation::Channel(_)) => self.require_scope(&format!("channels:{access}"))?,
            Some(Conversation::Direct { .. }) => self.require_scope(&format!("im:{access}"))?,
            None => {}
        }
        conversation.ok_or_else(|| Refusal::new("channel_not_found"))
    }
}

pub(crate) fn auth_test(state: &mut SlackState, _args: &Args) -> MethodResult {
    let setup = &state.setup;
    let bot = state.user(&setup.bot_user_id).map_or("bot", |user| user.name.as_str());
    Ok(json!({
        "url": format!("https://{}.slack.com/", setup.team_name),
        "team": setup.team_name,
        "user": bot,
        "team_id": setup.team_id,
        "user_id": setup.bot_user_id,
        "bot_id": setup.bot_id,
        "is_enterprise_install": false,
        "enterprise_id": setup.enterprise_id,
    }))
}

pub(crate) fn users_info(state: &mut SlackState, args: &Args) -> MethodResult {
    state.require_scope("users:read")?;
    let id = args.required("user")?;
    let user = state.user(&id).ok_or_else(|| Refusal::new("user_not_found"))?;
    Ok(json!({ "user": user_json(state, user) }))
}

fn user_json(state: &SlackState, user: &SimUser) -> Value {
    let mut json = json!({
        "id": user.id,
        "team_id": state.team_of(&user.id),
        "name": user.name,
        "deleted": user.deleted,
        "real_name": user.real_name,
        "profile": {
            "real_name": user.real_name,
            "display_name": user.name,
            "team": state.team_of(&user.id),
        },
        "is_bot": user.is_bot,
        "is_app_user": false,
        "updated": 1_700_000_000,
    });
    if let Some(enterprise) = &user.enterprise {
        json["enterprise_user"] = json!({
            "id": enterprise.id, "enterprise_id": enterprise.enterprise_id, "teams": enterprise.teams,
            "is_admin": false, "is_owner": false,
        });
    } else if user.team_id.as_ref().is_some_and(|team| *team != state.setup.team_id) {
        json["is_stranger"] = json!(true);
    }
    if user.deleted {
        return json;
    }
    json["is_restricted"] = json!(user.is_restricted || user.is_ultra_restricted);
    json["is_ultra_restricted"] = json!(user.is_ultra_restricted);
    for role in ["is_admin", "is_owner", "is_primary_owner"] {
        json[role] = json!(false);
    }
    if let Ok(zone) = jiff::tz::TimeZone::get(&user.tz) {
        json["tz"] = json!(user.tz);
        json["tz_label"] = json!(user.tz);
        json["tz_offset"] = json!(zone.to_offset(state.clock.now()).seconds());
    }
    json
}

pub(crate) fn usergroups_users_list(state: &mut SlackState, args: &Args) -> MethodResult {
    state.require_scope("usergroups:read")?;
    let id = args.required("usergroup")?;
    let group = state.setup.groups.iter().find(|group| group.id == id);
    let group = group.ok_or_else(|| Refusal::new("no_such_subteam"))?;
    Ok(json!({ "users": group.users }))
}

pub(crate) fn conversations_members(state: &mut SlackState, args: &Args) -> MethodResult {
    let members = match state.readable(args, "read")? {
        Conversation::Channel(channel) => {
            let bot = channel.bot_is_member.then(|| state.setup.bot_user_id.clone());
            channel.members.into_iter().chain(bot).collect()
        }
        Conversation::Direct { user, .. } => vec![user, state.setup.bot_user_id.clone()],
    };
    let start = match args.text("cursor") {
        None => 0,
        Some(cursor) => {
            let start = cursor.strip_prefix("members-").and_then(|start| start.parse().ok());
            start.ok_or_else(|| Refusal::new("invalid_cursor"))?
        }
    };
    let end = members.len().min(args.limit(100, 1000)?.saturating_add(start));
    let page = members.get(start..end).unwrap_or_default();
    let next = if end < members.len() { format!("members-{end}") } else { String::new() };
    Ok(json!({ "members": page, "response_metadata": { "next_cursor": next } }))
}

pub(crate) fn conversations_info(state: &mut SlackState, args: &Args) -> MethodResult {
    let channel = match state.readable(args, "read")? {
        Conversation::Channel(channel) => channel_json(&channel),
        Conversation::Direct { id, user } => direct_json(&id, &user),
    };
    Ok(json!({ "channel": channel }))
}

fn direct_json(id: &str, user: &str) -> Value {
    json!({ "id": id, "is_im": true, "user": user, "is_archived": false, "created": 1_700_000_000 })
}

fn channel_json(channel: &SimChannel) -> Value {
    json!({
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": !channel.is_private,
        "is_group": false,
        "is_im": false,
        "is_mpim": false,
        "is_private": channel.is_private,
        "is_archived": channel.archived,
        "is_general": false,
        "is_member": channel.bot_is_member,
        "created": 1_700_000_000,
    })
}

pub(crate) fn conversations_open(state: &mut SlackState, args: &Args) -> MethodResult {
    let users = args.required("users")?;
    if users.contains(',') {
        return Err(Refusal::missing_scope("mpim:write", &state.setup.scopes));
    }
    state.require_scope("im:write")?;
    let is_open = state.conversation(&super::state::direct_id(&users)).is_some();
    let user = state.user(&users).ok_or_else(|| Refusal::new("user_not_found"))?;
    if user.deleted {
        return Err(Refusal::new("user_disabled"));
    }
    if user.is_bot {
        return Err(Refusal::new("cannot_dm_bot"));
    }
    let id = state.open_direct(&users);
    let mut answer = json!({ "channel": { "id": id } });
    if args.flag("return_im") {
        answer["channel"] = direct_json(&id, &users);
    }
    if is_open {
        answer["no_op"] = json!(true);
        answer["already_open"] = json!(true);
    }
    Ok(answer)
}
