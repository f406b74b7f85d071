//! The contract of shared places, on every database.

use super::*;
use crate::{
    clock::Clock,
    store::tests::{databases, on_each},
};

fn wanted<'a>(id: &'a str, clock: &Clock) -> PermitRequest<'a> {
    PermitRequest {
        instance: "https://123-abc-456.mktorest.com",
        id,
        now: clock.now(),
        life: Duration::from_secs(25),
        window: Duration::from_secs(20),
        per_window: 4,
        at_once: 2,
    }
}

async fn take(store: &Store, clock: &Clock, id: &str) -> Permit {
    store.acquire_permit(&wanted(id, clock)).await.unwrap()
}

async fn give_back(store: &Store, clock: &Clock, id: &str) {
    store.release_permit(id, clock.now()).await.unwrap();
}

#[tokio::test]
async fn places_are_held_count_for_a_while_and_come_free() {
    on_each(async |store, clock| {
        let start = clock.now();
        assert_eq!(take(&store, &clock, "a").await, Permit::Taken);
        assert_eq!(take(&store, &clock, "b").await, Permit::Taken);
        assert_eq!(take(&store, &clock, "c").await, Permit::AllHeld);
        give_back(&store, &clock, "a").await;
        give_back(&store, &clock, "never taken").await;
        clock.advance(Duration::from_secs(3));
        give_back(&store, &clock, "b").await;
        give_back(&store, &clock, "a").await;
        assert_eq!(take(&store, &clock, "c").await, Permit::Taken);
        assert_eq!(take(&store, &clock, "d").await, Permit::Taken);
        let free_at = start + Duration::from_secs(20);
        assert_eq!(take(&store, &clock, "e").await, Permit::AllCount(Some(free_at)));
        let other = PermitRequest { instance: "https://another", ..wanted("o", &clock) };
        assert_eq!(store.acquire_permit(&other).await.unwrap(), Permit::Taken, "instances do not share");
        clock.advance(Duration::from_secs(17));
        // One counts no longer; the other two are held.
        assert_eq!(take(&store, &clock, "e").await, Permit::AllHeld);
        give_back(&store, &clock, "c").await;
        assert_eq!(take(&store, &clock, "e").await, Permit::Taken);
    })
    .await;
}

#[tokio::test]
async fn the_place_of_a_replica_that_died_is_held_for_the_life_of_a_call_and_counts_after_that() {
    on_each(async |store, clock| {
        for id in ["a", "b"] {
            assert_eq!(take(&store, &clock, id).await, Permit::Taken);
        }
        clock.advance(Duration::from_millis(24_999));
        assert_eq!(take(&store, &clock, "c").await, Permit::AllHeld);
        clock.advance(Duration::from_millis(1));
        for id in ["c", "d"] {
            assert_eq!(take(&store, &clock, id).await, Permit::Taken);
            give_back(&store, &clock, id).await;
        }
        clock.advance(Duration::from_millis(19_999));
        assert!(matches!(take(&store, &clock, "e").await, Permit::AllCount(Some(_))));
        clock.advance(Duration::from_millis(1));
        assert_eq!(take(&store, &clock, "e").await, Permit::Taken);
        let rows: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM place").fetch_one(&store.pool).await.unwrap();
        assert_eq!(rows, 1, "what counts no longer is deleted in passing");
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_was_ahead_holds_no_place_for_longer_than_a_call_lives() {
    on_each(async |store, clock| {
        let ahead = Clock::manual(clock.now() + jiff::SignedDuration::from_hours(9));
        for id in ["a", "b"] {
            assert_eq!(take(&store, &ahead, id).await, Permit::Taken);
        }
        assert_eq!(take(&store, &clock, "c").await, Permit::AllHeld);
        clock.advance(Duration::from_secs(25));
        assert_eq!(take(&store, &clock, "c").await, Permit::Taken);
    })
    .await;
}

#[tokio::test]
async fn however_many_ask_at_once_no_place_is_given_twice() {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    for database in databases(&Clock::system()).await {
        // As many replicas, each with connections of its own.
        let mut replicas = Vec::new();
        for _ in 0..3 {
            replicas.push(Store::open(&database.url).await.unwrap());
        }
        let mut asking = tokio::task::JoinSet::new();
        for n in 0..30 {
            let (store, clock) = (replicas[n % 3].clone(), clock.clone());
            asking.spawn(async move {
                let id = format!("call {n}");
                let wanted = PermitRequest { per_window: 100, at_once: 7, ..wanted(&id, &clock) };
                store.acquire_permit(&wanted).await.unwrap()
            });
        }
        let places = asking.join_all().await;
        assert_eq!(places.iter().filter(|place| **place == Permit::Taken).count(), 7);
    }
}
