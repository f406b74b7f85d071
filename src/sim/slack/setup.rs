//! The workspace that a simulated Slack starts with: its app, people, channels and user groups.
//! Plain data; the default is a small friendly company that `demo` and most tests live in.

/// What a simulated workspace holds at the start.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The workspace's id.
    pub team_id: String,
    /// The workspace's name, which is its domain too.
    pub team_name: String,
    /// The app's id.
    pub app_id: String,
    /// The app's bot as a user.
    pub bot_user_id: String,
    /// The app's bot as a bot.
    pub bot_id: String,
    /// The only token the Web API takes.
    pub bot_token: String,
    /// The secret that signs requests to the bot.
    pub signing_secret: String,
    /// The scopes that the token was given.
    pub scopes: Vec<String>,
    /// Everyone the workspace knows, the bot included.
    pub users: Vec<SimUser>,
    /// Every channel.
    pub channels: Vec<SimChannel>,
    /// Every user group.
    pub groups: Vec<SimGroup>,
}

/// One user of the simulated workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimUser {
    /// User id.
    pub id: String,
    /// Handle.
    pub name: String,
    /// Name as people read it.
    pub real_name: String,
    /// IANA time zone.
    pub tz: String,
    /// A bot, not a person.
    pub is_bot: bool,
    /// Deactivated.
    pub deleted: bool,
    /// A guest.
    pub is_restricted: bool,
    /// A guest of a single channel.
    pub is_ultra_restricted: bool,
    /// The workspace the user belongs to; `None` is this one, another makes the user a stranger.
    pub team_id: Option<String>,
}

impl SimUser {
    /// An ordinary member.
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
    /// Ids of the people in it, without the bot.
    pub members: Vec<String>,
    /// A private channel.
    pub is_private: bool,
    /// The bot is in it.
    pub bot_is_member: bool,
    /// Archived.
    pub archived: bool,
}

impl SimChannel {
    /// A public channel with the bot and these people in it.
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
    /// Ids of its members.
    pub users: Vec<String>,
}

/// Those of the manifest.
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
