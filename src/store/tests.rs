//! Tests of the store on SQLite, and on PostgreSQL if `TEST_POSTGRES_URL` names a server. If that server is unreachable
//! the tests fail; they are not skipped.

mod deliveries;
mod ledger;
mod locks;
mod messages;
mod retention;
#[path = "../../tests/common/schema.rs"]
mod schema;
mod subjects;
mod versions;

use std::{collections::HashSet, future::Future, time::Duration};

use jiff::SignedDuration;

use super::*;
use crate::{
    clock::Clock,
    domain::{
        change::{Change, CreateUser, Named},
        decide::{Submission, submit},
        effect::{Effect, Queue},
        event::Action,
        form,
        people::RequestId,
        request::{Request, State},
        text::{Email, PersonName},
    },
};

const LEASE: Duration = Duration::from_secs(30);

/// A database for one test.
pub(crate) struct Database {
    pub(crate) url: String,
    _folder: Option<tempfile::TempDir>,
}

/// The databases that a test must pass on.
pub(crate) async fn databases(clock: &Clock) -> Vec<Database> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    let mut databases = vec![Database { url, _folder: Some(folder) }];
    #[expect(clippy::disallowed_methods, reason = "only tests read this variable")]
    if let Ok(server) = std::env::var("TEST_POSTGRES_URL") {
        let name = format!("test_{}", clock.new_id().replace('-', ""));
        let url = schema::fresh(&server, &name).await;
        databases.push(Database { url, _folder: None });
    }
    databases
}

pub(crate) async fn on_each<F: Future<Output = ()>>(test: impl Fn(Store, Clock) -> F) {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    for database in databases(&Clock::system()).await {
        test(Store::open(&database.url).await.unwrap(), clock.clone()).await;
    }
}

pub(crate) fn submission(clock: &Clock, email: &str) -> Submission {
    Submission {
        id: RequestId(clock.new_id()),
        requester: "U0REQ".into(),
        memberships: Vec::new(),
        origin: "C0OPS".into(),
        change: Change::CreateUser(CreateUser {
            instance: "production".to_owned(),
            email: Email::parse(email).unwrap(),
            first_name: PersonName::parse("Svc").unwrap(),
            last_name: PersonName::parse("Crm").unwrap(),
            role: Named { id: 101, name: "API Only".to_owned() },
            workspace: Named { id: 1, name: "Default".to_owned() },
            expiration: None,
        }),
        reason: None,
    }
}

fn request(clock: &Clock, email: &str) -> Request {
    submit(clock.now(), &form::tests::terms(), submission(clock, email)).0
}

pub(super) async fn add(store: &Store, clock: &Clock, email: &str, effects: &[Effect]) -> Request {
    let request = request(clock, email);
    let mut tx = store.begin().await.unwrap();
    tx.insert_request(&request, None, None, clock.now()).await.unwrap().unwrap();
    tx.enqueue(&request, effects, clock.now(), || clock.new_id()).await.unwrap();
    tx.commit().await.unwrap();
    request
}

/// An effect of which nothing matters here but who it is for.
pub(crate) fn check(by: &str) -> Effect {
    Effect::CheckMembership {
        by: by.into(),
        action: Action::Cancel,
        answer_in: "C0OPS".into(),
        answer_url: String::new(),
    }
}

async fn claim(store: &Store, clock: &Clock) -> Option<Claimed> {
    store.claim(clock.now(), LEASE, || clock.new_id()).await.unwrap()
}

async fn finish(store: &Store, claimed: &Claimed) -> bool {
    let mut tx = store.begin().await.unwrap();
    if !tx.release(&claimed.lease).await.unwrap() {
        return false;
    }
    tx.finish_effect(&claimed.lease, &claimed.effect.id).await.unwrap();
    tx.commit().await.unwrap();
    true
}

#[tokio::test]
async fn committed_request_is_stored_and_rolled_back_one_is_not() {
    on_each(async |store, clock| {
        let committed = add(&store, &clock, "committed@example.com", &[]).await;
        let rolled_back = request(&clock, "rolled.back@example.com");
        let mut tx = store.begin().await.unwrap();
        tx.insert_request(&rolled_back, None, None, clock.now()).await.unwrap().unwrap();
        drop(tx);
        assert_eq!(store.request(&committed.id).await.unwrap(), Some(committed.clone()));
        assert_eq!(store.request(&rolled_back.id).await.unwrap(), None);
        assert_eq!(store.open_requests_of(&committed.requester).await.unwrap(), [committed]);
    })
    .await;
}

