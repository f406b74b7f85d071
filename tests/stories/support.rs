//! What every story needs.

use std::{ops::Deref, time::Duration};

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
    store::OutboxStats,
};
use serde_json::Value;

use crate::schema;

pub(crate) const RAE: &str = "U0REQ";
pub(crate) const ADA: &str = "U0APPROVE";
pub(crate) const SAM: &str = "U0SECOND";
pub(crate) const OPS: &str = "C0OPS";
pub(crate) const CARDS: &str = "C0APPROVE";

/// The fields of a good form.
pub(crate) const FORM: [(&str, &str); 5] = [
    ("Email", "svc-crm@example.com"),
    ("First name", "Svc"),
    ("Last name", "Crm"),
    ("Access expiration", "2027-01-31"),
    ("Role", "API Only"),
];

/// A kind of database that stories are played on.
#[derive(Debug)]
pub(crate) enum Database {
    Sqlite,
    /// The server that `TEST_POSTGRES_URL` names. Where that is set and the server is absent, stories fail.
    Postgres(String),
}

impl Database {
    #[expect(clippy::disallowed_methods, reason = "a test's own setting")]
    pub(crate) fn all() -> Vec<Self> {
        let server = std::env::var("TEST_POSTGRES_URL").ok().map(Self::Postgres);
        std::iter::once(Self::Sqlite).chain(server).collect()
    }

    /// The address of a new and empty one; absent: the house's own.
    pub(crate) async fn fresh(&self) -> Option<String> {
        let Self::Postgres(server) = self else { return None };
        let name = format!("story_{}", Clock::system().new_id().replace('-', ""));
        Some(schema::fresh(server, &name).await)
    }
}

/// The bot and the people around it, at a fixed time.
pub(crate) struct House {
    pub(crate) play: Playground,
    pub(crate) rae: User,
    pub(crate) ada: User,
    pub(crate) sam: User,
}

impl Deref for House {
    type Target = Playground;

    fn deref(&self) -> &Playground {
        &self.play
    }
}

