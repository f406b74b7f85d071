//! The wire format of the User Management API (Adobe's page "User Management"), and plain data for it. Reading accepts
//! what Adobe's descriptions disagree about: names of flags, numbers as strings, missing and unknown fields. It knows
//! neither HTTP nor errors: an unreadable entry is `None`.

use std::{fmt, time::Duration};

use jiff::{Timestamp, fmt::strtime};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;

use super::token::IssuedToken;

/// A role of the instance, from `roles.json`. It does not tell whether it has API permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// `id`, the `accessRoleId` of an invite.
    pub id: i64,
    /// The name that admins see.
    pub name: String,
    /// The description; may be empty.
    pub description: String,
    /// `hidden` or `isHidden`: not offered in Marketo's own forms.
    pub hidden: bool,
    /// `onlyAllZones` or `isOnlyAllZones`: can only be assigned in workspace 0.
    pub only_all_zones: bool,
}

impl Role {
    pub(super) fn read(entry: &Value) -> Option<Self> {
        Some(Self {
            id: int(entry, "id")?,
            name: text(entry, "name").filter(|name| !name.is_empty())?,
            description: text(entry, "description").unwrap_or_default(),
            hidden: flag(entry, &["hidden", "isHidden"]),
            only_all_zones: flag(entry, &["onlyAllZones", "isOnlyAllZones"]),
        })
    }
}

/// A workspace of the instance, from `workspaces.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// `id`, the `workspaceId` of an invite; 0 is "AllZones".
    pub id: i64,
    /// The name that admins see.
    pub name: String,
    /// The description; may be empty.
    pub description: String,
    /// `active` or another value, which Adobe does not document; may be empty.
    pub status: String,
}

impl Workspace {
    pub(super) fn read(entry: &Value) -> Option<Self> {
        Some(Self {
            id: int(entry, "id")?,
            name: text(entry, "name").filter(|name| !name.is_empty())?,
            description: text(entry, "description").unwrap_or_default(),
            status: text(entry, "status").unwrap_or_default(),
        })
    }
}

/// A user of the instance, from `allusers.json`. `Debug` shows no personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// `id`, unique in the instance; 0 if missing.
    pub id: i64,
    /// The login email on Marketo Identity, a GUID on Adobe Identity.
    pub userid: String,
    /// `emailAddress`, as Marketo spells it.
    pub email: String,
    /// The first name; may be empty.
    pub first_name: String,
    /// The last name; may be empty.
    pub last_name: String,
    /// Whether the user is API-only.
    pub api_only: bool,
}

impl User {
    pub(super) fn read(entry: &Value) -> Option<Self> {
        Some(Self {
            id: int(entry, "id").unwrap_or(0),
            userid: text(entry, "userid").unwrap_or_default(),
            email: text(entry, "emailAddress").filter(|email| !email.is_empty())?,
            first_name: text(entry, "firstName").unwrap_or_default(),
            last_name: text(entry, "lastName").unwrap_or_default(),
            api_only: flag(entry, &["apiOnly"]),
        })
    }

    /// Whether this user has that email address, ignoring case.
    pub fn has_email(&self, email: &str) -> bool {
        is_same_address(&self.email, email)
    }

    /// Whether this user logs in with that email address, ignoring case. On some subscriptions the login differs from the
    /// email address, and both must be unique.
    pub fn has_login(&self, email: &str) -> bool {
        is_same_address(&self.userid, email)
    }
}

fn is_same_address(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("api_only", &self.api_only).finish_non_exhaustive()
    }
}

/// What a user may do, from `{userid}/user.json` and `{userid}/roles.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserDetails {
    /// Whether the user is API-only; `None` if Marketo does not say.
    pub api_only: Option<bool>,
    /// Whether the account is locked.
    pub is_locked: bool,
    /// When access expires.
    pub expires_at: ShownTime,
    /// The roles, each in a workspace.
    pub roles: Vec<UserRole>,
}

/// A time as Marketo shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownTime {
    /// None.
    Never,
    /// This instant.
    At(Timestamp),
    /// A text that none of the documented formats matches.
    Unreadable(String),
}

/// A role that a user has in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRole {
    /// `accessRoleId`.
    pub role_id: i64,
    /// `accessRoleName`; may be empty.
    pub role_name: String,
    /// `workspaceId`; 0 is "AllZones".
    pub workspace_id: i64,
    /// `workspaceName`; may be empty.
    pub workspace_name: String,
}

impl UserRole {
    pub(super) fn read(entry: &Value) -> Option<Self> {
        Some(Self {
            role_id: int(entry, "accessRoleId")?,
            role_name: text(entry, "accessRoleName").unwrap_or_default(),
            workspace_id: int(entry, "workspaceId")?,
            workspace_name: text(entry, "workspaceName").unwrap_or_default(),
        })
    }
}

impl UserDetails {
    /// From the response of `user.json`, and the roles of `roles.json`.
    pub(super) fn read(record: &Value, roles: Vec<UserRole>) -> Self {
        Self {
            api_only: record
                .get("apiOnly")
                .filter(|flag| !flag.is_null())
                .map(|_| flag(record, &["apiOnly"])),
            is_locked: flag(record, &["isLocked"]),
            expires_at: shown_time(record.get("expiresAt")),
            roles,
        }
    }
}

