//! The ledger: an entry for every event, no secrets, and its head in a channel once a day.

use std::fmt::Write;

use insta::assert_snapshot;
use marketo_api_user::{
    sim::fault::Fault,
    store::{Head, Ledger, LedgerEntry, Selection},
};
use secrecy::ExposeSecret;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::test_bot::{ADA, Database, FORM, OPS, RAE, SAM, TestBot, assert_empty_ack, options, policy};

const DAY: u64 = 24 * 60 * 60;

impl TestBot {
    async fn ledger(&self) -> Ledger {
        Ledger::open(self.database_url().expose_secret()).await.unwrap()
    }

    /// All entries, after verifying them.
    async fn entries(&self) -> Vec<LedgerEntry> {
        let ledger = self.ledger().await;
        assert_eq!(ledger.verify(&[]).await.unwrap().err(), None);
        let entries = ledger.page(&Selection::default(), 0, i64::MAX).await.unwrap();
        ledger.close().await;
        entries
    }
}

/// The entries, one per line: number of the request, actor, name, and the short fields of the body.
fn lines(entries: &[LedgerEntry]) -> String {
    let mut requests: Vec<&str> = vec![""];
    let mut text = String::new();
    for entry in entries {
        let number = requests.iter().position(|known| *known == entry.request).unwrap_or_else(|| {
            requests.push(&entry.request);
            requests.len() - 1
        });
        let body: Value = serde_json::from_str(&entry.body).unwrap();
        let _ = write!(text, "{number} {} {}", entry.actor, entry.name);
        for key in ["rule", "revision", "press", "why", "call", "attempt", "outcome", "code", "day"] {
            if let Some(value) = body.get(key).filter(|value| !value.is_null()) {
                let _ = write!(text, " {key}={value}");
            }
        }
        text.push('\n');
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_logged() {
    for database in Database::all() {
        let mut options = policy("pending_timeout = \"3d\"\nremind_after = \"1d\"\n");
        options.database_url = database.fresh().await;
        let mut bot = TestBot::with(options).await;
        bot.allow_slack_errors(&["user_not_in_channel"]);
        // Rae cannot approve her own request; Ada can; Sam is too late.
        bot.rae_requests(&[]).await;
        let card = bot.card();
        bot.clicks(&bot.rae, "Approve").await;
        bot.clicks(&bot.ada, "Approve").await;
        assert_empty_ack(&bot.sam.clicks_stale(&card, "Approve").await.unwrap());
        // Marketo rejects Rae's next request; a retry creates the user.
        bot.marketo.set_permissions(false);
        bot.rae_requests(&[("Email", "svc-2@example.com")]).await;
        let second = bot.slack.channel(crate::test_bot::CARDS).pop().unwrap();
        assert_empty_ack(&bot.sam.clicks(&second, "Approve").await.unwrap());
        bot.drain().await.unwrap();
        bot.marketo.set_permissions(true);
        let second = bot.slack.channel(crate::test_bot::CARDS).pop().unwrap();
        assert_empty_ack(&bot.ada.clicks(&second, "Retry").await.unwrap());
        bot.drain().await.unwrap();
        // The third is reminded of, requested a second time, and expires.
        bot.rae_requests(&[("Email", "svc-3@example.com")]).await;
        bot.opens_form(&bot.sam, "/marketo-api-user").await;
        bot.sam.fills(&FORM).await.unwrap();
        bot.sam.fills(&[("Email", "svc-3@example.com")]).await.unwrap();
        for _ in 0..2 {
            assert!(!bot.sam.submits().await.unwrap().closed);
        }
        bot.advance(4 * DAY).await;
        // Another configuration, and the same one again.
        bot.playground.configure(|config| config.policy.roles.push("Marketing User".to_owned()));
        bot.playground.restart().await.unwrap();
        bot.playground.restart().await.unwrap();

        let entries = bot.entries().await;
        assert_snapshot!("every_event", lines(&entries));
        let all: String = entries.iter().map(|entry| format!("{entry:?}")).collect();
        let setup = bot.slack.setup();
        for secret in
            [setup.signing_secret.as_str(), &setup.bot_token, marketo_api_user::sim::marketo::CLIENT_SECRET]
        {
            assert!(!all.contains(secret), "a secret is in the ledger");
        }
        // The entries before and after a call hold the digest of what was sent.
        let sent = hex::encode(Sha256::digest(bot.invite_bodies()[0].to_string()));
        let digests = entries.iter().filter(|entry| entry.body.contains(&sent));
        assert_eq!(digests.map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["calling", "called"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_click_is_logged_with_user_and_reason() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.slack.set_group("S0MOPS", &[ADA]);
    bot.advance(DAY / 2).await;
    bot.clicks(&bot.sam, "Approve").await;
    let entries = bot.entries().await;
    let refused: Vec<_> = entries.iter().filter(|entry| entry.name == "refused").collect();
    assert_eq!(refused.len(), 1, "{}", lines(&entries));
    assert_eq!(refused[0].actor, SAM);
    assert!(refused[0].body.contains("\"why\":\"not_approver\""), "{}", refused[0].body);
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flood_of_refused_clicks_becomes_one_entry_with_their_number() {
    for database in Database::all() {
        let mut options = policy("\n[limits]\nrefusals_per_user_per_minute = 3\n");
        options.database_url = database.fresh().await;
        let bot = TestBot::with(options).await;
        bot.allow_slack_errors(&["user_not_in_channel"]);
        bot.rae_requests(&[]).await;
        for _ in 0..7 {
            bot.clicks(&bot.rae, "Approve").await;
        }
        assert_eq!(bot.ephemerals_to(RAE).len(), 7, "everybody is told each time");
        let refused = async || {
            let entries = bot.entries().await.into_iter().filter(|entry| entry.name == "refused");
            entries.map(|entry| entry.body).collect::<Vec<_>>()
        };
        assert_eq!(refused().await.len(), 3);
        bot.advance(81).await;
        let logged = refused().await;
        assert_eq!(logged.len(), 4, "{logged:?}");
        assert_eq!(logged[3], r#"{"count":4,"press":"several","why":"too_many"}"#);
        // A new minute.
        bot.clicks(&bot.rae, "Approve").await;
        assert_eq!(refused().await.len(), 5);
        bot.rae_cancels().await;
    }
}

/// The anchors in the channel.
fn anchors(bot: &TestBot) -> Vec<Head> {
    let texts = bot.slack.channel(OPS).into_iter().map(|message| message.blocks.to_string());
    texts
        .filter_map(|text| {
            let (_, rest) = text.split_once("--anchored ")?;
            let end = rest.find(|c: char| c != ':' && !c.is_ascii_hexdigit()).unwrap_or(rest.len());
            Some(rest[..end].parse().unwrap())
        })
        .collect()
}

fn anchored_options() -> marketo_api_user::playground::Options {
    let mut options = options();
    options.policy += "\n[ledger]\nanchor_channel = \"C0OPS\"\n";
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn ledger_head_is_anchored_once_a_day() {
    for database in Database::all() {
        let mut options = anchored_options();
        options.database_url = database.fresh().await;
        let mut bot = TestBot::with(options).await;
        let mut other = bot.playground.replica();
        other.start().await.unwrap();
        let (one, two) = tokio::join!(bot.anchor(), other.anchor());
        assert!(one.unwrap() ^ two.unwrap(), "one of them showed it");
        bot.playground.restart().await.unwrap();
        assert!(!bot.anchor().await.unwrap() && !other.anchor().await.unwrap());
        assert_eq!(anchors(&bot).len(), 1);
        if let Database::Sqlite = database {
            let text = bot.slack.transcript(OPS);
            let hash = anchors(&bot)[0].hash.clone();
            assert_snapshot!("anchor", text.replace(&hash, "HASH"));
        }
        bot.rae_requests(&[]).await;
        bot.advance(DAY).await;
        assert!(bot.anchor().await.unwrap() ^ other.anchor().await.unwrap());
        let shown = anchors(&bot);
        assert!(shown.len() == 2 && shown[0].seq < shown[1].seq, "{shown:?}");
        let ledger = bot.ledger().await;
        assert_eq!(ledger.verify(&shown).await.unwrap().err(), None);
        let rewritten = Head { hash: shown[1].hash.clone(), ..shown[0].clone() };
        assert!(ledger.verify(&[rewritten]).await.unwrap().is_err());
        ledger.close().await;
        let entered = bot.entries().await.iter().filter(|entry| entry.name == "anchored").count();
        assert_eq!(entered, 2);
        other.stop().await;
        bot.playground.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unanswered_anchor_post_appears_once() {
    for fault in [Fault::AppliedThenCut, Fault::Cut] {
        let mut bot = TestBot::with(anchored_options()).await;
        bot.slack.faults().script("chat.postMessage", fault.clone());
        assert!(!bot.anchor().await.unwrap());
        // The bot dies, and another replica appends to the ledger.
        bot.playground.restart().await.unwrap();
        assert!(!bot.anchor().await.unwrap(), "another replica holds it");
        bot.rae_requests(&[]).await;
        bot.advance(301).await;
        assert!(bot.anchor().await.unwrap(), "{fault:?}");
        let shown = anchors(&bot);
        assert_eq!(shown.iter().map(|head| head.seq).collect::<Vec<_>>(), [1], "{fault:?}");
        assert_eq!(bot.slack.dm(RAE).len(), 1);
        bot.playground.stop().await;
    }
}
