//! The bot under test with the people around it, and a check at the end of each scenario that nothing is left over.

use std::{ops::Deref, sync::Mutex, time::Duration};

use jiff::Timestamp;
use marketo_api_user::{
    clock::Clock,
    playground::{Mode, Options, Playground},
    sim::{
        marketo::SimUser,
        render,
        slack::SimMessage,
        user::{Reply, SignedRequest, User},
    },
    store::{LATE_EFFECT, OutboxStats},
};
use serde_json::Value;
use tokio::{runtime::Handle, task::block_in_place};

use crate::schema;

pub(crate) const RAE: &str = "U0REQ";
pub(crate) const ADA: &str = "U0APPROVE";
pub(crate) const SAM: &str = "U0SECOND";
pub(crate) const OPS: &str = "C0OPS";
pub(crate) const CARDS: &str = "C0APPROVE";

/// The fields of a valid form.
pub(crate) const FORM: [(&str, &str); 5] = [
    ("Email", "svc-crm@example.com"),
    ("First name", "Svc"),
    ("Last name", "Crm"),
    ("Access expiration", "2027-01-31"),
    ("Role", "API Only"),
];

/// A kind of database that scenarios run on.
#[derive(Debug)]
pub(crate) enum Database {
    Sqlite,
    /// The server that `TEST_POSTGRES_URL` names. If that is set and the server is down, scenarios fail.
    Postgres(String),
}

impl Database {
    #[expect(clippy::disallowed_methods, reason = "a test's own setting")]
    pub(crate) fn all() -> Vec<Self> {
        let server = std::env::var("TEST_POSTGRES_URL").ok().map(Self::Postgres);
        std::iter::once(Self::Sqlite).chain(server).collect()
    }

    /// The address of a new and empty one; absent: the bot's own.
    pub(crate) async fn fresh(&self) -> Option<String> {
        let Self::Postgres(server) = self else { return None };
        let name = format!("scenario_{}", Clock::system().new_id().replace('-', ""));
        Some(schema::fresh(server, &name).await)
    }
}

/// The bot and the people around it, at a fixed time. Needs a multi-threaded runtime, since the check at its end blocks.
pub(crate) struct TestBot {
    pub(crate) playground: Playground,
    pub(crate) rae: User,
    pub(crate) ada: User,
    pub(crate) sam: User,
    expected: Mutex<Expected>,
}

/// What a scenario may leave behind.
#[derive(Default)]
struct Expected {
    dead_letters: i64,
    has_open_requests: bool,
    slack_errors: Vec<String>,
}

impl Drop for TestBot {
    /// A scenario ends with nothing left over; one that fails already is not checked.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            block_in_place(|| Handle::current().block_on(self.end()));
        }
    }
}

impl Deref for TestBot {
    type Target = Playground;

    fn deref(&self) -> &Playground {
        &self.playground
    }
}

/// Options at the time at which all scenarios start.
pub(crate) fn options() -> Options {
    let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
    Options::new(Clock::manual(now), Mode::Pumped)
}

/// Options with `lines` added to the section `[policy]`.
pub(crate) fn policy(lines: &str) -> Options {
    let mut options = options();
    options.policy.push_str(lines);
    options
}

