//! What a simulated instance looks like at its start, and its plain data.

use std::time::Duration;

use jiff::Timestamp;

/// The client id that the default setup accepts.
pub const CLIENT_ID: &str = "5e0a8f1c-marketo-sim-client";
/// The client secret that the default setup accepts.
pub const CLIENT_SECRET: &str = "marketo-sim-client-secret";

/// How the instance signs people in, which decides what a `userid` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The `userid` is the login e-mail.
    Marketo,
    /// Adobe Identity (IMS): the `userid` is a generated GUID, and only API-only users are managed here.
    Adobe,
}

/// What an invite for an e-mail address that exists does; Adobe does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateInvite {
    /// It is refused as a business rule violation (HTTP 400, code 709).
    Refuse,
    /// It makes a second user.
    SecondRecord,
}

/// What `pageOffset` counts; Adobe does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// Users.
    Records,
    /// Pages of `pageSize` users.
    Pages,
}

/// A role of the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimRole {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Whether it is hidden.
    pub hidden: bool,
    /// Whether it may only be given in workspace 0.
    pub only_all_zones: bool,
}

impl SimRole {
    /// A visible role for any workspace.
    pub fn new(id: i64, name: &str) -> Self {
        let (name, description) = (name.to_owned(), format!("{name} role"));
        Self { id, name, description, hidden: false, only_all_zones: false }
    }
}

/// A workspace of the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimWorkspace {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
}

impl SimWorkspace {
    /// An active workspace.
    pub fn new(id: i64, name: &str) -> Self {
        Self { id, name: name.to_owned() }
    }
}

/// A user of the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimUser {
    /// Its id.
    pub id: i64,
    /// The e-mail address or a GUID: see [`Identity`].
    pub userid: String,
    /// E-mail address.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Whether it is for the API only.
    pub api_only: bool,
    /// Why it was invited.
    pub reason: Option<String>,
    /// When its access ends.
    pub expires_at: Option<Timestamp>,
    /// Its roles: pairs of role id and workspace id.
    pub roles: Vec<(i64, i64)>,
    /// Invited, and the invitation is not accepted yet; never so for API-only users.
    pub pending: bool,
    /// When it begins to show in the lists.
    pub visible_at: Timestamp,
}

impl SimUser {
    /// A user that has been there all along, with its e-mail address as `userid` and no role.
    pub fn new(id: i64, email: &str, first_name: &str, last_name: &str, api_only: bool) -> Self {
        Self {
            id,
            userid: email.to_owned(),
            email: email.to_owned(),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            api_only,
            reason: None,
            expires_at: None,
            roles: Vec::new(),
            pending: false,
            visible_at: Timestamp::MIN,
        }
    }
}

/// An instance at its start.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How it signs people in.
    pub identity: Identity,
    /// The client id that it accepts.
    pub client_id: String,
    /// The client secret that it accepts.
    pub client_secret: String,
    /// Its roles.
    pub roles: Vec<SimRole>,
    /// Its workspaces.
    pub workspaces: Vec<SimWorkspace>,
    /// Its users.
    pub users: Vec<SimUser>,
    /// A new user shows in the lists only after this much of the clock's time.
    pub visible_after: Duration,
    /// What an invite for an e-mail address that exists does.
    pub duplicate_invite: DuplicateInvite,
    /// What `pageOffset` counts.
    pub paging: Paging,
    /// Whether the custom service's role has the two permissions; without them every call is 603.
    pub permissions: bool,
}

impl Default for Setup {
    fn default() -> Self {
        let mut reports = SimUser::new(1003, "reports@example.com", "Reports", "Integration", true);
        reports.roles = vec![(101, 1)];
        Self {
            identity: Identity::Marketo,
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            roles: vec![
                SimRole::new(1, "Admin"),
                SimRole::new(2, "Standard User"),
                SimRole::new(101, "API Only"),
                SimRole::new(102, "API Only - EMEA"),
            ],
            workspaces: vec![SimWorkspace::new(1, "Default")],
            users: vec![
                SimUser::new(1001, "ada@example.com", "Ada", "Lovelace", false),
                SimUser::new(1002, "grace@example.com", "Grace", "Hopper", false),
                reports,
            ],
            visible_after: Duration::ZERO,
            duplicate_invite: DuplicateInvite::Refuse,
            paging: Paging::Records,
            permissions: true,
        }
    }
}
