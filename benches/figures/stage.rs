//! The simulated Slack and Marketo, the bot and the floor, and what people do there.

use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use marketo_api_user::{
    clock::Clock,
    playground::POLICY,
    sim::{
        marketo::{self, MarketoSim},
        slack::{self, SimMessage, SlackSim},
        user::SlackWorkspace,
    },
};
use tempfile::TempDir;
use tokio::task::yield_now;

use super::{
    floor,
    load::{Connection, help_commands},
    process::{Server, free_address, on_first_cpu},
};

/// The secret that signs.
pub(crate) const SECRET: &str = "simulated-signing-secret";
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct Stage {
    slack: Arc<SlackSim>,
    marketo: Arc<MarketoSim>,
    work: SlackWorkspace,
    clock: Clock,
    folder: TempDir,
    binary: PathBuf,
    is_pinned: bool,
}

impl Stage {
    /// Starts the simulators; the bot has run once, so that its database exists.
    pub(crate) async fn open(binary: PathBuf, is_pinned: bool) -> Self {
        let clock = Clock::system();
        let setup = slack::Setup { signing_secret: SECRET.to_owned(), ..slack::Setup::default() };
        let slack = SlackSim::start(clock.clone(), setup).await.unwrap();
        let marketo = MarketoSim::start(clock.clone(), marketo::Setup::default()).await.unwrap();
        let work = SlackWorkspace::new(Arc::clone(&slack), "http://127.0.0.1:1", clock.clone());
        let folder = tempfile::tempdir().unwrap();
        let limits = "[limits]\nper_user_per_minute = 0\nper_team_per_minute = 0\n";
        let policy = format!("{POLICY}\n[marketo]\ncalls_per_20s = 100\n{limits}");
        std::fs::write(folder.path().join("marketo-api-user.toml"), policy).unwrap();
        let this = Self { slack, marketo, work, clock, folder, binary, is_pinned };
        this.start_bot().await.stop();
        this
    }

    fn spawn_bot(&self) -> Server {
        let address = free_address();
        let setup = self.slack.setup();
        let mut command = on_first_cpu(&self.binary, self.is_pinned);
        command.arg("serve").current_dir(self.folder.path());
        for (name, value) in [
            ("SLACK_SIGNING_SECRET", SECRET),
            ("SLACK_BOT_TOKEN", &setup.bot_token),
            ("SLACK_API_URL", &self.slack.api_url()),
            ("MARKETO_BASE_URL", &self.marketo.url()),
            ("MARKETO_CLIENT_ID", marketo::CLIENT_ID),
            ("MARKETO_CLIENT_SECRET", marketo::CLIENT_SECRET),
            ("DATABASE_URL", "sqlite:bot.db"),
            ("BIND", &address.to_string()),
        ] {
            command.env(name, value);
        }
        Server::start(command, address)
    }

    /// Starts the bot and waits until it is ready.
    pub(crate) async fn start_bot(&self) -> Server {
        let bot = self.spawn_bot();
        self.work.set_bot_url(&format!("http://{}", bot.address));
        self.answers(&bot, b"GET /readyz HTTP/1.1\r\nHost: bot\r\n\r\n", Some(PAUSE)).await;
        bot
    }

    /// Starts the floor and waits until it answers.
    pub(crate) async fn start_floor(&self) -> Server {
        let address = free_address();
        let mut command: Command = on_first_cpu(std::env::current_exe().unwrap(), self.is_pinned);
        command.args([floor::ARGUMENT, &address.to_string(), SECRET]);
        let server = Server::start(command, address);
        self.answers(&server, &help_commands(&self.clock, SECRET, 1)[0], Some(PAUSE)).await;
        server
    }

    /// How long it took from the start of the process to the first answer, in seconds.
    pub(crate) async fn first_answers(&self, times: usize) -> Vec<f64> {
        let mut took = Vec::new();
        for _ in 0..times {
            let help = help_commands(&self.clock, SECRET, 1);
            let watch = self.clock.stopwatch();
            let bot = self.spawn_bot();
            self.answers(&bot, &help[0], None).await;
            took.push(watch.seconds());
            bot.stop();
        }
        took
    }

    /// Asks until the answer is 200.
    async fn answers(&self, server: &Server, request: &[u8], pause: Option<Duration>) {
        let watch = self.clock.stopwatch();
        loop {
            if let Ok(mut connection) = Connection::open(server.address).await
                && matches!(connection.exchange(request).await, Ok(200))
            {
                return;
            }
            assert!(watch.seconds() < 20.0, "no answer from {}", server.address);
            match pause {
                Some(pause) => self.clock.sleep(pause).await,
                None => yield_now().await,
            }
        }
    }

    /// Has users requested, approved and created, one after the other. Gives how long each submission took, and each
    /// way from the press of Approve to the invite.
    pub(crate) async fn create(&self, number: usize) -> (Vec<f64>, Vec<f64>) {
        let (rae, ada) = (self.work.person("U0REQ"), self.work.person("U0APPROVE"));
        let (mut acks, mut invites) = (Vec::new(), Vec::new());
        for number in 1..=number {
            let email = format!("svc-{number}@example.com");
            rae.types("C0OPS", &format!("/marketo-api-user {email}")).await;
            rae.sees_modal().await.unwrap();
            rae.fills(&[("First name", "Svc"), ("Last name", "Crm"), ("Role", "API Only")]).await.unwrap();
            let watch = self.clock.stopwatch();
            let submitted = rae.submits().await.unwrap();
            acks.push(watch.seconds());
            assert!(submitted.closed, "{submitted:?}");
            let is_asked = |slack: &SlackSim| slack.channel("C0APPROVE").len() == number;
            assert!(self.slack.wait_for(is_asked).await, "no card");
            let card: SimMessage = self.slack.channel("C0APPROVE").pop().unwrap();

            let (ada, before) = (ada.clone(), self.marketo.invites());
            let watch = self.clock.stopwatch();
            let press = tokio::spawn(async move { ada.clicks(&card, "Approve").await });
            while self.marketo.invites() == before {
                assert!(watch.seconds() < 20.0, "no invite");
                yield_now().await;
            }
            invites.push(watch.seconds());
            press.await.unwrap().unwrap();
            let is_told =
                |slack: &SlackSim| slack.channel("C0OPS").iter().any(|message| message.text.contains(&email));
            assert!(self.slack.wait_for(is_told).await, "not announced");
        }
        (acks, invites)
    }
}
