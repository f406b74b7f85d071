//! The initial data of a simulated workspace: app, people, channels and user groups. Plain data only; the default is
//! the small company of `demo` and most tests.

/// The initial data of a simulated workspace. The [module docs](super) list the unverified facts.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The workspace's id.
    pub team_id: String,
    /// The workspace's name and domain.
    pub team_name: String,
    /// The Enterprise organization of the workspace, if it is in one.
    pub enterprise_id: Option<String>,
    /// The app's id.
    pub app_id: String,
    /// The user id of the app's bot.
    pub bot_user_id: String,
    /// The bot id of the app's bot.
    pub bot_id: String,
    /// The only token that the Web API accepts.
    pub bot_token: String,
    /// The secret that signs requests to the bot.
    pub signing_secret: String,
    /// The granted scopes of the token.
    pub scopes: Vec<String>,
    /// All users, including the bot.
    pub users: Vec<SimUser>,
    /// All channels.
    pub channels: Vec<SimChannel>,
    /// All user groups.
    pub groups: Vec<SimGroup>,
}

/// One user of the simulated workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimUser {
    /// User id.
    pub id: String,
    /// Handle.
    pub name: String,
    /// Display name.
    pub real_name: String,
    /// IANA time zone.
    pub tz: String,
    /// Whether the user is a bot.
    pub is_bot: bool,
    /// Whether the user is deactivated.
    pub deleted: bool,
    /// Whether the user is a guest.
    pub is_restricted: bool,
    /// Whether the user is a single-channel guest.
    pub is_ultra_restricted: bool,
    /// The user's home workspace; `None` is this one. Any other makes the user external (`is_stranger`), unless both are in
    /// one organization.
    pub team_id: Option<String>,
    /// The user's place in the organization, if the workspace is in one.
    pub enterprise: Option<SimEnterpriseUser>,
}

/// The field `enterprise_user` of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimEnterpriseUser {
    /// The user's other id, by which Slack knows them, too.
    pub id: String,
    /// The organization.
    pub enterprise_id: String,
    /// The user's workspaces.
    pub teams: Vec<String>,
}

impl SimUser {
    /// A regular member.
    pub fn member(id: &str, name: &str, real_name: &str, tz: &str) -> Self {
        let [id, name, real_name, tz] = [id, name, real_name, tz].map(str::to_owned);
        Self { id, name, real_name, tz, ..Self::default() }
    }
}

/// One channel of the simulated workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimChannel {
    /// Channel id.
    pub id: String,
    /// Name without `#`.
    pub name: String,
    /// User ids of the members, without the bot.
    pub members: Vec<String>,
    /// Whether the channel is private.
    pub is_private: bool,
    /// Whether the bot is a member.
    pub bot_is_member: bool,
    /// Whether the channel is archived.
    pub archived: bool,
}

impl SimChannel {
    /// A public channel with the bot and these members.
    pub fn public(id: &str, name: &str, members: &[&str]) -> Self {
        let members = members.iter().map(|&member| member.to_owned()).collect();
        Self { id: id.to_owned(), name: name.to_owned(), members, bot_is_member: true, ..Self::default() }
    }
}

/// One user group of the simulated workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimGroup {
    /// User group id.
    pub id: String,
    /// Handle without `@`.
    pub handle: String,
    /// User ids of the members.
    pub users: Vec<String>,
}

/// The scopes of the app manifest.
const SCOPES: [&str; 11] = [
    "channels:history",
    "channels:read",
    "chat:write",
    "chat:write.public",
    "commands",
    "groups:history",
    "groups:read",
    "im:history",
    "im:write",
    "usergroups:read",
    "users:read",
];

impl Default for Setup {
    fn default() -> Self {
        let everyone = ["U0REQ", "U0APPROVE", "U0SECOND", "U0GUEST", "U0OUT"];
        let approvers = ["U0APPROVE", "U0SECOND"];
        let guest = SimUser::member("U0GUEST", "gus", "Gus Guest", "Europe/Paris");
        let outsider = SimUser::member("U0OUT", "olga", "Olga Outsider", "America/New_York");
        let bot = SimUser::member("UB0T", "marketo-bot", "Marketo Bot", "Etc/UTC");
        let private = SimChannel::public("C0PRIVATE", "private", &["U0REQ"]);
        Self {
            team_id: "T0001".to_owned(),
            team_name: "example".to_owned(),
            enterprise_id: None,
            app_id: "A0001".to_owned(),
            bot_user_id: "UB0T".to_owned(),
            bot_id: "B0001".to_owned(),
            bot_token: "xoxb-simulated".to_owned(),
            signing_secret: "simulated-signing-secret".to_owned(),
            scopes: SCOPES.map(str::to_owned).to_vec(),
            users: vec![
                SimUser::member("U0REQ", "rae", "Rae Requester", "America/Los_Angeles"),
                SimUser::member("U0APPROVE", "ada", "Ada Approver", "Europe/London"),
                SimUser::member("U0SECOND", "sam", "Sam Second", "Asia/Kolkata"),
                SimUser { is_restricted: true, ..guest },
                SimUser { team_id: Some("T0999".to_owned()), ..outsider },
                SimUser { is_bot: true, ..bot },
            ],
            channels: vec![
                SimChannel::public("C0OPS", "marketing-ops", &everyone),
                SimChannel::public("C0APPROVE", "marketo-approvals", &approvers),
                SimChannel { is_private: true, bot_is_member: false, ..private },
            ],
            groups: vec![SimGroup {
                id: "S0MOPS".to_owned(),
                handle: "mops".to_owned(),
                users: approvers.map(str::to_owned).to_vec(),
            }],
        }
    }
}
