//! Lock order on PostgreSQL. On SQLite every operation waits for the one connection.

use super::*;
use crate::domain::delivery::{AckRecord, DeliveryKey};

#[tokio::test]
async fn claim_does_not_wait_for_a_decision_on_its_request() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[check("U0ADA")]).await;
        if !store.is_shared() {
            return;
        }
        let mut decision = store.begin().await.unwrap();
        decision.request(&request.id).await.unwrap();
        let claimed = tokio::time::timeout(Duration::from_millis(900), claim(&store, &clock)).await;
        assert!(claimed.expect("the claim does not wait").is_some());
        // The decision can add to the leased queue.
        let effects = [check("U0SAM")];
        decision.enqueue(&request, &effects, clock.now(), || clock.new_id()).await.unwrap();
        decision.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn recording_an_outcome_does_not_wait_for_a_decision_on_its_request() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[check("U0ADA")]).await;
        if !store.is_shared() {
            return;
        }
        let claimed = claim(&store, &clock).await.unwrap();
        let mut decision = store.begin().await.unwrap();
        decision.request(&request.id).await.unwrap();
        let finished = tokio::time::timeout(Duration::from_millis(900), finish(&store, &claimed)).await;
        assert!(finished.expect("the worker does not wait"));
        let effects = [check("U0SAM")];
        decision.enqueue(&request, &effects, clock.now(), || clock.new_id()).await.unwrap();
        decision.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn timed_out_operation_does_not_block_its_connection() {
    on_each(async |store, clock| {
        let key = DeliveryKey::Event { event_id: "key".to_owned() };
        for _ in 0..12 {
            let timed_out = with_limit(Duration::from_millis(1), async {
                let mut tx = store.begin().await?;
                tx.record_delivery(&key, &AckRecord::Empty, clock.now()).await?;
                std::future::pending::<Result<(), StoreError>>().await
            });
            assert!(matches!(timed_out.await, Err(StoreError::TimedOut)));
        }
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.record_delivery(&key, &AckRecord::Empty, clock.now()).await.unwrap(), None);
    })
    .await;
}