impl TestBot {
    pub(crate) async fn open() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self::of(Playground::open(options).await.unwrap())
    }

    /// The bot before the bot is started.
    pub(crate) async fn prepare(options: Options) -> Self {
        Self::of(Playground::prepare(options).await.unwrap())
    }

    fn of(playground: Playground) -> Self {
        let (rae, ada, sam) = (playground.person(RAE), playground.person(ADA), playground.person(SAM));
        Self { playground, rae, ada, sam, expected: Mutex::default() }
    }

    /// `person` opens the form by typing `line` in #marketing-ops.
    pub(crate) async fn opens_form(&self, person: &User, line: &str) {
        let reply = person.types(OPS, line).await;
        assert_empty_ack(&reply);
        person.sees_modal().await.unwrap();
    }

    /// Rae requests a user with the fields of [`FORM`], overridden by `fields`.
    pub(crate) async fn rae_requests(&self, fields: &[(&str, &str)]) {
        self.opens_form(&self.rae, "/marketo-api-user").await;
        self.rae.fills(&FORM).await.unwrap();
        self.rae.fills(fields).await.unwrap();
        let submitted = self.rae.submits().await.unwrap();
        assert!(submitted.errors.is_empty(), "{:?}", submitted.errors);
        assert!(submitted.closed && submitted.reply.body.is_empty());
        self.playground.drain().await.unwrap();
    }

    /// The only card.
    pub(crate) fn card(&self) -> SimMessage {
        let mut cards = self.slack.channel(CARDS).into_iter().filter(|message| message.thread_ts.is_none());
        let card = cards.next().expect("a card");
        assert!(cards.next().is_none(), "more than one card");
        card
    }

    /// `person` clicks a button of the only card, and the bot finishes what follows.
    pub(crate) async fn clicks(&self, person: &User, label: &str) {
        let reply = person.clicks(&self.card(), label).await.unwrap();
        assert_empty_ack(&reply);
        self.playground.drain().await.unwrap();
    }

    /// Slack refuses calls with these error codes in this scenario, and has reason to.
    pub(crate) fn allow_slack_errors(&self, codes: &[&str]) {
        let mut expected = self.expected.lock().unwrap();
        expected.slack_errors.extend(codes.iter().map(|code| (*code).to_owned()));
    }

    /// The scenario ends with so many effects that were given up.
    pub(crate) fn expect_dead_letters(&self, count: i64) {
        self.expected.lock().unwrap().dead_letters = count;
    }

    /// Requests are still open when the scenario ends, so that effects are due later.
    pub(crate) fn expect_open_requests(&self) {
        self.expected.lock().unwrap().has_open_requests = true;
    }

    /// Finishes what is due, then fails when anything is left over or Slack refused a call that is not allowed for.
    async fn end(&mut self) {
        let Expected { dead_letters, has_open_requests, slack_errors } = self.expected.get_mut().unwrap();
        self.playground.drain().await.unwrap();
        let mut left = self.playground.depth().await.unwrap();
        if left.later > 0 {
            // Messages with calls that had no answer are looked at again when those can no longer take effect.
            self.playground.pass(LATE_EFFECT.unsigned_abs()).await.unwrap();
            left = self.playground.depth().await.unwrap();
        }
        if *has_open_requests && left.later > 0 {
            left.later = 0;
        }
        let expected = OutboxStats { dead_letters: *dead_letters, ..OutboxStats::default() };
        assert_eq!(left, expected, "something is left over");
        let is_allowed = |code: &str| slack_errors.iter().any(|allowed| allowed == code);
        let mut calls = self.playground.slack.calls();
        calls.retain(|call| {
            call.status == Some(200) && call.error.as_deref().is_some_and(|code| !is_allowed(code))
        });
        assert!(calls.is_empty(), "Slack refused {calls:#?}");
        self.playground.stop().await;
    }

    /// The text of the only card.
    pub(crate) fn card_text(&self) -> String {
        render::message(&self.card(), &self.slack.names())
    }

    /// Asserts that there is one card and that it contains each of `words`.
    pub(crate) fn card_says(&self, words: &[&str]) {
        let card = self.card_text();
        for word in words {
            assert!(card.contains(word), "no {word:?} in\n{card}");
        }
    }

    /// The ephemeral messages to a person, rendered.
    pub(crate) fn ephemeral_texts(&self, person: &str) -> String {
        let names = self.slack.names();
        let all: Vec<_> =
            self.slack.ephemerals_for(person).iter().map(|one| render::ephemeral(one, &names)).collect();
        all.join("\n")
    }

    /// The modal that a person sees, rendered.
    pub(crate) fn modal_text(&self, person: &User) -> String {
        person
            .open_view()
            .map_or_else(|| "no modal".to_owned(), |view| render::view(&view, &self.slack.names()))
    }

    /// A person opens the denial form and fills it in, but does not submit it.
    pub(crate) async fn opens_denial(&self, person: &User, reason: &str) {
        assert_empty_ack(&person.clicks(&self.card(), "Deny").await.unwrap());
        person.sees_modal().await.unwrap();
        person.fills(&[("Reason", reason)]).await.unwrap();
    }

    /// A person denies through the modal, and the bot finishes what follows.
    pub(crate) async fn denies(&self, person: &User, reason: &str) {
        self.opens_denial(person, reason).await;
        let submitted = person.submits().await.unwrap();
        assert!(submitted.closed && submitted.reply.body.is_empty(), "{:?}", submitted.errors);
        self.playground.drain().await.unwrap();
    }

    /// A person opens the review of the only card.
    pub(crate) async fn opens_review(&self, person: &User) {
        assert_empty_ack(&person.clicks(&self.card(), "Review").await.unwrap());
        self.playground.drain().await.unwrap();
        assert_eq!(person.open_view().map(|view| view.title().to_owned()).as_deref(), Some("Review request"));
    }

    /// A person approves in a review with `fields`, and the bot finishes what follows.
    pub(crate) async fn reviews(&self, person: &User, fields: &[(&str, &str)]) {
        self.opens_review(person).await;
        person.fills(fields).await.unwrap();
        let submitted = person.submits().await.unwrap();
        assert!(submitted.closed && submitted.reply.body.is_empty(), "{:?}", submitted.errors);
        self.playground.drain().await.unwrap();
    }

    /// Rae opens the form that edits her request.
    pub(crate) async fn rae_opens_edit(&self) {
        assert_empty_ack(&self.rae.clicks(&self.request_message(), "Edit").await.unwrap());
        self.playground.drain().await.unwrap();
        assert_eq!(self.rae.open_view().map(|view| view.title().to_owned()).as_deref(), Some("Edit request"));
    }

    /// Rae changes `fields` of her request, and the bot finishes what follows.
    pub(crate) async fn rae_edits(&self, fields: &[(&str, &str)]) {
        self.rae_opens_edit().await;
        self.rae.fills(fields).await.unwrap();
        let submitted = self.rae.submits().await.unwrap();
        assert!(submitted.closed && submitted.reply.body.is_empty(), "{:?}", submitted.errors);
        self.playground.drain().await.unwrap();
    }

    /// Rae cancels her request.
    pub(crate) async fn rae_cancels(&self) {
        let message = self.request_message();
        assert_empty_ack(&self.rae.clicks(&message, "Cancel request").await.unwrap());
        self.playground.drain().await.unwrap();
    }

    /// The direct message that follows Rae's request.
    pub(crate) fn request_message(&self) -> SimMessage {
        self.slack.dm(RAE).into_iter().next().expect("a direct message")
    }

    /// The users in Marketo with the email of [`FORM`].
    pub(crate) fn created_users(&self) -> Vec<SimUser> {
        self.marketo.users().into_iter().filter(|user| user.email == "svc-crm@example.com").collect()
    }

    /// The text of each ephemeral message to a person.
    pub(crate) fn ephemerals_to(&self, person: &str) -> Vec<String> {
        self.slack.ephemerals_for(person).into_iter().map(|ephemeral| ephemeral.text).collect()
    }

    /// The direct messages of one person, rendered.
    pub(crate) fn direct_messages(&self, person: &str) -> String {
        render::transcript(&self.slack.dm(person), &self.slack.names())
    }

    /// The bodies of the invites that Marketo received.
    pub(crate) fn invite_bodies(&self) -> Vec<Value> {
        let calls = self.marketo.calls().into_iter().filter(|call| call.name == "invite");
        calls.filter_map(|call| call.body).collect()
    }

    /// Moves time on, and the bot does what falls due.
    pub(crate) async fn advance(&self, seconds: u64) {
        self.playground.pass(Duration::from_secs(seconds)).await.unwrap();
    }
}

