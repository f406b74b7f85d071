//! The other write endpoints: update, delete, and a user's roles.

use jiff::{Timestamp, fmt::strtime};
use serde_json::Value;

use super::{
    Instance,
    invite::{invalid, is_email, json, object, optional_bool, optional_text},
    reply::Reply,
    route::ParsedRequest,
    setup::{Identity, SimUser},
    users::no_user,
};

impl Instance {
    /// `POST {userid}/update.json`; returns the user.
    pub(super) fn update(&mut self, userid: &str, request: &ParsedRequest, now: Timestamp) -> Reply {
        let Some(index) = self.visible_index(userid, now) else { return no_user() };
        match self.updated(index, request) {
            Err(refusal) => refusal,
            Ok(user) => {
                let updated = self.user(&user, now);
                self.setup.users[index] = user;
                Reply::ok(updated)
            }
        }
    }

    fn updated(&self, index: usize, request: &ParsedRequest) -> Result<SimUser, Reply> {
        let body = object(request)?;
        let mut user = self.setup.users[index].clone();
        self.check_changeable(&user)?;
        if let Some(email) = optional_text(&body, "emailAddress")? {
            if !is_email(email) {
                return Err(invalid("emailAddress"));
            }
            email.clone_into(&mut user.email);
        }
        if let Some(name) = optional_text(&body, "firstName")? {
            name.clone_into(&mut user.first_name);
        }
        if let Some(name) = optional_text(&body, "lastName")? {
            name.clone_into(&mut user.last_name);
        }
        if let Some(api_only) = optional_bool(&body, "apiOnly")? {
            user.api_only = api_only;
        }
        if let Some(text) = optional_text(&body, "expiresAt")? {
            user.expires_at = Some(expiration(text).ok_or_else(|| invalid("expiresAt"))?);
        }
        Ok(user)
    }

    /// `POST {userid}/delete.json`, or `{userid}/invite/delete.json` for a pending user.
    pub(super) fn delete(&mut self, userid: &str, now: Timestamp, pending: bool) -> Reply {
        let index = if pending {
            self.setup.users.iter().position(|user| user.pending && user.userid == userid)
        } else {
            self.visible_index(userid, now)
        };
        let Some(index) = index else { return no_user() };
        if let Err(refusal) = self.check_changeable(&self.setup.users[index]) {
            return refusal;
        }
        self.setup.users.remove(index);
        Reply::ok(Value::Bool(true))
    }

    /// `POST {userid}/roles/create.json` and `…/delete.json`; both return the remaining roles. Adobe's guide
    /// shows a bare array as the body, the API description an object with `input`: both are accepted.
    pub(super) fn change_roles(
        &mut self,
        userid: &str,
        request: &ParsedRequest,
        now: Timestamp,
        add: bool,
    ) -> Reply {
        let Some(index) = self.visible_index(userid, now) else { return no_user() };
        let pairs = json(request).and_then(|body| self.role_pairs(body.get("input").or(Some(&body))));
        match pairs {
            Err(refusal) => refusal,
            Ok(pairs) => {
                let roles = &mut self.setup.users[index].roles;
                roles.retain(|role| !pairs.contains(role));
                if add {
                    roles.extend(pairs);
                }
                Reply::ok(self.user_roles(&self.setup.users[index]))
            }
        }
    }

    fn check_changeable(&self, user: &SimUser) -> Result<(), Reply> {
        if self.setup.identity == Identity::Adobe && !user.api_only {
            return Err(Reply::error(400, 709, "Only API Only users can be changed on this subscription"));
        }
        Ok(())
    }
}

/// Parses `20211231T08:00:00.000t+0000` (Adobe's guide), `2021-12-31T08:00:00.000t+0000` (the API description) or
/// ISO-8601.
fn expiration(text: &str) -> Option<Timestamp> {
    let formats = ["%Y%m%dT%H:%M:%S%.ft%z", "%Y-%m-%dT%H:%M:%S%.ft%z"];
    let in_marketo_format =
        formats.iter().find_map(|format| strtime::parse(format, text).ok()?.to_timestamp().ok());
    in_marketo_format.or_else(|| text.parse().ok())
}
