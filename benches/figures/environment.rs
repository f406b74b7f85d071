//! The environment of the measurements: simulated Slack and Marketo, the bot, the baseline, and people who use the bot.

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
    baseline,
    load::{Connection, help_commands},
    process::{Server, free_address, on_first_cpu},
};

/// The signing secret of the simulated Slack.
pub(crate) const SECRET: &str = "simulated-signing-secret";
const POLL_INTERVAL: Duration = Duration::from_millis(10);

pub(crate) struct Environment {
    slack: Arc<SlackSim>,
    marketo: Arc<MarketoSim>,
    workspace: SlackWorkspace,
    clock: Clock,
    folder: TempDir,
    binary: PathBuf,
    is_pinned: bool,
}

impl Environment {
    /// Starts the simulators, and runs the bot once to create its database.
    pub(crate) async fn open(binary: PathBuf, is_pinned: bool) -> Self {
        let clock = Clock::system();
        let setup = slack::Setup { signing_secret: SECRET.to_owned(), ..slack::Setup::default() };
        let slack = SlackSim::start(clock.clone(), setup).await.unwrap();
        let marketo = MarketoSim::start(clock.clone(), marketo::Setup::default()).await.unwrap();
        let workspace = SlackWorkspace::new(Arc::clone(&slack), "http://127.0.0.1:1", clock.clone());
        let folder = tempfile::tempdir().unwrap();
        let limits = "[limits]\nper_user_per_minute = 0\nper_team_per_minute = 0\n";
        let policy = format!("{POLICY}\n[marketo]\ncalls_per_20s = 100\n{limits}");
        std::fs::write(folder.path().join("marketo-api-user.toml"), policy).unwrap();
        let environment = Self { slack, marketo, workspace, clock, folder, binary, is_pinned };
        environment.start_bot().await.stop();
        environment
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
        self.workspace.set_bot_url(&format!("http://{}", bot.address));
        self.wait_for_200(&bot, b"GET /readyz HTTP/1.1\r\nHost: bot\r\n\r\n", Some(POLL_INTERVAL)).await;
        bot
    }

    /// Starts the baseline and waits until it responds.
    pub(crate) async fn start_baseline(&self) -> Server {
        let address = free_address();
        let mut command: Command = on_first_cpu(std::env::current_exe().unwrap(), self.is_pinned);
        command.args([baseline::ARGUMENT, &address.to_string(), SECRET]);
        let server = Server::start(command, address);
        self.wait_for_200(&server, &help_commands(&self.clock, SECRET, 1)[0], Some(POLL_INTERVAL)).await;
        server
    }

    /// Starts the bot `times` times. Returns the seconds from each start to the first response.
    pub(crate) async fn startup_times(&self, times: usize) -> Vec<f64> {
        let mut durations = Vec::new();
        for _ in 0..times {
            let help = help_commands(&self.clock, SECRET, 1);
            let watch = self.clock.stopwatch();
            let bot = self.spawn_bot();
            self.wait_for_200(&bot, &help[0], None).await;
            durations.push(watch.seconds());
            bot.stop();
        }
        durations
    }

    /// Repeats `request` until the response is 200.
    async fn wait_for_200(&self, server: &Server, request: &[u8], pause: Option<Duration>) {
        let watch = self.clock.stopwatch();
        loop {
            if let Ok(mut connection) = Connection::open(server.address).await
                && matches!(connection.exchange(request).await, Ok(200))
            {
                return;
            }
            assert!(watch.seconds() < 20.0, "no response from {}", server.address);
            match pause {
                Some(pause) => self.clock.sleep(pause).await,
                None => yield_now().await,
            }
        }
    }

    /// Requests, approves and creates `count` users one after the other. Returns the seconds that each submission took,
    /// and those from each click on Approve to the invite.
    pub(crate) async fn create_users(&self, count: usize) -> (Vec<f64>, Vec<f64>) {
        let (rae, ada) = (self.workspace.person("U0REQ"), self.workspace.person("U0APPROVE"));
        let (mut acks, mut invites) = (Vec::new(), Vec::new());
        for number in 1..=count {
            let email = format!("svc-{number}@example.com");
            rae.types("C0OPS", &format!("/marketo-api-user {email}")).await;
            rae.sees_modal().await.unwrap();
            rae.fills(&[("First name", "Svc"), ("Last name", "Crm"), ("Role", "API Only")]).await.unwrap();
            let watch = self.clock.stopwatch();
            let submitted = rae.submits().await.unwrap();
            acks.push(watch.seconds());
            assert!(submitted.closed, "{submitted:?}");
            let has_card = |slack: &SlackSim| slack.channel("C0APPROVE").len() == number;
            assert!(self.slack.wait_for(has_card).await, "no card");
            let card: SimMessage = self.slack.channel("C0APPROVE").pop().unwrap();

            let (ada, before) = (ada.clone(), self.marketo.invites());
            let watch = self.clock.stopwatch();
            let click = tokio::spawn(async move { ada.clicks(&card, "Approve").await });
            while self.marketo.invites() == before {
                assert!(watch.seconds() < 20.0, "no invite");
                yield_now().await;
            }
            invites.push(watch.seconds());
            click.await.unwrap().unwrap();
            let is_announced =
                |slack: &SlackSim| slack.channel("C0OPS").iter().any(|message| message.text.contains(&email));
            assert!(self.slack.wait_for(is_announced).await, "not announced");
        }
        (acks, invites)
    }
}
