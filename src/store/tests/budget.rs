//! The rate limit that replicas share, on every database.

use super::*;
use crate::{
    clock::Clock,
    store::tests::{databases, on_each},
};

fn request<'a>(id: &'a str, clock: &Clock) -> PermitRequest<'a> {
    PermitRequest {
        instance: "https://123-abc-456.mktorest.com",
        id,
        now: clock.now(),
        expires_after: Duration::from_secs(25),
        window: Duration::from_secs(20),
        per_window: 4,
        max_concurrent: 2,
    }
}

async fn acquire(store: &Store, clock: &Clock, id: &str) -> Permit {
    store.acquire_permit(&request(id, clock)).await.unwrap()
}

async fn release(store: &Store, clock: &Clock, id: &str) {
    store.release_permit(id, clock.now()).await.unwrap();
}

#[tokio::test]
async fn released_permits_count_until_the_window_has_passed() {
    on_each(async |store, clock| {
        let start = clock.now();
        assert_eq!(acquire(&store, &clock, "a").await, Permit::Granted);
        assert_eq!(acquire(&store, &clock, "b").await, Permit::Granted);
        assert_eq!(acquire(&store, &clock, "c").await, Permit::ConcurrencyReached);
        release(&store, &clock, "a").await;
        release(&store, &clock, "never taken").await;
        clock.advance(Duration::from_secs(3));
        release(&store, &clock, "b").await;
        release(&store, &clock, "a").await;
        assert_eq!(acquire(&store, &clock, "c").await, Permit::Granted);
        assert_eq!(acquire(&store, &clock, "d").await, Permit::Granted);
        let free_at = start + Duration::from_secs(20);
        assert_eq!(acquire(&store, &clock, "e").await, Permit::WindowFull(Some(free_at)));
        let other = PermitRequest { instance: "https://another", ..request("o", &clock) };
        assert_eq!(store.acquire_permit(&other).await.unwrap(), Permit::Granted, "instances do not share");
        clock.advance(Duration::from_secs(17));
        // One stopped counting; the other two are taken.
        assert_eq!(acquire(&store, &clock, "e").await, Permit::ConcurrencyReached);
        release(&store, &clock, "c").await;
        assert_eq!(acquire(&store, &clock, "e").await, Permit::Granted);
    })
    .await;
}

#[tokio::test]
async fn permit_of_a_crashed_replica_expires_and_then_counts_for_a_window() {
    on_each(async |store, clock| {
        for id in ["a", "b"] {
            assert_eq!(acquire(&store, &clock, id).await, Permit::Granted);
        }
        clock.advance(Duration::from_millis(24_999));
        assert_eq!(acquire(&store, &clock, "c").await, Permit::ConcurrencyReached);
        clock.advance(Duration::from_millis(1));
        for id in ["c", "d"] {
            assert_eq!(acquire(&store, &clock, id).await, Permit::Granted);
            release(&store, &clock, id).await;
        }
        clock.advance(Duration::from_millis(19_999));
        assert!(matches!(acquire(&store, &clock, "e").await, Permit::WindowFull(Some(_))));
        clock.advance(Duration::from_millis(1));
        assert_eq!(acquire(&store, &clock, "e").await, Permit::Granted);
        let rows: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM place").fetch_one(&store.pool).await.unwrap();
        assert_eq!(rows, 1, "rows that stopped counting are deleted");
    })
    .await;
}

#[tokio::test]
async fn permit_taken_by_a_clock_that_was_ahead_expires_on_time() {
    on_each(async |store, clock| {
        let ahead = Clock::manual(clock.now() + jiff::SignedDuration::from_hours(9));
        for id in ["a", "b"] {
            assert_eq!(acquire(&store, &ahead, id).await, Permit::Granted);
        }
        assert_eq!(acquire(&store, &clock, "c").await, Permit::ConcurrencyReached);
        clock.advance(Duration::from_secs(25));
        assert_eq!(acquire(&store, &clock, "c").await, Permit::Granted);
    })
    .await;
}

#[tokio::test]
async fn concurrent_replicas_never_exceed_the_limit() {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    for database in databases(&Clock::system()).await {
        // Three replicas, each with its own connections.
        let mut replicas = Vec::new();
        for _ in 0..3 {
            replicas.push(Store::open(&database.url).await.unwrap());
        }
        let mut requests = tokio::task::JoinSet::new();
        for n in 0..30 {
            let (store, clock) = (replicas[n % 3].clone(), clock.clone());
            requests.spawn(async move {
                let id = format!("call {n}");
                let request = PermitRequest { per_window: 100, max_concurrent: 7, ..request(&id, &clock) };
                store.acquire_permit(&request).await.unwrap()
            });
        }
        let permits = requests.join_all().await;
        assert_eq!(permits.iter().filter(|permit| **permit == Permit::Granted).count(), 7);
    }
}
