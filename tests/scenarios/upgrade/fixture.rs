//! Opens a copy of the database that version 0.1.0 wrote. The simulators start with the Slack messages and the Marketo
//! users that existed when the fixture was made.

use std::{fs, ops::Deref, path::PathBuf, time::Duration};

use jiff::Timestamp;
use marketo_api_user::{
    playground::Options,
    sim::{
        marketo::{Identity, MarketoSim, Setup, SimRole, SimUser, SimWorkspace},
        render,
        slack::{SimMessage, SimUser as Member},
        user::User,
    },
    store::{Head, Ledger, LedgerEntry, Selection},
};
use secrecy::ExposeSecret;
use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use tempfile::TempDir;

use crate::test_bot::{CARDS, Database, OPS, RAE, TestBot, assert_empty_ack, options};

/// The person in `escalate_to`.
pub(crate) const BOSS: &str = "U0BOSS";

/// A copy of the fixture database, in a folder or schema of its own.
pub(crate) struct Copy {
    pub(crate) url: String,
    /// The Slack messages and Marketo users that belong to the database.
    external: Value,
    _folder: TempDir,
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/0.1.0").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap()
}

impl Copy {
    pub(crate) async fn of(database: &Database) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (url, external) = match database {
            Database::Sqlite => {
                let path = folder.path().join("bot.db");
                fs::copy(file("sqlite.db"), &path).unwrap();
                (format!("sqlite:{}", path.display()), "sqlite.json")
            }
            Database::Postgres(_) => {
                let url = database.fresh().await.unwrap();
                let mut connection = AnyConnection::connect(&url).await.unwrap();
                // Without arguments, sqlx sends a simple query, which may hold many statements.
                let dump = AssertSqlSafe(text("postgres.sql"));
                connection.execute(sqlx::raw_sql(dump)).await.unwrap();
                connection.close().await.unwrap();
                (url, "postgres.json")
            }
        };
        Self { url, external: serde_json::from_str(&text(external)).unwrap(), _folder: folder }
    }

    fn options(&self) -> Options {
        let mut options = options();
        options.policy = text("policy.toml");
        options.database_url = Some(self.url.clone());
        options.slack.users.push(Member::member(BOSS, "bea", "Bea Boss", "Europe/Vienna"));
        let cards = options.slack.channels.iter_mut().find(|channel| channel.id == CARDS).unwrap();
        cards.members.push(BOSS.to_owned());
        options.marketo.users = self.users("production");
        options.second_marketo = Some(Setup {
            identity: Identity::Adobe,
            client_id: "client-of-the-sandbox".to_owned(),
            client_secret: "secret-of-the-sandbox".to_owned(),
            roles: vec![SimRole::new(501, "API Only"), SimRole::new(502, "Sandbox API")],
            workspaces: vec![SimWorkspace::new(1, "Default"), SimWorkspace::new(9, "Playground")],
            users: self.users("sandbox"),
            ..Setup::default()
        });
        options
    }

    fn users(&self, instance: &str) -> Vec<SimUser> {
        let text = |user: &Value, name: &str| user[name].as_str().unwrap().to_owned();
        let user = |user: &Value| SimUser {
            userid: text(user, "userid"),
            expires_at: user["expires_at"].as_str().map(|at| at.parse().unwrap()),
            roles: serde_json::from_value(user["roles"].clone()).unwrap(),
            ..SimUser::new(
                user["id"].as_i64().unwrap(),
                &text(user, "email"),
                &text(user, "first_name"),
                &text(user, "last_name"),
                user["api_only"].as_bool().unwrap(),
            )
        };
        self.external[instance].as_array().unwrap().iter().map(user).collect()
    }

    /// The ledger heads that were posted to Slack.
    pub(crate) fn anchors(&self) -> Vec<Head> {
        let texts = self.external["messages"].as_array().unwrap().iter();
        texts.filter_map(|message| anchor_in(&message["blocks"])).collect()
    }

    /// Every entry of the ledger, after verifying it against the posted heads.
    pub(crate) async fn ledger(&self) -> Vec<LedgerEntry> {
        let ledger = Ledger::open(&self.url).await.unwrap();
        assert_eq!(ledger.verify(&self.anchors()).await.unwrap().err(), None);
        let mut entries: Vec<LedgerEntry> = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry| entry.seq);
            let page = ledger.page(&Selection::default(), after, i64::MAX).await.unwrap();
            if page.is_empty() {
                break;
            }
            entries.extend(page);
        }
        ledger.close().await;
        entries
    }
}

/// Today's bot on the old database. It has started, but has not run any effect yet.
pub(crate) struct Opened {
    bot: TestBot,
    pub(crate) copy: Copy,
}

impl Deref for Opened {
    type Target = TestBot;

    fn deref(&self) -> &TestBot {
        &self.bot
    }
}

