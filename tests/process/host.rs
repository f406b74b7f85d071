//! A simulated Slack and Marketo, a folder, and the program with exactly the environment that it needs.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

use marketo_api_user::{
    clock::Clock,
    sim::{
        marketo::{self, MarketoSim},
        slack::{self, SlackSim},
        user::SlackWorkspace,
    },
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::load::{self, Shared};

/// Timeout for anything that should be quick, in seconds.
const PATIENCE: f64 = 20.0;

/// A policy that the simulators agree with.
pub(crate) const POLICY: &str = marketo_api_user::playground::POLICY;

/// The environment of the program under test.
pub(crate) struct Host {
    pub(crate) slack: Arc<SlackSim>,
    pub(crate) marketo: Arc<MarketoSim>,
    pub(crate) work: SlackWorkspace,
    pub(crate) folder: TempDir,
    pub(crate) clock: Clock,
    environment: BTreeMap<String, String>,
    program: PathBuf,
    user: Option<u32>,
    _machine: Shared,
}

/// How the program ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) seconds: f64,
}

/// The program while it runs. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    stdout: Option<JoinHandle<()>>,
    stderr: Option<JoinHandle<String>>,
    clock: Clock,
    pub(crate) address: SocketAddr,
}

impl Host {
    pub(crate) async fn open() -> Self {
        let machine = load::shared().await;
        let clock = Clock::system();
        let slack = SlackSim::start(clock.clone(), slack::Setup::default()).await.unwrap();
        let marketo = MarketoSim::start(clock.clone(), marketo::Setup::default()).await.unwrap();
        let work = SlackWorkspace::new(Arc::clone(&slack), "http://127.0.0.1:1", clock.clone());
        let folder = tempfile::tempdir().unwrap();
        let (environment, program) = (BTreeMap::new(), env!("CARGO_BIN_EXE_marketo-api-user").into());
        let mut this =
            Self { slack, marketo, work, folder, clock, environment, program, user: None, _machine: machine };
        this.write("bot.toml", POLICY);
        let setup = this.slack.setup();
        let database = format!("sqlite:{}", this.path("bot.db"));
        for (name, value) in [
            ("SLACK_SIGNING_SECRET", setup.signing_secret.as_str()),
            ("SLACK_BOT_TOKEN", &setup.bot_token),
            ("SLACK_API_URL", &this.slack.api_url()),
            ("MARKETO_BASE_URL", &this.marketo.url()),
            ("MARKETO_CLIENT_ID", marketo::CLIENT_ID),
            ("MARKETO_CLIENT_SECRET", marketo::CLIENT_SECRET),
            ("DATABASE_URL", &database),
            ("BIND", "127.0.0.1:0"),
            ("CONFIG", &this.path("bot.toml")),
            ("RUST_BACKTRACE", "1"),
        ] {
            this.set(name, value);
        }
        this
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Runs `program` from now on, as `user` if one is given.
    pub(crate) fn run_as(&mut self, program: PathBuf, user: Option<u32>) {
        (self.program, self.user) = (program, user);
    }

    /// Removes a variable. Returns its value.
    pub(crate) fn unset(&mut self, name: &str) -> String {
        self.environment.remove(name).unwrap_or_default()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.spawn(arguments).ends().await
    }

    /// Runs the program to its end, with these lines as its input.
    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        self.watched(child).ends().await
    }

    /// Runs `serve` until it listens.
    pub(crate) async fn serve(&self) -> Running {
        let mut running = self.spawn(&["serve"]);
        running.until_it_listens().await;
        self.work.set_bot_url(&format!("http://{}", running.address));
        running
    }

    /// Runs `serve` until it is ready.
    pub(crate) async fn serve_ready(&self) -> Running {
        let running = self.serve().await;
        running.becomes_ready().await;
        running
    }

    /// Asserts that `text` contains no secret.
    pub(crate) fn assert_no_secret(&self, text: &str) {
        for (name, value) in &self.environment {
            let is_secret = name.contains("SECRET") || name.contains("TOKEN");
            assert!(
                !is_secret || name.ends_with("_FILE") || !text.contains(value.as_str()),
                "{name}: {text}"
            );
        }
        assert!(!text.contains("hidden"), "{text}");
    }