/// Options at the time of all stories.
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

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self::of(Playground::open(options).await.unwrap())
    }

    /// The house before the bot is started.
    pub(crate) async fn prepare(options: Options) -> Self {
        Self::of(Playground::prepare(options).await.unwrap())
    }

    fn of(play: Playground) -> Self {
        let (rae, ada, sam) = (play.person(RAE), play.person(ADA), play.person(SAM));
        Self { play, rae, ada, sam }
    }

    /// Somebody opens the form by typing `line` in #marketing-ops.
    pub(crate) async fn opens_form(&self, person: &User, line: &str) {
        let reply = person.types(OPS, line).await;
        assert_quiet(&reply);
        person.sees_modal().await.unwrap();
    }

    /// Rae asks for a user with the fields of [`FORM`], changed by `fields`.
    pub(crate) async fn rae_asks(&self, fields: &[(&str, &str)]) {
        self.opens_form(&self.rae, "/marketo-api-user").await;
        self.rae.fills(&FORM).await.unwrap();
        self.rae.fills(fields).await.unwrap();
        let submitted = self.rae.submits().await.unwrap();
        assert!(submitted.errors.is_empty(), "{:?}", submitted.errors);
        assert!(submitted.closed && submitted.reply.body.is_empty());
        self.play.drain().await.unwrap();
    }

    /// The only card.
    pub(crate) fn card(&self) -> SimMessage {
        let mut cards = self.slack.channel(CARDS).into_iter().filter(|message| message.thread_ts.is_none());
        let card = cards.next().expect("a card");
        assert!(cards.next().is_none(), "more than one card");
        card
    }

    /// A press on the only card, and everything that follows.
    pub(crate) async fn presses(&self, person: &User, label: &str) {
        let reply = person.clicks(&self.card(), label).await.unwrap();
        assert_quiet(&reply);
        self.play.drain().await.unwrap();
    }

    /// The story is over: nothing waits and nothing was given up.
    pub(crate) async fn ends(self) {
        self.ends_despite(&[]).await;
    }

    /// As [`PageState::ends`], where Slack had reason to refuse calls with `codes`.
    pub(crate) async fn ends_despite(mut self, codes: &[&str]) {
        self.play.drain().await.unwrap();
        let depth = self.play.depth().await.unwrap();
        assert_eq!(depth, OutboxStats::default(), "something is left over");
        let is_odd = |error: &str| !codes.contains(&error);
        let odd: Vec<_> = self
            .slack
            .calls()
            .into_iter()
            .filter(|call| call.status == Some(200) && call.error.as_deref().is_some_and(is_odd))
            .collect();
        assert!(odd.is_empty(), "Slack refused {odd:#?}");
        self.play.stop().await;
    }

    /// The only card as it reads now.
    pub(crate) fn card_text(&self) -> String {
        render::message(&self.card(), &self.slack.names())
    }

    /// The only card contains every one of these words, and no other card is there.
    pub(crate) fn card_says(&self, words: &[&str]) {
        let card = self.card_text();
        for word in words {
            assert!(card.contains(word), "no {word:?} in\n{card}");
        }
    }

    /// What only this person saw, as it reads.
    pub(crate) fn whispers(&self, person: &str) -> String {
        let names = self.slack.names();
        let all: Vec<_> =
            self.slack.ephemerals_for(person).iter().map(|one| render::ephemeral(one, &names)).collect();
        all.join("\n")
    }

    /// The modal that somebody sees, as it reads.
    pub(crate) fn modal(&self, person: &User) -> String {
        person
            .open_view()
            .map_or_else(|| "no modal".to_owned(), |view| render::view(&view, &self.slack.names()))
    }

    /// Somebody denies through the modal, up to the press of its button.
    pub(crate) async fn opens_denial(&self, person: &User, reason: &str) {
        assert_quiet(&person.clicks(&self.card(), "Deny").await.unwrap());
        person.sees_modal().await.unwrap();
        person.fills(&[("Reason", reason)]).await.unwrap();
    }

    /// Somebody denies through the modal, and everything that follows.
    pub(crate) async fn denies(&self, person: &User, reason: &str) {
        self.opens_denial(person, reason).await;
        let submitted = person.submits().await.unwrap();
        assert!(submitted.closed && submitted.reply.body.is_empty(), "{:?}", submitted.errors);
        self.play.drain().await.unwrap();
    }

    /// Somebody opens the review of the only card.
    pub(crate) async fn opens_review(&self, person: &User) {
        assert_quiet(&person.clicks(&self.card(), "Review").await.unwrap());
        self.play.drain().await.unwrap();
        assert_eq!(person.open_view().map(|view| view.title().to_owned()).as_deref(), Some("Review request"));
    }

    /// Somebody approves in a review with `fields`, and everything that follows.
    pub(crate) async fn reviews(&self, person: &User, fields: &[(&str, &str)]) {
        self.opens_review(person).await;
        person.fills(fields).await.unwrap();
        let submitted = person.submits().await.unwrap();
        assert!(submitted.closed && submitted.reply.body.is_empty(), "{:?}", submitted.errors);
        self.play.drain().await.unwrap();
    }

    /// Rae opens the form that changes her request.
    pub(crate) async fn opens_edit(&self) {
        assert_quiet(&self.rae.clicks(&self.request_message(), "Edit").await.unwrap());
        self.play.drain().await.unwrap();
        assert_eq!(self.rae.open_view().map(|view| view.title().to_owned()).as_deref(), Some("Edit request"));
    }

    /// Rae changes `fields` of her request, and everything that follows.
    pub(crate) async fn edits(&self, fields: &[(&str, &str)]) {
        self.opens_edit().await;
        self.rae.fills(fields).await.unwrap();
        let submitted = self.rae.submits().await.unwrap();
        assert!(submitted.closed && submitted.reply.body.is_empty(), "{:?}", submitted.errors);
        self.play.drain().await.unwrap();
    }

    /// Rae takes her request back.
    pub(crate) async fn cancels(&self) {
        let message = self.request_message();
        assert_quiet(&self.rae.clicks(&message, "Cancel request").await.unwrap());
        self.play.drain().await.unwrap();
    }

    /// The direct message that follows Rae's request.
    pub(crate) fn request_message(&self) -> SimMessage {
        self.slack.dm(RAE).into_iter().next().expect("a direct message")
    }

    /// The users in Marketo with the e-mail of [`FORM`].
    pub(crate) fn created(&self) -> Vec<SimUser> {
        self.marketo.users().into_iter().filter(|user| user.email == "svc-crm@example.com").collect()
    }

    /// What one person was told and nobody else saw.
    pub(crate) fn told(&self, person: &str) -> Vec<String> {
        self.slack.ephemerals_for(person).into_iter().map(|ephemeral| ephemeral.text).collect()
    }

    /// The direct messages of one person, rendered.
    pub(crate) fn direct(&self, person: &str) -> String {
        render::transcript(&self.slack.dm(person), &self.slack.names())
    }

    /// The bodies of the invites that Marketo received.
    pub(crate) fn invites(&self) -> Vec<Value> {
        let calls = self.marketo.calls().into_iter().filter(|call| call.name == "invite");
        calls.filter_map(|call| call.body).collect()
    }

    /// Lets time pass.
    pub(crate) async fn waits(&self, seconds: u64) {
        self.play.pass(Duration::from_secs(seconds)).await.unwrap();
    }
}

/// What somebody's client sent, with other values in it.
pub(crate) fn forged(house: &House, sent: &SignedRequest, change: impl FnOnce(&mut Value)) -> SignedRequest {
    let form: Vec<(String, String)> = serde_urlencoded::from_str(&sent.body).unwrap();
    let mut payload: Value = serde_json::from_str(&form[0].1).unwrap();
    change(&mut payload);
    let body = serde_urlencoded::to_string([("payload", payload.to_string())]).unwrap();
    house.work.signed(&sent.path, &sent.content_type, &body)
}

/// The bot answered 200 and showed nothing.
pub(crate) fn assert_quiet(reply: &Reply) {
    assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{:?}", reply.error);
}
