//! Replicas of the bot on one database, a check at the end of each scenario that no work is left over, and helpers.

use std::{
    io::Write,
    ops::{Deref, DerefMut},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Handle,
    task::block_in_place,
};

use marketo_api_user::{
    clock::Clock,
    playground::{Mode, Options, Playground},
    sim::{
        slack::SimMessage,
        user::{Reply, User},
    },
};

use crate::schema;

pub(crate) const RAE: &str = "U0REQ";
pub(crate) const ADA: &str = "U0APPROVE";
pub(crate) const OPS: &str = "C0OPS";
pub(crate) const CARDS: &str = "C0APPROVE";

/// A new, empty schema on the server that `TEST_POSTGRES_URL` names. If that is not set, the scenario is reported as
/// skipped.
#[expect(clippy::disallowed_methods, reason = "a test's own setting")]
pub(crate) async fn postgres() -> Option<String> {
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
        report_skipped("needs PostgreSQL, but TEST_POSTGRES_URL is not set");
        return None;
    };
    let name = format!("replicas_{}", Clock::system().new_id().replace('-', ""));
    Some(schema::fresh(&server, &name).await)
}

/// Reports a skipped scenario on stderr, which is shown even when all tests pass.
pub(crate) fn report_skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {reason}");
}

/// Options with a manual clock, on `database`, with `lines` added to the configuration.
pub(crate) fn options(database: String, mode: Mode, lines: &str) -> Options {
    let now = "2026-11-24T10:00:00Z".parse().expect("a time");
    let mut options = Options::new(Clock::manual(now), mode);
    options.database_url = Some(database);
    options.policy.push_str(lines);
    options
}

/// The replicas of one bot. They need a multi-threaded runtime, since the check at their end blocks.
pub(crate) struct Cluster {
    /// The first one owns the folder of all.
    replicas: Vec<Playground>,
    has_manual_clock: bool,
}

impl Cluster {
    /// Replicas that run on the system's clock.
    pub(crate) fn in_real_time(replicas: Vec<Playground>) -> Self {
        Self { replicas, has_manual_clock: false }
    }

    /// Replicas whose clock is moved.
    pub(crate) fn in_moved_time(replicas: Vec<Playground>) -> Self {
        Self { replicas, has_manual_clock: true }
    }

    /// Finishes what is due, then fails when anything is left over. Open requests may still be due later.
    async fn end(&mut self) {
        let running = self.has_manual_clock.then(|| run_clock(&self.replicas[0].clock));
        for replica in &self.replicas {
            wait_until("nothing is due", async || {
                if tokio::time::timeout(Duration::from_secs(1), replica.drain()).await.is_err() {
                    return false;
                }
                let left = replica.depth().await.expect("the database answers");
                assert_eq!(left.dead_letters, 0, "an effect was given up");
                left.due == 0
            })
            .await;
        }
        drop(running);
        for replica in self.replicas.iter_mut().rev() {
            replica.stop().await;
        }
    }
}

impl Deref for Cluster {
    type Target = [Playground];

    fn deref(&self) -> &[Playground] {
        &self.replicas
    }
}

impl DerefMut for Cluster {
    fn deref_mut(&mut self) -> &mut [Playground] {
        &mut self.replicas
    }
}

impl Drop for Cluster {
    /// A scenario ends with no work left over; one that fails already is not checked.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            block_in_place(|| Handle::current().block_on(self.end()));
        }
    }
}

/// A playground and `more` replicas besides, all started.
pub(crate) async fn replicas(options: Options, more: usize) -> Cluster {
    let first = Playground::open(options).await.expect("a playground");
    let mut all = vec![first];
    for _ in 0..more {
        let mut another = all[0].replica();
        another.start().await.expect("another replica");
        all.push(another);
    }
    Cluster::in_moved_time(all)
}

/// Runs `clock` ten times as fast as real time until the returned guard is dropped.
pub(crate) fn run_clock(clock: &Clock) -> RunningClock {
    let clock = clock.clone();
    RunningClock(tokio::spawn(async move {
        let real = Clock::system();
        loop {
            real.sleep(Duration::from_millis(5)).await;
            clock.advance(Duration::from_millis(50));
        }
    }))
}

pub(crate) struct RunningClock(tokio::task::JoinHandle<()>);

impl Drop for RunningClock {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Polls `done` until it is true, for a minute of real time at most.
pub(crate) async fn wait_until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let real = Clock::system();
    let end = real.millis() + 60_000;
    while !done().await {
        assert!(real.millis() < end, "it took too long: {what}");
        real.sleep(Duration::from_millis(10)).await;
    }
}

/// `person` requests a user through the form.
pub(crate) async fn submit_request(person: &User, email: &str) {
    let reply = person.types(OPS, "/marketo-api-user").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{:?}", reply.error);
    person.sees_modal().await.expect("the form");
    fill_form(person, email).await;
    let submitted = person.submits().await.expect("a form to submit");
    assert!(submitted.closed, "{:?}", submitted.errors);
}

/// `person` fills in the open form.
pub(crate) async fn fill_form(person: &User, email: &str) {
    let fields = [("Email", email), ("First name", "Svc"), ("Last name", "Crm"), ("Role", "API Only")];
    person.fills(&fields).await.expect("the form's fields");
}

/// The emails of the users in Marketo that begin with `svc`, sorted.
pub(crate) fn created_emails(bot: &Playground) -> Vec<String> {
    let users = bot.marketo.users().into_iter().map(|user| user.email);
    let mut emails: Vec<String> = users.filter(|email| email.starts_with("svc")).collect();
    emails.sort();
    emails
}

/// Lets the replicas finish everything that is due.
pub(crate) async fn settle(all: &[Playground]) {
    for _ in 0..2 {
        for replica in all {
            replica.drain().await.expect("the database answers");
        }
    }
}

/// How many calls with this name Marketo received.
pub(crate) fn marketo_calls(bot: &Playground, name: &str) -> usize {
    bot.marketo.calls().iter().filter(|call| call.name == name).count()
}

/// What `/readyz` of a bot says.
pub(crate) async fn readyz(url: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.expect("the bot listens");
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n").await.expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
}

/// Waits for an answer of the bot within Slack's 3 s of real time.
pub(crate) async fn within_slack_timeout<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(3), answer).await.expect("an answer within 3 s")
}

/// Asserts that without a database a form stays open and says so, and that a click is refused.
pub(crate) async fn assert_nothing_is_stored(form: &User, clicks: impl Future<Output = Reply>) {
    let submitted = within_slack_timeout(form.submits()).await.expect("a form to submit");
    let said = submitted.errors.get("Email").map(String::as_str).unwrap_or_default();
    assert!(said.starts_with("Nothing was saved"), "{:?}", submitted.reply);
    assert!(!submitted.closed);
    let reply = within_slack_timeout(clicks).await;
    assert_eq!(reply.status, 503);
}

/// Clicks a button, and again when a busy database refused the click, as the message asks the person to do.
pub(crate) async fn click_until_accepted(person: &User, card: &SimMessage, label: &str) -> u16 {
    for _ in 0..5 {
        let status = person.clicks_stale(card, label).await.expect("the button").status;
        if status != 503 {
            return status;
        }
    }
    503
}
