//! `POST invite.json`: validates every field as the API description says, then creates the user.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Instance,
    reply::Reply,
    route::ParsedRequest,
    setup::{DuplicateInvite, Identity, SimUser},
};
use crate::clock::Clock;

impl Instance {
    pub(super) fn invite(&mut self, request: &ParsedRequest, now: Timestamp, clock: &Clock) -> Reply {
        match self.invited_user(request, now, clock) {
            Err(refusal) => refusal,
            Ok(user) => {
                self.setup.users.push(user);
                self.invites += 1;
                Reply::ok(Value::Bool(true))
            }
        }
    }

    fn invited_user(&self, request: &ParsedRequest, now: Timestamp, clock: &Clock) -> Result<SimUser, Reply> {
        let body = object(request)?;
        let email = required(&body, "emailAddress")?;
        let first_name = required(&body, "firstName")?;
        let last_name = required(&body, "lastName")?;
        let api_only = optional_bool(&body, "apiOnly")?.unwrap_or(false);
        let reason = optional_text(&body, "reason")?.map(str::to_owned);
        let roles = self.role_pairs(body.get("userRoleWorkspaces"))?;
        if !is_email(email) {
            return Err(invalid("emailAddress"));
        }
        let expires_at = optional_text(&body, "expiresAt")?.map(|text| expiration(text, now)).transpose()?;
        if self.setup.identity == Identity::Adobe && !api_only {
            return Err(Reply::error(400, 709, "Only API Only users can be invited on this subscription"));
        }
        let has_address = |text: &str| text.eq_ignore_ascii_case(email);
        let is_taken =
            self.setup.users.iter().any(|user| has_address(&user.email) || has_address(&user.userid));
        if is_taken && self.setup.duplicate_invite == DuplicateInvite::Refuse {
            return Err(Reply::error(400, 709, &format!("User with email {email} already exists")));
        }
        let userid = match self.setup.identity {
            Identity::Adobe => clock.new_id(),
            Identity::Marketo => optional_text(&body, "userid")?.unwrap_or(email).to_owned(),
        };
        let id = self.setup.users.iter().map(|user| user.id).max().unwrap_or(1000) + 1;
        let mut user = SimUser::new(id, email, first_name, last_name, api_only);
        user.userid = userid;
        user.reason = reason;
        user.expires_at = expires_at;
        user.roles = roles;
        user.pending = !api_only;
        user.visible_at = now.checked_add(self.setup.visible_after).unwrap_or(Timestamp::MAX);
        user.api_only_at = now.checked_add(self.setup.api_only_after).unwrap_or(Timestamp::MAX);
        Ok(user)
    }

    /// Parses a list of `{accessRoleId, workspaceId}`. Every role and workspace must exist, and the role must be allowed
    /// in the workspace.
    pub(super) fn role_pairs(&self, list: Option<&Value>) -> Result<Vec<(i64, i64)>, Reply> {
        let list = list.filter(|list| !list.is_null()).ok_or_else(|| missing("userRoleWorkspaces"))?;
        let list = list.as_array().ok_or_else(|| invalid("userRoleWorkspaces"))?;
        if list.is_empty() {
            return Err(missing("userRoleWorkspaces"));
        }
        list.iter().map(|pair| self.role_pair(pair)).collect()
    }

    fn role_pair(&self, pair: &Value) -> Result<(i64, i64), Reply> {
        let id = |name: &str| pair.get(name).and_then(Value::as_i64).ok_or_else(|| invalid(name));
        let (role_id, workspace_id) = (id("accessRoleId")?, id("workspaceId")?);
        let Some(role) = self.setup.roles.iter().find(|role| role.id == role_id) else {
            return Err(Reply::error(400, 709, &format!("Role {role_id} does not exist")));
        };
        if workspace_id != 0 && !self.setup.workspaces.iter().any(|known| known.id == workspace_id) {
            return Err(Reply::error(400, 709, &format!("Workspace {workspace_id} does not exist")));
        }
        if role.only_all_zones && workspace_id != 0 {
            return Err(Reply::error(400, 709, &format!("Role {role_id} can only be assigned in AllZones")));
        }
        Ok((role_id, workspace_id))
    }
}

/// The JSON body. Only `application/json` is accepted.
pub(super) fn json(request: &ParsedRequest) -> Result<Value, Reply> {
    let kind = request.header("content-type").unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Reply::error(415, 612, "Invalid Content Type"));
    }
    serde_json::from_slice(&request.body).map_err(|_| Reply::error(400, 609, "Invalid JSON"))
}

pub(super) fn object(request: &ParsedRequest) -> Result<Map<String, Value>, Reply> {
    match json(request)? {
        Value::Object(object) => Ok(object),
        _ => Err(Reply::error(400, 609, "Invalid JSON")),
    }
}

fn required<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str, Reply> {
    match optional_text(body, name)? {
        Some(text) if !text.trim().is_empty() => Ok(text),
        _ => Err(missing(name)),
    }
}

pub(super) fn optional_text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Reply> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(name)),
    }
}

pub(super) fn optional_bool(body: &Map<String, Value>, name: &str) -> Result<Option<bool>, Reply> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(invalid(name)),
    }
}

fn missing(name: &str) -> Reply {
    Reply::error(400, 1002, &format!("Missing value for required parameter '{name}'"))
}

pub(super) fn invalid(name: &str) -> Reply {
    Reply::error(400, 1001, &format!("Invalid value for parameter '{name}'"))
}

/// ISO-8601 with offset and without milliseconds, in the future.
fn expiration(text: &str, now: Timestamp) -> Result<Timestamp, Reply> {
    let is_well_formed = text.len() >= 20 && text.as_bytes()[10] == b'T' && !text.contains(['.', ',', '[']);
    let time: Timestamp = text.parse().ok().filter(|_| is_well_formed).ok_or_else(|| invalid("expiresAt"))?;
    if time > now { Ok(time) } else { Err(Reply::error(400, 709, "expiresAt must be in the future")) }
}

/// The pattern of the API description: ``^("?)(?:[^"])(?:[-\w.!#$%&'*+\/=?^_`{|}~])*\1@(\w[-\w]{0,62}\.)+[A-Za-z]{2,63}$``.
pub(super) fn is_email(text: &str) -> bool {
    let is_word_char = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local = match local.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"'),
        None => Some(local),
    };
    let Some(mut local) = local.map(str::chars) else { return false };
    let is_local_valid = local.next().is_some_and(|first| first != '"')
        && local.all(|c| is_word_char(c) || "-.!#$%&'*+/=?^`{|}~".contains(c));
    let Some((labels, top)) = domain.rsplit_once('.') else { return false };
    let is_label_valid = |label: &str| {
        (1..=63).contains(&label.len())
            && label.starts_with(is_word_char)
            && label.chars().all(|c| is_word_char(c) || c == '-')
    };
    is_local_valid
        && labels.split('.').all(is_label_valid)
        && (2..=63).contains(&top.len())
        && top.chars().all(|c| c.is_ascii_alphabetic())
}
