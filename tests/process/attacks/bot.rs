//! The built program among a simulated Slack and Marketo, and raw connections to it.

use std::{
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use marketo_api_user::{
    clock::Clock,
    playground::POLICY,
    sim::{
        marketo::{self, MarketoSim},
        slack::{self, SlackSim},
        user::{SlackWorkspace, sign},
    },
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::table::Table;

pub(crate) const COMMANDS: &str = "/slack/commands";
pub(crate) const INTERACTIONS: &str = "/slack/interactions";
pub(crate) const EVENTS: &str = "/slack/events";
pub(crate) const ROUTES: [&str; 4] = [COMMANDS, INTERACTIONS, "/slack/options", EVENTS];

/// Headers of a request.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// The program. Dropping it kills it.
pub(crate) struct Bot {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) slack: Arc<SlackSim>,
    pub(crate) marketo: Arc<MarketoSim>,
    pub(crate) work: SlackWorkspace,
    pub(crate) clock: Clock,
    pub(crate) secret: String,
    pub(crate) folder: TempDir,
}

/// An answer; status 0: there was none.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Bot {
    /// Starts it with these lines added to its configuration, and waits until it is ready.
    pub(crate) async fn start(lines: &str) -> Self {
        let clock = Clock::system();
        let slack = SlackSim::start(clock.clone(), slack::Setup::default()).await.unwrap();
        let marketo = MarketoSim::start(clock.clone(), marketo::Setup::default()).await.unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let work = SlackWorkspace::new(Arc::clone(&slack), &format!("http://{address}"), clock.clone());
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("marketo-api-user.toml"), format!("{POLICY}\n{lines}")).unwrap();
        let setup = slack.setup();
        let child = Command::new(env!("CARGO_BIN_EXE_marketo-api-user"))
            .arg("serve")
            .env_clear()
            .envs([
                ("SLACK_SIGNING_SECRET", format!("older-secret,{}", setup.signing_secret)),
                ("SLACK_BOT_TOKEN", setup.bot_token),
                ("SLACK_API_URL", slack.api_url()),
                ("MARKETO_BASE_URL", marketo.url()),
                ("MARKETO_CLIENT_ID", marketo::CLIENT_ID.to_owned()),
                ("MARKETO_CLIENT_SECRET", marketo::CLIENT_SECRET.to_owned()),
                ("DATABASE_URL", "sqlite:bot.db".to_owned()),
                ("BIND", address.to_string()),
                ("RUST_LOG", "warn".to_owned()),
            ])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let secret = setup.signing_secret;
        let bot = Self { child, address, slack, marketo, work, clock, secret, folder };
        bot.until("it is ready", async |bot| bot.get("/readyz").await.status == 200).await;
        bot
    }

    /// Polls `is_so`, for half a minute at most.
    pub(crate) async fn until(&self, what: &str, is_so: impl AsyncFn(&Self) -> bool) {
        let watch = self.clock.stopwatch();
        while !is_so(self).await {
            assert!(watch.seconds() < 30.0, "not in time: {what}");
            self.clock.sleep(Duration::from_millis(20)).await;
        }
    }

    /// Connects, or `None` if that fails.
    pub(crate) async fn connect(&self) -> Option<TcpStream> {
        TcpStream::connect(self.address).await.ok()
    }

    /// Sends bytes and reads until the end.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        let Some(mut stream) = self.connect().await else { return Answer::read(b"") };
        // It may answer and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        until_the_end(&mut stream, Duration::from_secs(20)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.raw(format!("GET {path} HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n").as_bytes()).await
    }

    pub(crate) fn stamp(&self) -> i64 {
        self.clock.now().as_second()
    }

    pub(crate) fn signed(&self, body: &[u8]) -> Headers {
        let stamp = self.stamp().to_string();
        let signature = sign(&self.secret, &stamp, body);
        vec![("X-Slack-Request-Timestamp", stamp), ("X-Slack-Signature", signature)]
    }

    /// Posts a body with headers.
    pub(crate) async fn post(&self, path: &str, headers: &Headers, body: &[u8]) -> Answer {
        self.raw(&request(path, headers, body)).await
    }

    /// Posts a body with a valid signature.
    pub(crate) async fn post_signed(&self, path: &str, body: &[u8]) -> Answer {
        self.post(path, &self.signed(body), body).await
    }

    /// The sum of a metric whose lines begin with `name`.
    pub(crate) async fn counted(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await.body;
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// A signed help command is answered.
    pub(crate) async fn serves(&self) -> bool {
        self.post_signed(COMMANDS, command(&self.clock.new_id(), "help").as_bytes()).await.status == 200
    }

    /// The memory that it has in use, in MiB.
    pub(crate) fn mebibytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    /// The bot still serves, and the attacks had no effect.
    pub(crate) async fn nothing_came_of_it(&self, table: &mut Table) {
        table.group("after all");
        let (posts, users) = (self.slack.calls_to("chat.postMessage").len(), self.marketo.invites());
        table.row(
            "all of that: still serving",
            self.serves().await && self.get("/readyz").await.status == 200,
            "200",
        );
        table.row("all of that: panics", self.counted("http_panics_total").await == 0, 0);
        table.row("all of that: messages beyond the one request's", posts <= 3, format!("{posts} messages"));
        table.row("all of that: users created", users == 0, users);
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    /// Whether it has this status and no body.
    pub(crate) fn is_bare(&self, status: u16) -> bool {
        self.status == status && self.body.is_empty()
    }

    /// What was seen, for the table.
    pub(crate) fn seen(&self) -> String {
        match (self.status, self.body.len()) {
            (0, _) => "closed without an answer".to_owned(),
            (status, 0) => format!("{status}, empty"),
            (status, length) => format!("{status}, {length} bytes"),
        }
    }
}

/// Reads until the peer closes or `within` has passed.
pub(crate) async fn until_the_end(stream: &mut TcpStream, within: Duration) -> Answer {
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(within, stream.read_to_end(&mut answer)).await;
    Answer::read(&answer)
}

/// A request as bytes, the last one on its connection.
pub(crate) fn request(path: &str, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n"
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    [(head + "\r\n").as_bytes(), body].concat()
}

/// A slash command's body.
pub(crate) fn command(trigger: &str, text: &str) -> String {
    let fields = [
        ("team_id", "T0001"),
        ("channel_id", "C0OPS"),
        ("user_id", "U0REQ"),
        ("command", "/marketo-api-user"),
        ("text", text),
        ("trigger_id", trigger),
    ];
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// An interaction's body.
pub(crate) fn interaction(payload: &serde_json::Value) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish()
}
