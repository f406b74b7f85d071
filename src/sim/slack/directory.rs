//! The Web API methods that say who and what there is: `auth.test`, `users.*`, `usergroups.*` and
//! `conversations.*`. They change nothing but to open a direct conversation.

use serde_json::{Value, json};

use super::{
    args::{Args, Refusal},
    setup::{SimChannel, SimUser},
    state::{Conversation, SlackState},
};

type Answer = Result<Value, Refusal>;

impl SlackState {
    /// Refuses the call unless the token has `scope`.
    pub(crate) fn need(&self, scope: &str) -> Result<(), Refusal> {
        let given = &self.setup.scopes;
        if given.iter().any(|given| given == scope) {
            return Ok(());
        }
        Err(Refusal::missing_scope(scope, given))
    }

    /// A conversation that the token may look at with `channels:WHAT`, `groups:WHAT` or `im:WHAT`.
    pub(super) fn readable(&self, args: &Args, what: &str) -> Result<Conversation, Refusal> {
        let id = args.required("channel")?;
        let found = self.conversation(&id);
        match &found {
            Some(Conversation::Channel(channel)) if channel.is_private => {
                self.need(&format!("groups:{what}"))?;
                if !channel.bot_is_member {
                    return Err(Refusal::new("channel_not_found"));
                }
            }
            Some(Conversation::Channel(_)) => self.need(&format!("channels:{what}"))?,
            Some(Conversation::Direct { .. }) => self.need(&format!("im:{what}"))?,
            None => {}
        }
        found.ok_or_else(|| Refusal::new("channel_not_found"))
    }
}

pub(crate) fn auth_test(world: &mut SlackState, _args: &Args) -> Answer {
    let setup = &world.setup;
    let bot = world.user(&setup.bot_user_id).map_or("bot", |user| user.name.as_str());
    Ok(json!({
        "url": format!("https://{}.slack.com/", setup.team_name),
        "team": setup.team_name,
        "user": bot,
        "team_id": setup.team_id,
        "user_id": setup.bot_user_id,
        "bot_id": setup.bot_id,
        "is_enterprise_install": false,
    }))
}

pub(crate) fn users_info(world: &mut SlackState, args: &Args) -> Answer {
    world.need("users:read")?;
    let id = args.required("user")?;
    let user = world.user(&id).ok_or_else(|| Refusal::new("user_not_found"))?;
    Ok(json!({ "user": user_json(world, user) }))
}

fn user_json(world: &SlackState, user: &SimUser) -> Value {
    let mut written = json!({
        "id": user.id,
        "team_id": world.team_of(&user.id),
        "name": user.name,
        "deleted": user.deleted,
        "real_name": user.real_name,
        "profile": {
            "real_name": user.real_name,
            "display_name": user.name,
            "team": world.team_of(&user.id),
        },
        "is_bot": user.is_bot,
        "is_app_user": false,
        "updated": 1_700_000_000,
    });
    if user.team_id.as_ref().is_some_and(|team| *team != world.setup.team_id) {
        written["is_stranger"] = json!(true);
    }
    if user.deleted {
        return written;
    }
    written["is_restricted"] = json!(user.is_restricted || user.is_ultra_restricted);
    written["is_ultra_restricted"] = json!(user.is_ultra_restricted);
    for role in ["is_admin", "is_owner", "is_primary_owner"] {
        written[role] = json!(false);
    }
    if let Ok(zone) = jiff::tz::TimeZone::get(&user.tz) {
        written["tz"] = json!(user.tz);
        written["tz_label"] = json!(user.tz);
        written["tz_offset"] = json!(zone.to_offset(world.clock.now()).seconds());
    }
    written
}

pub(crate) fn usergroups_users_list(world: &mut SlackState, args: &Args) -> Answer {
    world.need("usergroups:read")?;
    let id = args.required("usergroup")?;
    let group = world.setup.groups.iter().find(|group| group.id == id);
    let group = group.ok_or_else(|| Refusal::new("no_such_subteam"))?;
    Ok(json!({ "users": group.users }))
}

pub(crate) fn conversations_members(world: &mut SlackState, args: &Args) -> Answer {
    let members = match world.readable(args, "read")? {
        Conversation::Channel(channel) => {
            let bot = channel.bot_is_member.then(|| world.setup.bot_user_id.clone());
            channel.members.into_iter().chain(bot).collect()
        }
        Conversation::Direct { user, .. } => vec![user, world.setup.bot_user_id.clone()],
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

pub(crate) fn conversations_info(world: &mut SlackState, args: &Args) -> Answer {
    let channel = match world.readable(args, "read")? {
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

pub(crate) fn conversations_open(world: &mut SlackState, args: &Args) -> Answer {
    let users = args.required("users")?;
    if users.contains(',') {
        return Err(Refusal::missing_scope("mpim:write", &world.setup.scopes));
    }
    world.need("im:write")?;
    let already = world.conversation(&super::state::direct_id(&users)).is_some();
    let user = world.user(&users).ok_or_else(|| Refusal::new("user_not_found"))?;
    if user.deleted {
        return Err(Refusal::new("user_disabled"));
    }
    if user.is_bot {
        return Err(Refusal::new("cannot_dm_bot"));
    }
    let id = world.open_direct(&users);
    let mut answer = json!({ "channel": { "id": id } });
    if args.flag("return_im") {
        answer["channel"] = direct_json(&id, &users);
    }
    if already {
        answer["no_op"] = json!(true);
        answer["already_open"] = json!(true);
    }
    Ok(answer)
}