impl Opened {
    /// One for each kind of database.
    pub(crate) async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for database in Database::all() {
            all.push(Self::on(Copy::of(&database).await).await);
        }
        all
    }

    async fn on(copy: Copy) -> Self {
        let mut bot = TestBot::prepare(copy.options()).await;
        // All old requests go on at one moment of a clock that stands still.
        bot.playground
            .configure(|config| config.instances.iter_mut().for_each(|one| one.calls_per_20s = 100));
        // The dead letter of the fixture, and the card that the upgrade test deletes.
        bot.expect_dead_letters(1);
        bot.allow_slack_errors(&["message_not_found"]);
        let setup = bot.slack.setup();
        for message in copy.external["messages"].as_array().unwrap() {
            let text = |name: &str| message[name].as_str().unwrap().to_owned();
            bot.slack.restore_message(SimMessage {
                channel: text("channel"),
                ts: text("ts"),
                thread_ts: message["thread_ts"].as_str().map(str::to_owned),
                user: setup.bot_user_id.clone(),
                bot_id: Some(setup.bot_id.clone()),
                text: text("text"),
                blocks: message["blocks"].clone(),
                metadata: Some(message["metadata"].clone()).filter(|metadata| !metadata.is_null()),
                edits: 0,
            });
        }
        bot.playground.start().await.unwrap();
        assert_eq!(bot.database_url().expose_secret(), copy.url);
        Self { bot, copy }
    }

    /// Delivers once more what Slack delivered to the earlier version right before it ended, as a retry does.
    pub(crate) async fn repeat_deliveries(&self) {
        let deliveries = self.copy.external["deliveries"].as_array().unwrap();
        assert_eq!(deliveries.len(), 7);
        for delivery in deliveries {
            let text = |name: &str| delivery[name].as_str().unwrap();
            let signed = self.work.signed(text("path"), text("content_type"), text("body"));
            assert_empty_ack(&self.work.send(&signed).await);
        }
    }

    pub(crate) fn bot(&self) -> &TestBot {
        &self.bot
    }

    pub(crate) fn sandbox(&self) -> &MarketoSim {
        self.second_marketo.as_deref().unwrap()
    }

    /// The cards that name `subject`, an email address from the fixture's README, oldest first.
    pub(crate) fn cards(&self, subject: &str) -> Vec<SimMessage> {
        let cards = self.slack.channel(CARDS).into_iter();
        cards.filter(|card| card.thread_ts.is_none() && names(card, subject)).collect()
    }

    /// The only card that names `subject`.
    pub(crate) fn card(&self, subject: &str) -> SimMessage {
        let [card] = self.cards(subject).try_into().expect("one card");
        card
    }

    /// The thread replies to the only card.
    pub(crate) fn replies(&self, subject: &str) -> Vec<String> {
        let ts = self.card(subject).ts;
        let replies = self.slack.channel(CARDS).into_iter();
        replies
            .filter(|reply| reply.thread_ts.as_ref() == Some(&ts))
            .map(|reply| render::message(&reply, &self.slack.names()))
            .collect()
    }

    /// Asserts that the only card contains each of `words`.
    pub(crate) fn card_says(&self, subject: &str, words: &[&str]) {
        let card = render::message(&self.card(subject), &self.slack.names());
        for word in words {
            assert!(card.contains(word), "no {word:?} in\n{card}");
        }
    }

    /// The direct message to the requester about `subject`.
    pub(crate) fn direct(&self, subject: &str) -> SimMessage {
        self.slack.dm(RAE).into_iter().find(|message| names(message, subject)).expect("a direct message")
    }

    /// Clicks a button of the only card, runs every effect that is due, and leaves a conversation time for another message.
    pub(crate) async fn clicks(&self, person: &User, subject: &str, label: &str) {
        assert_empty_ack(&person.clicks(&self.card(subject), label).await.unwrap());
        self.advance(8).await;
    }

    /// How many invites for `subject` today's bot has sent, to either instance.
    pub(crate) fn invited(&self, subject: &str) -> usize {
        let calls = self.marketo.calls().into_iter().chain(self.sandbox().calls());
        calls
            .filter(|call| call.name == "invite" && call.body.as_ref().unwrap()["emailAddress"] == subject)
            .count()
    }

    /// Asserts that exactly one user exists, that the card and one announcement say so, and that today's bot sent
    /// `invites` invites for it.
    pub(crate) fn assert_created(&self, subject: &str, invites: usize) {
        self.card_says(subject, &["The user is created"]);
        let users = self.marketo.users().into_iter().chain(self.sandbox().users());
        assert_eq!(users.filter(|user| user.email == subject).count(), 1, "{subject}");
        assert_eq!(self.invited(subject), invites, "{subject}");
        let announced = self.slack.channel(OPS).iter().filter(|message| names(message, subject)).count();
        assert_eq!(announced, 1, "{subject}");
        assert!(self.card(subject).blocks.as_array().unwrap().iter().all(|block| block["type"] != "actions"));
    }

    /// Advances the clock to `moment`, running each effect when it is due.
    pub(crate) async fn until(&self, moment: &str) {
        let end: Timestamp = moment.parse().unwrap();
        let left = u64::try_from(end.as_millisecond() - self.clock.millis()).unwrap();
        self.pass(Duration::from_millis(left)).await.unwrap();
    }

    /// Lets every request time out, ends the bot, and verifies the ledger that it leaves.
    pub(crate) async fn finish(self) {
        self.until("2026-12-03T10:00:00Z").await;
        let Self { bot, copy } = self;
        drop(bot);
        copy.ledger().await;
    }
}

fn names(message: &SimMessage, subject: &str) -> bool {
    let blocks = message.blocks.to_string();
    // One subject may be the end of another.
    let mut found = blocks.match_indices(subject);
    found.any(|(place, _)| !blocks[..place].ends_with(|c: char| c.is_alphanumeric() || c == '-' || c == '.'))
}

/// The ledger head in a message's blocks.
pub(crate) fn anchor_in(blocks: &Value) -> Option<Head> {
    let text = blocks.to_string();
    let (_, rest) = text.split_once("--anchored ")?;
    let end = rest.find(|c: char| c != ':' && !c.is_ascii_hexdigit()).unwrap_or(rest.len());
    Some(rest[..end].parse().unwrap())
}
