//! What the ledger keeps: an entry for every event, no secret, and its head in a channel once a day.

use std::fmt::Write;

use insta::assert_snapshot;
use marketo_api_user::{
    sim::fault::Fault,
    store::{Head, Ledger, LedgerEntry, Selection},
};
use secrecy::ExposeSecret;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{ADA, Database, FORM, House, OPS, RAE, SAM, assert_quiet, options, policy};

const DAY: u64 = 24 * 60 * 60;

impl House {
    async fn ledger(&self) -> Ledger {
        Ledger::open(self.database_url().expose_secret()).await.unwrap()
    }

    /// Everything that was entered. All of it holds.
    async fn entries(&self) -> Vec<LedgerEntry> {
        let ledger = self.ledger().await;
        assert_eq!(ledger.verify(&[]).await.unwrap().err(), None);
        let entries = ledger.page(&Selection::default(), 0, i64::MAX).await.unwrap();
        ledger.close().await;
        entries
    }
}

/// The entries, a line each: the request by its number, who, what, and what of the body is short.
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

#[tokio::test]
async fn every_event_leaves_its_entry() {
    for database in Database::all() {
        let mut options = policy("pending_timeout = \"3d\"\nremind_after = \"1d\"\n");
        options.database_url = database.fresh().await;
        let mut house = House::with(options).await;
        // Rae may not approve her own; Ada may; Sam comes too late.
        house.rae_asks(&[]).await;
        let card = house.card();
        house.presses(&house.rae, "Approve").await;
        house.presses(&house.ada, "Approve").await;
        assert_quiet(&house.sam.clicks_stale(&card, "Approve").await.unwrap());
        // What Rae asks for next is refused by Marketo, tried again, and made.
        house.marketo.set_permissions(false);
        house.rae_asks(&[("Email", "svc-2@example.com")]).await;
        let second = house.slack.channel(crate::support::CARDS).pop().unwrap();
        assert_quiet(&house.sam.clicks(&second, "Approve").await.unwrap());
        house.drain().await.unwrap();
        house.marketo.set_permissions(true);
        let second = house.slack.channel(crate::support::CARDS).pop().unwrap();
        assert_quiet(&house.ada.clicks(&second, "Retry").await.unwrap());
        house.drain().await.unwrap();
        // The third is reminded of, asked for a second time, and closed.
        house.rae_asks(&[("Email", "svc-3@example.com")]).await;
        house.opens_form(&house.sam, "/marketo-api-user").await;
        house.sam.fills(&FORM).await.unwrap();
        house.sam.fills(&[("Email", "svc-3@example.com")]).await.unwrap();
        for _ in 0..2 {
            assert!(!house.sam.submits().await.unwrap().closed);
        }
        house.waits(4 * DAY).await;
        // Another configuration, and the same one again.
        house.play.configure(|config| config.policy.roles.push("Marketing User".to_owned()));
        house.play.restart().await.unwrap();
        house.play.restart().await.unwrap();

        let entries = house.entries().await;
        assert_snapshot!("every_event", lines(&entries));
        let all: String = entries.iter().map(|entry| format!("{entry:?}")).collect();
        let setup = house.slack.setup();
        for secret in
            [setup.signing_secret.as_str(), &setup.bot_token, marketo_api_user::sim::marketo::CLIENT_SECRET]
        {
            assert!(!all.contains(secret), "a secret is in the ledger");
        }
        // What was sent can be compared with what was entered, before it was sent and after.
        let sent = hex::encode(Sha256::digest(house.invites()[0].to_string()));
        let digests = entries.iter().filter(|entry| entry.body.contains(&sent));
        assert_eq!(digests.map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["calling", "called"]);
        house.play.stop().await;
    }
}

#[tokio::test]
async fn a_press_of_somebody_who_is_no_approver_any_more_leaves_who_and_why() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.slack.set_group("S0MOPS", &[ADA]);
    house.waits(DAY / 2).await;
    house.presses(&house.sam, "Approve").await;
    let entries = house.entries().await;
    let refused: Vec<_> = entries.iter().filter(|entry| entry.name == "refused").collect();
    assert_eq!(refused.len(), 1, "{}", lines(&entries));
    assert_eq!(refused[0].actor, SAM);
    assert!(refused[0].body.contains("\"why\":\"not_approver\""), "{}", refused[0].body);
    house.cancels().await;
    house.ends().await;
}

/// The anchors that are shown.
fn anchors(house: &House) -> Vec<Head> {
    let texts = house.slack.channel(OPS).into_iter().map(|message| message.blocks.to_string());
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

#[tokio::test]
async fn the_head_is_shown_once_a_day() {
    for database in Database::all() {
        let mut options = anchored_options();
        options.database_url = database.fresh().await;
        let mut house = House::with(options).await;
        let mut other = house.play.replica();
        other.start().await.unwrap();
        let (one, two) = tokio::join!(house.anchor(), other.anchor());
        assert!(one.unwrap() ^ two.unwrap(), "one of them showed it");
        house.play.restart().await.unwrap();
        assert!(!house.anchor().await.unwrap() && !other.anchor().await.unwrap());
        assert_eq!(anchors(&house).len(), 1);
        if let Database::Sqlite = database {
            let text = house.slack.transcript(OPS);
            let hash = anchors(&house)[0].hash.clone();
            assert_snapshot!("anchor", text.replace(&hash, "HASH"));
        }
        house.rae_asks(&[]).await;
        house.waits(DAY).await;
        assert!(house.anchor().await.unwrap() ^ other.anchor().await.unwrap());
        let shown = anchors(&house);
        assert!(shown.len() == 2 && shown[0].seq < shown[1].seq, "{shown:?}");
        let ledger = house.ledger().await;
        assert_eq!(ledger.verify(&shown).await.unwrap().err(), None);
        let rewritten = Head { hash: shown[1].hash.clone(), ..shown[0].clone() };
        assert!(ledger.verify(&[rewritten]).await.unwrap().is_err());
        ledger.close().await;
        let entered = house.entries().await.iter().filter(|entry| entry.name == "anchored").count();
        assert_eq!(entered, 2);
        other.stop().await;
        house.play.stop().await;
    }
}

#[tokio::test]
async fn a_head_whose_posting_was_not_answered_stands_there_once() {
    for fault in [Fault::AppliedThenCut, Fault::Cut] {
        let mut house = House::with(anchored_options()).await;
        house.slack.faults().script("chat.postMessage", fault.clone());
        assert!(!house.anchor().await.unwrap());
        // The bot dies, and the ledger goes on meanwhile.
        house.play.restart().await.unwrap();
        assert!(!house.anchor().await.unwrap(), "somebody has it in hand");
        house.rae_asks(&[]).await;
        house.waits(301).await;
        assert!(house.anchor().await.unwrap(), "{fault:?}");
        let shown = anchors(&house);
        assert_eq!(shown.iter().map(|head| head.seq).collect::<Vec<_>>(), [1], "{fault:?}");
        assert_eq!(house.slack.dm(RAE).len(), 1);
        house.play.stop().await;
    }
}
