//! What every story needs.

use std::{ops::Deref, time::Duration};

use jiff::Timestamp;
use marketo_api_user::{
    clock::Clock,
    demo::{Mode, Options, Playground},
    sim::{
        person::{Person, Reply},
        slack::SimMessage,
    },
    store::Depth,
};

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

/// The bot and the people around it, at a fixed time.
pub(crate) struct House {
    pub(crate) play: Playground,
    pub(crate) rae: Person,
    pub(crate) ada: Person,
    pub(crate) sam: Person,
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

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let play = Playground::open(options).await.unwrap();
        let (rae, ada, sam) = (play.person(RAE), play.person(ADA), play.person(SAM));
        Self { play, rae, ada, sam }
    }

    /// Somebody opens the form by typing `line` in #marketing-ops.
    pub(crate) async fn opens_form(&self, person: &Person, line: &str) {
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
    pub(crate) async fn presses(&self, person: &Person, label: &str) {
        let reply = person.clicks(&self.card(), label).await.unwrap();
        assert_quiet(&reply);
        self.play.drain().await.unwrap();
    }

    /// The story is over: nothing waits and nothing was given up.
    pub(crate) async fn ends(mut self) {
        self.play.drain().await.unwrap();
        let depth = self.play.depth().await.unwrap();
        assert_eq!(depth, Depth::default(), "something is left over");
        let odd: Vec<_> = self
            .slack
            .calls()
            .into_iter()
            .filter(|call| call.status == Some(200) && call.error.is_some())
            .collect();
        assert!(odd.is_empty(), "Slack refused {odd:#?}");
        self.play.stop().await;
    }

    /// What one person was told and nobody else saw.
    pub(crate) fn told(&self, person: &str) -> Vec<String> {
        self.slack.ephemerals_for(person).into_iter().map(|ephemeral| ephemeral.text).collect()
    }

    /// The direct messages of one person, rendered.
    pub(crate) fn direct(&self, person: &str) -> String {
        marketo_api_user::sim::render::transcript(&self.slack.dm(person), &self.slack.names())
    }

    /// The bodies of the invites that Marketo received.
    pub(crate) fn invites(&self) -> Vec<serde_json::Value> {
        let calls = self.marketo.calls().into_iter().filter(|call| call.name == "invite");
        calls.filter_map(|call| call.body).collect()
    }

    /// Lets time pass.
    pub(crate) async fn waits(&self, seconds: u64) {
        self.play.pass(Duration::from_secs(seconds)).await.unwrap();
    }
}

/// The bot answered 200 and showed nothing.
pub(crate) fn assert_quiet(reply: &Reply) {
    assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{:?}", reply.trouble);
}
