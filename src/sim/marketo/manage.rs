//! The other write endpoints: update, delete, and a user's roles.

use jiff::{Timestamp, fmt::strtime};
use serde_json::Value;

use super::{
    Instance,
    invite::{invalid, is_email, json, object, optional_bool, optional_text},
    reply::Reply,
    route::ParsedRequest,
    setup::{Identity, NullExpiration, SimUser, TimeFormat, UpdateWithoutFlag},
};

impl Instance {
    /// `POST {userid}/update.json`; returns the user.
    pub(super) fn update(&mut self, userid: &str, request: &ParsedRequest, now: Timestamp) -> Reply {
        let Some(index) = self.visible_index(userid, now) else { return self.no_user() };
        match self.updated(index, request, now) {
            Err(refusal) => refusal,
            Ok(user) => {
                let updated = self.user(&user, now);
                self.setup.users[index] = user;
                Reply::ok(updated)
            }
        }
    }

    fn updated(&self, index: usize, request: &ParsedRequest, now: Timestamp) -> Result<SimUser, Reply> {
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
        match (optional_bool(&body, "apiOnly")?, self.setup.update_without_flag) {
            (Some(api_only), _) => user.api_only = api_only,
            (None, UpdateWithoutFlag::Clears) => user.api_only = false,
            (None, UpdateWithoutFlag::Keeps) => {}
        }
        if body.get("expiresAt").is_some_and(Value::is_null) {
            match self.setup.null_expiration {
                NullExpiration::Ignored => {}
                NullExpiration::Clears => user.expires_at = None,
                NullExpiration::Refused => return Err(invalid("expiresAt")),
            }
        }
        if let Some(text) = optional_text(&body, "expiresAt")? {
            let end = expiration(text, &self.setup.update_formats).ok_or_else(|| invalid("expiresAt"))?;
            if end <= now && !self.setup.accepts_past {
                return Err(Reply::error(400, 709, "expiresAt must be in the future"));
            }
            let was_locked = user.stays_locked || user.expires_at.is_some_and(|before| before <= now);
            user.stays_locked = was_locked && !self.setup.extending_unlocks;
            user.expires_at = Some(end);
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
        let Some(index) = index else { return self.no_user() };
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
        let Some(index) = self.visible_index(userid, now) else { return self.no_user() };
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

/// Parses a time in one of these formats.
fn expiration(text: &str, formats: &[TimeFormat]) -> Option<Timestamp> {
    let by = |format: &str| strtime::parse(format, text).ok()?.to_timestamp().ok();
    formats.iter().find_map(|format| match format {
        TimeFormat::Guide => by("%Y%m%dT%H:%M:%S%.ft%z"),
        TimeFormat::Description => by("%Y-%m-%dT%H:%M:%S%.ft%z"),
        TimeFormat::Iso => text.parse().ok(),
    })
}