#[tokio::test]
async fn only_one_request_for_a_user_can_be_open() {
    on_each(async |store, clock| {
        let first = add(&store, &clock, "svc@example.com", &[]).await;
        let second = request(&clock, "SVC@example.com");
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.insert_request(&second, None, None, clock.now()).await.unwrap(), Err(Conflict));
        drop(tx);
        let ended = Request { version: 2, state: State::Cancelled { by: None, at: clock.now() }, ..first };
        let mut tx = store.begin().await.unwrap();
        tx.save_request(&ended, None, clock.now()).await.unwrap().unwrap();
        tx.insert_request(&second, None, None, clock.now()).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        // The first one cannot be reopened while the second is open.
        let reopened = Request { version: 3, state: State::pending(), ..ended };
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.save_request(&reopened, None, clock.now()).await.unwrap(), Err(Conflict));
    })
    .await;
}

#[tokio::test]
async fn stale_version_is_not_saved() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[]).await;
        let stale = Request { version: 7, ..request };
        let mut tx = store.begin().await.unwrap();
        assert!(tx.save_request(&stale, None, clock.now()).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn effects_of_a_queue_run_in_order_and_queues_are_independent() {
    on_each(async |store, clock| {
        let effects = [check("U0ADA"), check("U0SAM"), Effect::TimeOut];
        add(&store, &clock, "svc@example.com", &effects).await;
        let timer = claim(&store, &clock).await.unwrap();
        let first = claim(&store, &clock).await.unwrap();
        assert_eq!((&timer.effect.effect, &first.effect.effect), (&Effect::TimeOut, &check("U0ADA")));
        assert!(claim(&store, &clock).await.is_none(), "the second check waits for the first");
        assert!(finish(&store, &first).await && finish(&store, &timer).await);
        assert_eq!(claim(&store, &clock).await.unwrap().effect.effect, check("U0SAM"));
    })
    .await;
}

#[tokio::test]
async fn worker_that_lost_its_lease_records_nothing() {
    on_each(async |store, clock| {
        add(&store, &clock, "svc@example.com", &[check("U0ADA")]).await;
        let lost = claim(&store, &clock).await.unwrap();
        let clock = Clock::manual(clock.now() + SignedDuration::from_secs(31));
        let taken_over = claim(&store, &clock).await.unwrap();
        assert_eq!((taken_over.effect.id.clone(), taken_over.effect.attempts), (lost.effect.id.clone(), 2));
        let mut tx = store.begin().await.unwrap();
        let progress = tx.save_progress(&lost.lease, &lost.effect.id, "{}", clock.now(), LEASE).await;
        assert!(!progress.unwrap());
        tx.commit().await.unwrap();
        assert!(!finish(&store, &lost).await);
        assert!(finish(&store, &taken_over).await);
        assert!(!finish(&store, &taken_over).await, "a lease is released once");
    })
    .await;
}

#[tokio::test]
async fn renewed_lease_is_not_taken_over() {
    on_each(async |store, clock| {
        add(&store, &clock, "svc@example.com", &[check("U0ADA")]).await;
        let claimed = claim(&store, &clock).await.unwrap();
        let clock = Clock::manual(clock.now() + SignedDuration::from_secs(20));
        assert!(store.renew(&claimed.lease, clock.now(), LEASE).await.unwrap());
        clock.advance(Duration::from_secs(29));
        assert!(claim(&store, &clock).await.is_none());
        clock.advance(Duration::from_secs(1));
        assert!(claim(&store, &clock).await.is_some());
        assert!(!store.renew(&claimed.lease, clock.now(), LEASE).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn postponed_effect_keeps_its_progress() {
    on_each(async |store, clock| {
        add(&store, &clock, "svc@example.com", &[check("U0ADA")]).await;
        let claimed = claim(&store, &clock).await.unwrap();
        let due = clock.now() + SignedDuration::from_secs(5);
        let mut tx = store.begin().await.unwrap();
        assert!(tx.release(&claimed.lease).await.unwrap());
        let id = &claimed.effect.id;
        tx.postpone_effect(&claimed.lease, id, (clock.now(), due), Some("half"), "rate limited")
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert!(claim(&store, &clock).await.is_none());
        assert_eq!(store.next_due().await.unwrap(), Some(due));
        let later = Clock::manual(due);
        let again = claim(&store, &later).await.unwrap();
        assert_eq!((again.effect.progress.as_deref(), again.effect.attempts), (Some("half"), 2));
    })
    .await;
}

#[tokio::test]
async fn dropped_timers_are_never_due() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[Effect::TimeOut]).await;
        let mut tx = store.begin().await.unwrap();
        tx.drop_queue(&request.id, Queue::Timer).await.unwrap();
        tx.commit().await.unwrap();
        assert!(claim(&store, &clock).await.is_none());
        assert_eq!(store.outbox_stats(clock.now()).await.unwrap(), OutboxStats::default());
        assert_eq!(store.next_due().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn unreadable_effect_becomes_a_dead_letter() {
    on_each(async |store, clock| {
        let effects = [check("U0ADA"), check("U0SAM")];
        add(&store, &clock, "svc@example.com", &effects).await;
        sqlx::query("UPDATE effect SET body = '{\"v\":1,\"effect\":\"dance\"}' WHERE place = 0")
            .execute(&store.pool)
            .await
            .unwrap();
        let claimed = claim(&store, &clock).await.unwrap();
        assert_eq!(claimed.effect.effect, check("U0SAM"));
        assert!(finish(&store, &claimed).await);
        let stats = store.outbox_stats(clock.now()).await.unwrap();
        assert_eq!((stats.due, stats.dead_letters), (0, 1));
        assert!(claim(&store, &clock).await.is_none());
    })
    .await;
}

#[tokio::test]
async fn concurrent_workers_never_share_an_effect_or_a_queue() {
    on_each(async |store, clock| {
        for n in 0..20 {
            add(&store, &clock, &format!("svc{n}@example.com"), &[check("U0ADA"), check("U0SAM")]).await;
        }
        let mut workers = tokio::task::JoinSet::new();
        let held = std::sync::Arc::new(std::sync::Mutex::new(HashSet::new()));
        for _ in 0..6 {
            let (store, clock, held) = (store.clone(), clock.clone(), held.clone());
            workers.spawn(async move {
                let mut ids = Vec::new();
                while let Some(claimed) = claim(&store, &clock).await {
                    assert!(
                        held.lock().unwrap().insert(claimed.request.id.clone()),
                        "another worker holds the queue"
                    );
                    tokio::task::yield_now().await;
                    ids.push(claimed.effect.id.clone());
                    held.lock().unwrap().remove(&claimed.request.id);
                    assert!(finish(&store, &claimed).await);
                }
                ids
            });
        }
        let all: Vec<String> = workers.join_all().await.into_iter().flatten().collect();
        let unique: HashSet<&String> = all.iter().collect();
        assert_eq!(unique.len(), all.len());
        // A worker that found every queue leased may have stopped early. The rest is finished here.
        let mut rest = 0;
        while let Some(claimed) = claim(&store, &clock).await {
            rest += 1;
            assert!(finish(&store, &claimed).await);
        }
        assert_eq!(all.len() + rest, 40);
    })
    .await;
}

#[tokio::test]
async fn concurrent_ledger_entries_form_one_chain() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[]).await;
        let mut writers = tokio::task::JoinSet::new();
        for n in 0..8 {
            let (store, id, now) = (store.clone(), request.id.clone(), clock.now());
            writers.spawn(async move {
                let mut tx = store.begin().await.unwrap();
                let body = format!("{{\"n\":{n}}}");
                let entry =
                    NewLedgerEntry { at: now, request: &id, actor: "bot", name: "noted", body: &body };
                tx.append(&entry).await.unwrap();
                tx.commit().await.unwrap();
            });
        }
        writers.join_all().await;
        let rows: Vec<(i64, String, String)> =
            sqlx::query_as("SELECT seq, previous, hash FROM ledger ORDER BY seq")
                .fetch_all(&store.pool)
                .await
                .unwrap();
        assert_eq!(rows.len(), 8);
        let mut last = GENESIS.to_owned();
        for (expected, (seq, previous, hash)) in (1..).zip(rows) {
            assert_eq!((seq, previous), (expected, last));
            last = hash;
        }
    })
    .await;
}

#[tokio::test]
async fn profiles_are_stored_and_replaced() {
    on_each(async |store, clock| {
        let user = "U0REQ".into();
        assert_eq!(store.profile(&user).await.unwrap(), None);
        store.save_profile(&user, "{}", clock.now()).await.unwrap();
        let later = clock.now() + SignedDuration::from_secs(9);
        store.save_profile(&user, "{\"a\":1}", later).await.unwrap();
        assert_eq!(store.profile(&user).await.unwrap(), Some(("{\"a\":1}".to_owned(), later)));
    })
    .await;
}

#[tokio::test]
async fn replicas_may_migrate_at_the_same_time() {
    for database in databases(&Clock::system()).await {
        if database.url.starts_with("sqlite:") {
            continue;
        }
        let mut starts = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let url = database.url.clone();
            starts.spawn(async move { Store::open(&url).await.map(|_| ()) });
        }
        for started in starts.join_all().await {
            started.unwrap();
        }
    }
}