/// Reads `2020-12-31T08:00:00.000t+0000`, `20200807T20:49:54.0t+0000`, `…Z+0000` and ISO 8601.
fn shown_time(value: Option<&Value>) -> ShownTime {
    let text = match value {
        None | Some(Value::Null) => return ShownTime::Never,
        Some(Value::String(text)) if text.trim().is_empty() => return ShownTime::Never,
        Some(Value::String(text)) => text.trim(),
        Some(other) => return ShownTime::Unreadable(other.to_string()),
    };
    let formats = [
        "%Y-%m-%dT%H:%M:%S%.ft%z",
        "%Y%m%dT%H:%M:%S%.ft%z",
        "%Y-%m-%dT%H:%M:%S%.fZ%z",
        "%Y%m%dT%H:%M:%S%.fZ%z",
        "%Y-%m-%dT%H:%M:%S%.f%z",
    ];
    let parsed = formats.iter().find_map(|format| strtime::parse(format, text).ok()?.to_timestamp().ok());
    match parsed.or_else(|| text.parse().ok()) {
        Some(at) => ShownTime::At(at),
        None => ShownTime::Unreadable(text.to_owned()),
    }
}

/// The API-only user to create by `invite.json`. `Debug` shows no personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteUser {
    /// `emailAddress`.
    pub email: String,
    /// `firstName`.
    pub first_name: String,
    /// `lastName`.
    pub last_name: String,
    /// `reason`; not sent if absent.
    pub reason: Option<String>,
    /// `expiresAt`, ISO 8601 with offset and without milliseconds (`2027-01-31T23:59:59-08:00`); absent: never.
    pub expires_at: Option<String>,
    /// `accessRoleId`.
    pub role_id: i64,
    /// `workspaceId`; 0 is "AllZones".
    pub workspace_id: i64,
}

impl InviteUser {
    /// The JSON body of the call.
    pub fn body(&self) -> Value {
        serde_json::to_value(InviteBody::from(self)).unwrap_or_default()
    }
}

impl fmt::Debug for InviteUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InviteUser")
            .field("expires_at", &self.expires_at)
            .field("role_id", &self.role_id)
            .field("workspace_id", &self.workspace_id)
            .finish_non_exhaustive()
    }
}

/// The body of `POST invite.json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InviteBody<'a> {
    email_address: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    api_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    user_role_workspaces: [RoleInWorkspace; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleInWorkspace {
    access_role_id: i64,
    workspace_id: i64,
}

impl<'a> From<&'a InviteUser> for InviteBody<'a> {
    fn from(user: &'a InviteUser) -> Self {
        Self {
            email_address: &user.email,
            first_name: &user.first_name,
            last_name: &user.last_name,
            api_only: true,
            expires_at: user.expires_at.as_deref(),
            reason: user.reason.as_deref(),
            user_role_workspaces: [RoleInWorkspace {
                access_role_id: user.role_id,
                workspace_id: user.workspace_id,
            }],
        }
    }
}

/// Whether the response of `invite.json` is `true`: a boolean in Adobe's page, a string in the API description.
pub(super) fn is_true(json: &Value) -> bool {
    json.as_bool() == Some(true) || json.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// The entries of a list: a bare array, or the `result` of the envelope that Marketo's other endpoints use. An envelope
/// without `result` is an empty list.
pub(super) fn entries(json: &Value) -> Option<&[Value]> {
    match json {
        Value::Array(entries) => Some(entries),
        Value::Object(envelope) => match envelope.get("result") {
            Some(result) => result.as_array().map(Vec::as_slice),
            None => (envelope.get("success") == Some(&Value::Bool(true))).then_some(&[]),
        },
        _ => None,
    }
}

/// One user: a bare object, or the only entry of an envelope's `result`.
pub(super) fn record(json: &Value) -> Option<&Value> {
    let record = json.get("result").map_or(Some(json), |result| match result {
        Value::Array(entries) => entries.first(),
        other => Some(other),
    })?;
    ["userid", "userId", "emailAddress"].iter().any(|name| record.get(name).is_some()).then_some(record)
}

/// The token of the identity endpoint: `access_token`, and `expires_in` in seconds.
pub(super) fn issued_token(json: &Value) -> Option<IssuedToken> {
    let token = text(json, "access_token").filter(|token| !token.is_empty())?;
    let seconds = u32::try_from(int(json, "expires_in")?).ok()?;
    Some(IssuedToken { token: SecretString::from(token), lifetime: Duration::from_secs(seconds.into()) })
}

fn int(entry: &Value, name: &str) -> Option<i64> {
    let value = entry.get(name)?;
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn text(entry: &Value, name: &str) -> Option<String> {
    entry.get(name)?.as_str().map(str::to_owned)
}

fn flag(entry: &Value, names: &[&str]) -> bool {
    names.iter().filter_map(|name| entry.get(name)).any(|value| {
        value.as_bool().unwrap_or(false)
            || value.as_i64() == Some(1)
            || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true"))
    })
}
