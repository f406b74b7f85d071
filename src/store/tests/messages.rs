//! Messages: which version of each is wanted, who may show it, and what is known of its copies.

use jiff::SignedDuration;

use super::*;
use crate::domain::{message::Part, note::Note};

pub(super) async fn want(store: &Store, request: &RequestId, part: &Part, now: Timestamp) {
    let mut tx = store.begin().await.unwrap();
    tx.want_message(request, part, now).await.unwrap();
    tx.commit().await.unwrap();
}

pub(super) async fn claim_message(store: &Store, clock: &Clock) -> Option<ClaimedMessage> {
    store.claim_message(clock.now(), LEASE, || clock.new_id()).await.unwrap()
}

/// Records what a worker did; false if it has lost its lease.
pub(super) async fn record(
    store: &Store,
    clock: &Clock,
    claimed: &ClaimedMessage,
    record: &MessageRecord,
) -> bool {
    let mut tx = store.begin().await.unwrap();
    if !tx.release(&claimed.lease).await.unwrap() {
        return false;
    }
    let (id, name) = (&claimed.request.id, claimed.part.name());
    tx.record_message(id, &name, claimed.wanted, record, clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    true
}

pub(super) fn copy(ts: &str, shown: i64, posted_at: Timestamp) -> MessageCopy {
    MessageCopy { channel: "C1".into(), ts: ts.to_owned(), shown, is_editable: true, posted_at }
}

pub(super) fn shown(copies: Vec<MessageCopy>) -> MessageRecord {
    MessageRecord { copies, ..MessageRecord::default() }
}

#[tokio::test]
async fn version_wanted_during_an_attempt_is_shown_next() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[]).await;
        want(&store, &request.id, &Part::Card, clock.now()).await;
        let first = claim_message(&store, &clock).await.unwrap();
        assert_eq!((&first.part, first.wanted, first.attempts), (&Part::Card, 1, 1));
        want(&store, &request.id, &Part::Card, clock.now()).await;
        assert!(claim_message(&store, &clock).await.is_none(), "nobody else shows it at the same time");
        assert!(record(&store, &clock, &first, &shown(vec![copy("1.1", 1, clock.now())])).await);
        let second = claim_message(&store, &clock).await.unwrap();
        assert_eq!((second.wanted, second.copies.clone()), (2, vec![copy("1.1", 1, clock.now())]));
        assert!(record(&store, &clock, &second, &shown(vec![copy("1.1", 2, clock.now())])).await);
        assert!(claim_message(&store, &clock).await.is_none());
        assert_eq!(store.outbox_stats(clock.now()).await.unwrap(), OutboxStats::default());
    })
    .await;
}

#[tokio::test]
async fn messages_of_a_request_are_shown_one_at_a_time_and_cards_first() {
    on_each(async |store, clock| {
        let [one, two] = [
            add(&store, &clock, "one@example.com", &[]).await.id,
            add(&store, &clock, "two@example.com", &[]).await.id,
        ];
        for part in [Part::Announcement, Part::Requester, Part::Card] {
            want(&store, &one, &part, clock.now()).await;
        }
        clock.advance(Duration::from_secs(1));
        want(&store, &two, &Part::Card, clock.now()).await;
        let first = claim_message(&store, &clock).await.unwrap();
        assert_eq!((&first.request.id, &first.part), (&one, &Part::Card));
        let other = claim_message(&store, &clock).await.unwrap();
        assert_eq!((&other.request.id, &other.part), (&two, &Part::Card));
        assert!(claim_message(&store, &clock).await.is_none());
        assert!(record(&store, &clock, &first, &MessageRecord::default()).await);
        assert_eq!(claim_message(&store, &clock).await.unwrap().part, Part::Requester);
    })
    .await;
}

#[tokio::test]
async fn message_that_is_posted_once_is_wanted_once() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[]).await;
        let note = Part::Note { note: Note::Escalated { version: 1 } };
        want(&store, &request.id, &note, clock.now()).await;
        let claimed = claim_message(&store, &clock).await.unwrap();
        assert!(record(&store, &clock, &claimed, &shown(vec![copy("1.1", 1, clock.now())])).await);
        want(&store, &request.id, &note, clock.now()).await;
        assert!(claim_message(&store, &clock).await.is_none());
    })
    .await;
}