/// A request that a client sent, signed anew with a changed payload.
pub(crate) fn forged(bot: &TestBot, sent: &SignedRequest, change: impl FnOnce(&mut Value)) -> SignedRequest {
    let form: Vec<(String, String)> = serde_urlencoded::from_str(&sent.body).unwrap();
    let mut payload: Value = serde_json::from_str(&form[0].1).unwrap();
    change(&mut payload);
    let body = serde_urlencoded::to_string([("payload", payload.to_string())]).unwrap();
    bot.work.signed(&sent.path, &sent.content_type, &body)
}

/// Asserts an acknowledgment without a body.
pub(crate) fn assert_empty_ack(reply: &Reply) {
    assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{:?}", reply.error);
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "something is left over")]
async fn scenario_with_leftover_work_fails() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "something is left over")]
async fn scenario_without_an_expected_dead_letter_fails() {
    let bot = TestBot::open().await;
    bot.expect_dead_letters(1);
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "Slack refused")]
async fn scenario_with_an_unexpected_slack_error_fails() {
    let bot = TestBot::open().await;
    bot.slack.refuse("views.open", "internal_error");
    assert_empty_ack(&bot.rae.types(OPS, "/marketo-api-user").await);
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "the scenario's own failure")]
async fn failing_scenario_keeps_its_own_message() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    panic!("the scenario's own failure");
}
