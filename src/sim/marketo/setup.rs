//! The initial data of a simulated instance. Plain data only.

use std::time::Duration;

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization;

/// The client id that the default setup accepts.
pub const CLIENT_ID: &str = "5e0a8f1c-marketo-sim-client";
/// The client secret that the default setup accepts.
pub const CLIENT_SECRET: &str = "marketo-sim-client-secret";

/// How users sign in, which determines what a `userid` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The `userid` is the login email address.
    Marketo,
    /// Adobe Identity (IMS): the `userid` is a generated GUID, and only API-only users can be managed.
    Adobe,
}

/// The effect of an invite for an email address that exists. Adobe does not document it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateInvite {
    /// The invite is refused as a business rule violation (HTTP 400, code 709).
    Refuse,
    /// The invite creates a second user.
    SecondRecord,
}

/// What `pageOffset` counts. Adobe does not document it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// Users.
    Records,
    /// Pages of `pageSize` users.
    Pages,
}

/// A format of `expiresAt` in `update.json`. Adobe's pages contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFormat {
    /// `20211231T08:00:00.000t+0000`, of the guide.
    Guide,
    /// `2021-12-31T08:00:00.000t+0000`, of the API description.
    Description,
    /// ISO 8601.
    Iso,
}

/// The effect of an update without `apiOnly`. Adobe does not document it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateWithoutFlag {
    /// The flag stays.
    Keeps,
    /// The user becomes a normal one.
    Clears,
}

/// The effect of `"expiresAt": null` in an update. Adobe does not document it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullExpiration {
    /// Nothing changes.
    Ignored,
    /// The access never ends.
    Clears,
    /// The update is refused (HTTP 400, code 1001).
    Refused,
}

/// How an instance shows the names of its users. Adobe documents nothing; each was seen in other texts of Marketo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownNames {
    /// As entered.
    AsEntered,
    /// Cut before the first character above U+FFFF.
    CutAtEmoji,
    /// Cut after so many characters.
    CutAt(usize),
    /// In Unicode's decomposed form.
    Decomposed,
    /// With HTML entities.
    HtmlEscaped,
    /// In upper case.
    UpperCase,
    /// As the same person is called in another subscription (Universal ID).
    OfAnotherSubscription,
}

impl ShownNames {
    /// A name as it is shown.
    pub(super) fn show(self, name: &str) -> String {
        match self {
            Self::AsEntered => name.to_owned(),
            Self::CutAtEmoji => name.chars().take_while(|c| u32::from(*c) <= 0xFFFF).collect(),
            Self::CutAt(length) => name.chars().take(length).collect(),
            Self::Decomposed => name.nfd().collect(),
            Self::HtmlEscaped => html_escape::encode_safe(name).into_owned(),
            Self::UpperCase => name.to_uppercase(),
            Self::OfAnotherSubscription => "Universal".to_owned(),
        }
    }
}

/// The answer to a `pageOffset` beyond the last user. Adobe does not document it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeyondEnd {
    /// An empty page.
    Empty,
    /// A refusal (HTTP 400, code 1003).
    Refuse,
    /// The last page again.
    LastPage,
}

/// A role of the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimRole {
    /// Id.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Description.
    pub description: String,
    /// Whether the role is hidden.
    pub hidden: bool,
    /// Whether the role can be assigned only in workspace 0 (AllZones).
    pub only_all_zones: bool,
}

impl SimRole {
    /// A visible role that can be assigned in any workspace.
    pub fn new(id: i64, name: &str) -> Self {
        let (name, description) = (name.to_owned(), format!("{name} role"));
        Self { id, name, description, hidden: false, only_all_zones: false }
    }
}

/// A workspace of the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimWorkspace {
    /// Id.
    pub id: i64,
    /// Name.
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
    /// Id.
    pub id: i64,
    /// The email address or a GUID: see [`Identity`].
    pub userid: String,
    /// Email address.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Whether the user can use the API only.
    pub api_only: bool,
    /// The reason given in the invite.
    pub reason: Option<String>,
    /// When the access expires.
    pub expires_at: Option<Timestamp>,
    /// Pairs of role id and workspace id.
    pub roles: Vec<(i64, i64)>,
    /// Whether the invitation is not accepted yet; never true for API-only users.
    pub pending: bool,
    /// When the user appears in the lists.
    pub visible_at: Timestamp,
    /// When the API Only flag is shown.
    pub api_only_at: Timestamp,
    /// Whether the account stays locked although its access has been extended.
    pub stays_locked: bool,
}

impl SimUser {
    /// A user that is already visible, with the email address as `userid` and without roles.
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
            api_only_at: Timestamp::MIN,
            stays_locked: false,
        }
    }
}

/// The initial state and behavior of an instance. The [module docs](super) list the unverified facts.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How users sign in.
    pub identity: Identity,
    /// The accepted client id.
    pub client_id: String,
    /// The accepted client secret.
    pub client_secret: String,
    /// Roles.
    pub roles: Vec<SimRole>,
    /// Workspaces.
    pub workspaces: Vec<SimWorkspace>,
    /// Users.
    pub users: Vec<SimUser>,
    /// How long a new user stays out of the lists, by the simulator's clock.
    pub visible_after: Duration,
    /// The effect of an invite for an email address that exists.
    pub duplicate_invite: DuplicateInvite,
    /// What `pageOffset` counts.
    pub paging: Paging,
    /// How many users a page has at most, whatever was requested.
    pub page_limit: usize,
    /// The answer to a `pageOffset` beyond the last user.
    pub beyond_end: BeyondEnd,
    /// How names are shown.
    pub names: ShownNames,
    /// How long the API Only flag of a new user is not shown, by the simulator's clock.
    pub api_only_after: Duration,
    /// The formats of `expiresAt` that an update accepts.
    pub update_formats: Vec<TimeFormat>,
    /// The effect of an update without `apiOnly`.
    pub update_without_flag: UpdateWithoutFlag,
    /// The effect of `"expiresAt": null` in an update.
    pub null_expiration: NullExpiration,
    /// Whether an update accepts an end of access in the past.
    pub accepts_past: bool,
    /// Whether a later end of access unlocks a user whose access has ended.
    pub extending_unlocks: bool,
    /// The HTTP status and the code for a user who does not exist.
    pub missing_user: (u16, i64),
    /// Whether the custom service's role has the two required permissions; without them every call is answered with 603.
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
            page_limit: 200,
            beyond_end: BeyondEnd::Empty,
            names: ShownNames::AsEntered,
            api_only_after: Duration::ZERO,
            update_formats: vec![TimeFormat::Guide, TimeFormat::Description, TimeFormat::Iso],
            update_without_flag: UpdateWithoutFlag::Keeps,
            null_expiration: NullExpiration::Ignored,
            accepts_past: true,
            extending_unlocks: true,
            missing_user: (404, 610),
            permissions: true,
        }
    }
}
