//! The read endpoints of the User Management API, and the dispatch to its write endpoints.

use axum::http::Method;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    Instance,
    reply::Reply,
    route::{ParsedRequest, Route},
    setup::{BeyondEnd, Paging, SimUser},
};
use crate::clock::Clock;

impl Instance {
    /// Executes a call with a valid token.
    pub(super) fn manage(&mut self, request: &ParsedRequest, now: Timestamp, clock: &Clock) -> Reply {
        let method = if request.route.is_write() { Method::POST } else { Method::GET };
        if request.method != method {
            return Reply::error(405, 605, &format!("Request method '{}' not supported", request.method));
        }
        match &request.route {
            Route::AllUsers => self.all_users(request, now),
            Route::Roles => Reply::ok(self.roles()),
            Route::Workspaces => Reply::ok(self.workspaces()),
            Route::User(id) => self.with_user(id, now, |instance, user| instance.user(user, now)),
            Route::UserRoles(id) => self.with_user(id, now, Self::user_roles),
            Route::Invited(id) => {
                match self.setup.users.iter().find(|user| user.pending && user.userid == *id) {
                    Some(user) => Reply::ok(invitation(user)),
                    None => self.no_user(),
                }
            }
            Route::Invite => self.invite(request, now, clock),
            Route::Update(id) => self.update(id, request, now),
            Route::Delete(id) => self.delete(id, now, false),
            Route::InviteDelete(id) => self.delete(id, now, true),
            Route::RolesCreate(id) => self.change_roles(id, request, now, true),
            Route::RolesDelete(id) => self.change_roles(id, request, now, false),
            Route::Token | Route::Unknown => Reply::error(404, 610, "Requested resource not found"),
        }
    }

    /// The index of a visible user.
    pub(super) fn visible_index(&self, userid: &str, now: Timestamp) -> Option<usize> {
        let is_match = |user: &SimUser| !user.pending && user.visible_at <= now && user.userid == userid;
        self.setup.users.iter().position(is_match)
    }

    fn with_user(&self, userid: &str, now: Timestamp, render: impl Fn(&Self, &SimUser) -> Value) -> Reply {
        match self.visible_index(userid, now) {
            Some(index) => Reply::ok(render(self, &self.setup.users[index])),
            None => self.no_user(),
        }
    }

    fn all_users(&self, request: &ParsedRequest, now: Timestamp) -> Reply {
        let number =
            |name, default: usize| request.parameter(name).map_or(Some(default), |text| text.parse().ok());
        let (Some(offset), Some(size @ 1..=200)) = (number("pageOffset", 0), number("pageSize", 20)) else {
            return Reply::error(400, 1003, "pageOffset or pageSize is out of range");
        };
        let size = size.min(self.setup.page_limit);
        let skip = match self.setup.paging {
            Paging::Records => offset,
            Paging::Pages => offset.saturating_mul(size),
        };
        let mut visible: Vec<&SimUser> =
            self.setup.users.iter().filter(|user| !user.pending && user.visible_at <= now).collect();
        visible.sort_by_key(|user| user.id);
        let skip = match self.setup.beyond_end {
            BeyondEnd::Refuse if offset > 0 && skip >= visible.len() => {
                return Reply::error(400, 1003, "pageOffset is out of range");
            }
            BeyondEnd::LastPage if skip >= visible.len() => match self.setup.paging {
                Paging::Records => visible.len().saturating_sub(1),
                Paging::Pages => visible.len().saturating_sub(1) / size * size,
            },
            BeyondEnd::Empty | BeyondEnd::Refuse | BeyondEnd::LastPage => skip,
        };
        Reply::ok(
            visible.into_iter().skip(skip).take(size).map(|user| self.user_summary(user, now)).collect(),
        )
    }

    fn roles(&self) -> Value {
        let roles = self.setup.roles.iter().map(|role| {
            json!({
                "id": role.id, "name": role.name, "description": role.description, "type": "Custom",
                "isHidden": role.hidden, "isOnlyAllZones": role.only_all_zones,
                "createdAt": "20200807T20:49:54.0t+0000", "updatedAt": "20200807T20:49:54.0t+0000",
            })
        });
        roles.collect()
    }

    fn workspaces(&self) -> Value {
        let workspaces = self.setup.workspaces.iter().map(|workspace| {
            json!({
                "id": workspace.id, "name": workspace.name, "description": null, "status": "active",
                "globalViz": 0, "currencyInfo": "USD",
                "createdAt": "20200807T20:49:54.0t+0000", "updatedAt": "20200807T20:49:54.0t+0000",
            })
        });
        workspaces.collect()
    }

    pub(super) fn no_user(&self) -> Reply {
        let (status, code) = self.setup.missing_user;
        Reply::error(status, code, "User not found")
    }

    fn user_summary(&self, user: &SimUser, now: Timestamp) -> Value {
        let names = self.setup.names;
        json!({
            "userid": user.userid, "firstName": names.show(&user.first_name),
            "lastName": names.show(&user.last_name), "emailAddress": user.email, "id": user.id,
            "apiOnly": user.api_only && user.api_only_at <= now,
        })
    }

    /// One user, as `user.json` and `update.json` return it.
    pub(super) fn user(&self, user: &SimUser, now: Timestamp) -> Value {
        let is_locked = user.stays_locked || user.expires_at.is_some_and(|end| end <= now);
        let mut full = self.user_summary(user, now);
        full["optedIn"] = json!(false);
        full["failedLogins"] = json!(0);
        full["failedDeviceCode"] = json!(0);
        full["isLocked"] = json!(is_locked);
        full["lockedReason"] = json!(if is_locked { "expired" } else { "" });
        full["userRoleWorkspaces"] = self.user_roles(user);
        full["expiresAt"] = json!(user.expires_at.map(format_time));
        full["lastLoginAt"] = Value::Null;
        full
    }

    /// The roles of one user, as `{userid}/roles.json` returns them.
    pub(super) fn user_roles(&self, user: &SimUser) -> Value {
        let roles = user.roles.iter().map(|&(role_id, workspace_id)| {
            let role = self.setup.roles.iter().find(|role| role.id == role_id);
            let workspace = self.setup.workspaces.iter().find(|workspace| workspace.id == workspace_id);
            json!({
                "accessRoleId": role_id, "accessRoleName": role.map_or("", |role| &role.name),
                "workspaceId": workspace_id,
                "workspaceName": workspace.map_or("AllZones", |workspace| &workspace.name),
            })
        });
        roles.collect()
    }
}

fn invitation(user: &SimUser) -> Value {
    json!({
        "id": user.id, "firstName": user.first_name, "lastName": user.last_name, "emailAddress": user.email,
        "userid": user.userid, "subscriptionId": "1", "status": "pending",
        "expiresAt": user.expires_at.map(format_time), "createdAt": format_time(user.visible_at),
        "updatedAt": format_time(user.visible_at),
    })
}

/// `2020-12-31T08:00:00.000t+0000`, one of Marketo's time formats.
fn format_time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.000t+0000").to_string()
}
