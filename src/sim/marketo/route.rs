//! Maps a request to its endpoint, by the paths of Adobe's two API descriptions.

use axum::{
    body::Bytes,
    http::{HeaderMap, Method, Request},
};

const USERS: &str = "/userservice/management/v1/users/";

/// An endpoint, with the `userid` from its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Token,
    AllUsers,
    Roles,
    Workspaces,
    Invite,
    User(String),
    Invited(String),
    UserRoles(String),
    Update(String),
    Delete(String),
    InviteDelete(String),
    RolesCreate(String),
    RolesDelete(String),
    Unknown,
}

impl Route {
    fn of(path: &str) -> Self {
        if path == "/identity/oauth/token" {
            return Self::Token;
        }
        let Some(rest) = path.strip_prefix(USERS) else { return Self::Unknown };
        match rest.split_once('/').map(|(userid, rest)| (percent_decoded(userid), rest)) {
            None => match rest {
                "allusers.json" => Self::AllUsers,
                "roles.json" => Self::Roles,
                "workspaces.json" => Self::Workspaces,
                "invite.json" => Self::Invite,
                _ => Self::Unknown,
            },
            Some((userid, "user.json")) => Self::User(userid),
            Some((userid, "invite.json")) => Self::Invited(userid),
            Some((userid, "roles.json")) => Self::UserRoles(userid),
            Some((userid, "update.json")) => Self::Update(userid),
            Some((userid, "delete.json")) => Self::Delete(userid),
            Some((userid, "invite/delete.json")) => Self::InviteDelete(userid),
            Some((userid, "roles/create.json")) => Self::RolesCreate(userid),
            Some((userid, "roles/delete.json")) => Self::RolesDelete(userid),
            Some(_) => Self::Unknown,
        }
    }

    /// The name that faults and call records use.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::AllUsers => "allusers",
            Self::Roles => "roles",
            Self::Workspaces => "workspaces",
            Self::Invite => "invite",
            Self::User(_) => "user",
            Self::Invited(_) => "invited",
            Self::UserRoles(_) => "user_roles",
            Self::Update(_) => "update",
            Self::Delete(_) => "delete",
            Self::InviteDelete(_) => "invite_delete",
            Self::RolesCreate(_) => "roles_create",
            Self::RolesDelete(_) => "roles_delete",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the endpoint writes: such endpoints accept POST, the others GET.
    pub(super) fn is_write(&self) -> bool {
        match self {
            Self::Invite
            | Self::Update(_)
            | Self::Delete(_)
            | Self::InviteDelete(_)
            | Self::RolesCreate(_)
            | Self::RolesDelete(_) => true,
            Self::Token
            | Self::AllUsers
            | Self::Roles
            | Self::Workspaces
            | Self::User(_)
            | Self::Invited(_)
            | Self::UserRoles(_)
            | Self::Unknown => false,
        }
    }
}

/// A parsed request.
#[derive(Debug)]
pub(super) struct ParsedRequest {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) route: Route,
}

impl ParsedRequest {
    /// The first query parameter with this name.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl From<Request<Bytes>> for ParsedRequest {
    fn from(request: Request<Bytes>) -> Self {
        let (head, body) = request.into_parts();
        let query = head.uri.query().unwrap_or_default();
        Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers: head.headers,
            body,
            route: Route::of(head.uri.path()),
        }
    }
}

/// Percent-decodes one path segment.
fn percent_decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
