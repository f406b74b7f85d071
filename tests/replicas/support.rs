//! What every story of replicas needs.

use std::{io::Write, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
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

/// A new and empty schema on the server that `TEST_POSTGRES_URL` names; absent, and said to be, where it is not set.
#[expect(clippy::disallowed_methods, reason = "a test's own setting")]
pub(crate) async fn postgres() -> Option<String> {
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
        not_told("what needs PostgreSQL, because TEST_POSTGRES_URL is not set");
        return None;
    };
    let name = format!("replicas_{}", Clock::system().new_id().replace('-', ""));
    Some(schema::fresh(&server, &name).await)
}

/// Says that a story is not told, where it is seen even when all goes well.
pub(crate) fn not_told(what: &str) {
    let _ = writeln!(std::io::stderr(), "NOT TOLD: {what}");
}

/// Options at a time of the test's own, on `database`, with `lines` added to the configuration.
pub(crate) fn options(database: String, mode: Mode, lines: &str) -> Options {
    let now = "2026-11-24T10:00:00Z".parse().expect("a time");
    let mut options = Options::new(Clock::manual(now), mode);
    options.database_url = Some(database);
    options.policy.push_str(lines);
    options
}

/// A playground and `more` replicas besides, all started.
pub(crate) async fn replicas(options: Options, more: usize) -> Vec<Playground> {
    let first = Playground::open(options).await.expect("a playground");
    let mut all = vec![first];
    for _ in 0..more {
        let mut another = all[0].replica();
        another.start().await.expect("another replica");
        all.push(another);
    }
    all
}

/// Lets `clock` run, ten times as fast as real time, until the answer is dropped.
pub(crate) fn runs(clock: &Clock) -> Running {
    let clock = clock.clone();
    Running(tokio::spawn(async move {
        let real = Clock::system();
        loop {
            real.sleep(Duration::from_millis(5)).await;
            clock.advance(Duration::from_millis(50));
        }
    }))
}

pub(crate) struct Running(tokio::task::JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits until `done` says so, at most for a minute of real time.
pub(crate) async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let real = Clock::system();
    let end = real.millis() + 60_000;
    while !done().await {
        assert!(real.millis() < end, "it took too long: {what}");
        real.sleep(Duration::from_millis(10)).await;
    }
}

/// Somebody asks for a user through the form.
pub(crate) async fn asks(person: &User, email: &str) {
    let reply = person.types(OPS, "/marketo-api-user").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{:?}", reply.error);
    person.sees_modal().await.expect("the form");
    fills(person, email).await;
    let submitted = person.submits().await.expect("a form to submit");
    assert!(submitted.closed, "{:?}", submitted.errors);
}

/// Somebody fills in the form that is open.
pub(crate) async fn fills(person: &User, email: &str) {
    let fields = [("Email", email), ("First name", "Svc"), ("Last name", "Crm"), ("Role", "API Only")];
    person.fills(&fields).await.expect("the form's fields");
}

/// The e-mails of the users in Marketo that begin with `svc`, sorted.
pub(crate) fn created(play: &Playground) -> Vec<String> {
    let users = play.marketo.users().into_iter().map(|user| user.email);
    let mut emails: Vec<String> = users.filter(|email| email.starts_with("svc")).collect();
    emails.sort();
    emails
}

/// Everything that the replicas have to do is done.
pub(crate) async fn settle(all: &[Playground]) {
    for _ in 0..2 {
        for replica in all {
            replica.drain().await.expect("the database answers");
        }
    }
}

/// Ends all replicas in good order, one after the other.
pub(crate) async fn end(replicas: Vec<Playground>) {
    // The first one owns the folder of all.
    for mut replica in replicas.into_iter().rev() {
        replica.stop().await;
    }
}

/// How many calls by this name Marketo got.
pub(crate) fn count(play: &Playground, name: &str) -> usize {
    play.marketo.calls().iter().filter(|call| call.name == name).count()
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

/// Waits for an answer of the bot, which must come in time for Slack, in real time.
pub(crate) async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(3), answer).await.expect("an answer within 3 s")
}

/// The database is away: a form stays open and says so, a press is not taken and its person is told.
pub(crate) async fn says_that_nothing_is_stored(form: &User, presses: impl Future<Output = Reply>) {
    let submitted = in_time(form.submits()).await.expect("a form to submit");
    let said = submitted.errors.get("Email").map(String::as_str).unwrap_or_default();
    assert!(said.starts_with("Nothing was stored"), "{:?}", submitted.reply);
    assert!(!submitted.closed);
    let reply = in_time(presses).await;
    assert_eq!(reply.status, 503);
}

/// Presses a button, and once more whenever a busy database had no time for it, as its person is told to.
pub(crate) async fn insists(person: &User, card: &SimMessage, label: &str) -> u16 {
    for _ in 0..5 {
        let status = person.clicks_stale(card, label).await.expect("the button").status;
        if status != 503 {
            return status;
        }
    }
    503
}