#[tokio::test]
async fn worker_that_lost_its_lease_records_nothing_and_its_successor_sends_again() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[]).await;
        want(&store, &request.id, &Part::Card, clock.now()).await;
        let first = claim_message(&store, &clock).await.unwrap();
        assert!(record(&store, &clock, &first, &shown(vec![copy("1.1", 1, clock.now())])).await);
        want(&store, &request.id, &Part::Card, clock.now()).await;
        let slow = claim_message(&store, &clock).await.unwrap();
        assert_eq!(slow.unsettled_until, None);
        clock.advance(LEASE);
        let quick = claim_message(&store, &clock).await.unwrap();
        assert_eq!(
            quick.unsettled_until,
            Some(clock.now() + LATE_EFFECT),
            "an older version may still arrive"
        );
        let mut tx = store.begin().await.unwrap();
        assert!(!tx.record_posting(&slow.lease, "card", clock.now()).await.unwrap());
        drop(tx);
        assert!(!record(&store, &clock, &slow, &shown(vec![copy("6.6", 2, clock.now())])).await);
        assert_eq!(store.message_copies(&request.id, &Part::Card).await.unwrap().len(), 1);
        assert!(record(&store, &clock, &quick, &MessageRecord::default()).await);
    })
    .await;
}

#[tokio::test]
async fn failing_and_undeliverable_messages_are_counted() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[]).await;
        want(&store, &request.id, &Part::Card, clock.now()).await;
        let claimed = claim_message(&store, &clock).await.unwrap();
        let due_at = clock.now() + SignedDuration::from_secs(5);
        let failed = MessageRecord {
            due_at: Some(due_at),
            error: Some("no answer".to_owned()),
            ..MessageRecord::default()
        };
        assert!(record(&store, &clock, &claimed, &failed).await);
        let stats = store.outbox_stats(clock.now()).await.unwrap();
        assert_eq!((stats.due, stats.later, stats.failing_messages, stats.dead_letters), (0, 1, 1, 0));
        assert_eq!(store.next_due().await.unwrap(), Some(due_at));
        let since = clock.now();
        let failure = store.message_failure(&request.id, &Part::Card).await.unwrap();
        assert_eq!(failure, Some(("no answer".to_owned(), since)));
        clock.advance(Duration::from_secs(5));
        let again = claim_message(&store, &clock).await.unwrap();
        assert_eq!((again.attempts, again.failing_since), (2, Some(since)));
        let given_up = MessageRecord {
            is_given_up: true,
            error: Some("is_archived".to_owned()),
            ..MessageRecord::default()
        };
        assert!(record(&store, &clock, &again, &given_up).await);
        let stats = store.outbox_stats(clock.now()).await.unwrap();
        assert_eq!((stats.due, stats.later, stats.failing_messages, stats.dead_letters), (0, 0, 0, 1));
        want(&store, &request.id, &Part::Card, clock.now()).await;
        assert_eq!(store.outbox_stats(clock.now()).await.unwrap().dead_letters, 0);
    })
    .await;
}

#[tokio::test]
async fn message_of_a_newer_version_is_left_to_that_version() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[]).await;
        want(&store, &request.id, &Part::Card, clock.now()).await;
        let set = async |body: &str| {
            let update = sqlx::query("UPDATE message SET body = $1").bind(body);
            update.execute(&store.pool).await.unwrap();
        };
        set(r#"{"v":2,"part":"hologram"}"#).await;
        for _ in 0..3 {
            assert!(claim_message(&store, &clock).await.is_none());
            clock.advance(Duration::from_secs(10));
        }
        assert_eq!(store.outbox_stats(clock.now()).await.unwrap().dead_letters, 0);
        set(r#"{"v":1,"part":"card"}"#).await;
        assert_eq!(claim_message(&store, &clock).await.unwrap().attempts, 1);
        clock.advance(LEASE);
        set(r#"{"v":1,"part":"hologram"}"#).await;
        assert!(claim_message(&store, &clock).await.is_none());
        assert_eq!(store.outbox_stats(clock.now()).await.unwrap().dead_letters, 1);
    })
    .await;
}

#[tokio::test]
async fn messages_of_a_request_that_a_newer_version_wrote_are_left_to_that_version() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[]).await;
        want(&store, &request.id, &Part::Card, clock.now()).await;
        sqlx::query("UPDATE request SET body = '{\"v\":3,\"dance\":true}'")
            .execute(&store.pool)
            .await
            .unwrap();
        for _ in 0..3 {
            assert!(claim_message(&store, &clock).await.is_none());
            clock.advance(Duration::from_secs(10));
        }
        let stats = store.outbox_stats(clock.now()).await.unwrap();
        assert_eq!((stats.due, stats.dead_letters), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn wake_up_is_due_until_it_is_set_again() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[]).await;
        let at = clock.now() + SignedDuration::from_hours(1);
        let set = async |at: Option<Timestamp>| {
            let mut tx = store.begin().await.unwrap();
            tx.set_wake_up(&request.id, at).await.unwrap();
            tx.commit().await.unwrap();
        };
        let next = async || store.begin().await.unwrap().next_to_wake(clock.now()).await.unwrap();
        set(Some(at)).await;
        assert_eq!((next().await, store.next_due().await.unwrap()), (None, Some(at)));
        clock.advance(Duration::from_secs(3600));
        assert_eq!(next().await, Some(request.id.clone()));
        set(None).await;
        assert_eq!((next().await, store.next_due().await.unwrap()), (None, None));
    })
    .await;
}