    /// Runs `serve` until it listens at `BIND`, without reading its log.
    pub(crate) async fn serve_unread(&self) -> Running {
        let mut child = self.command(&["serve"]).spawn().unwrap();
        child.stdout = None;
        let mut running = self.watched(child);
        running.address = self.environment["BIND"].parse().unwrap();
        while TcpStream::connect(running.address).await.is_err() {
            assert!(running.child.try_wait().unwrap().is_none(), "it ended");
            self.clock.sleep(Duration::from_millis(3)).await;
        }
        running
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command.args(arguments).env_clear().envs(&self.environment).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn spawn(&self, arguments: &[&str]) -> Running {
        self.watched(self.command(arguments).spawn().unwrap())
    }

    fn watched(&self, mut child: Child) -> Running {
        let (stdout, mut stderr) = (child.stdout.take(), child.stderr.take().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let reads = Arc::clone(&lines);
        let stdout = thread::spawn(move || {
            for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
                reads.lock().unwrap().push(line.unwrap());
            }
        });
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let (stdout, stderr) = (Some(stdout), Some(stderr));
        let address = ([127, 0, 0, 1], 0).into();
        Running { child, lines, stdout, stderr, clock: self.clock.clone(), address }
    }
}

impl Running {
    /// The log so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    async fn until_it_listens(&mut self) {
        let watch = self.clock.stopwatch();
        loop {
            let found = self.log().into_iter().find_map(|line| address_in(&line));
            if let Some(address) = found {
                self.address = address;
                return;
            }
            let code = self.child.try_wait().unwrap();
            assert!(code.is_none(), "it ended: {code:?} {:?}", self.log());
            assert!(watch.seconds() < PATIENCE, "it does not listen: {:?}", self.log());
            self.clock.sleep(Duration::from_millis(3)).await;
        }
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn becomes_ready(&self) {
        let watch = self.clock.stopwatch();
        loop {
            let (status, body) = self.get("/readyz").await;
            if status == 200 {
                return;
            }
            assert!(watch.seconds() < PATIENCE, "it does not become ready: {body}");
            self.clock.sleep(Duration::from_millis(10)).await;
        }
    }

    /// Asks for a page: its status and its text.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Sends a signal, as `kill -NAME`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stops(self) -> Ended {
        self.signal("TERM");
        self.ends().await
    }

    /// Waits for its end.
    pub(crate) async fn ends(mut self) -> Ended {
        let watch = self.clock.stopwatch();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(watch.seconds() < PATIENCE, "it does not end: {:?}", self.log());
            self.clock.sleep(Duration::from_millis(3)).await;
        };
        let seconds = watch.seconds();
        self.stdout.take().unwrap().join().unwrap();
        let stderr = self.stderr.take().unwrap().join().unwrap();
        let stdout = self.log().iter().map(|line| format!("{line}\n")).collect();
        Ended { code: status.code(), stdout, stderr, seconds }
    }
}

/// The address in the line of the log that says where it listens.
fn address_in(line: &str) -> Option<SocketAddr> {
    if line.contains("\"listening\"") {
        let line: Value = serde_json::from_str(line).unwrap();
        return Some(line["address"].as_str().unwrap().parse().unwrap());
    }
    let (_, rest) = line.split_once(" listening address=")?;
    Some(rest.split(' ').next().unwrap().parse().unwrap())
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Asserts a failure with exactly one line for each of `keys`, in any order. Returns the lines.
    pub(crate) fn fails_with(&self, keys: &[&str]) -> Vec<String> {
        assert_eq!(self.code, Some(1), "{self:?}");
        let lines: Vec<String> = self.stderr.lines().map(str::to_owned).collect();
        for key in keys {
            let start = format!("marketo-api-user: {key}: ");
            let own = lines.iter().filter(|line| line.starts_with(&start)).count();
            assert_eq!(own, 1, "{key} in {}", self.stderr);
        }
        assert_eq!(lines.len(), keys.len(), "{}", self.stderr);
        for word in ["panicked", "stack backtrace", "RUST_BACKTRACE", "src/"] {
            assert!(!self.stderr.contains(word), "{}", self.stderr);
        }
        lines
    }

    /// Asserts success and an empty stderr.
    pub(crate) fn is_good(&self) {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
    }
}
