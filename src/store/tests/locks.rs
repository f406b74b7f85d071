//! Who waits for whom. On SQLite everybody waits for the one connection, so there is nothing to see.

use super::*;
use crate::domain::delivery::{AckRecord, DeliveryKey};

#[tokio::test]
async fn a_claim_does_not_wait_for_a_decision_on_its_request() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[Effect::ShowCard]).await;
        if !store.is_shared() {
            return;
        }
        let mut deciding = store.begin().await.unwrap();
        deciding.request(&request.id).await.unwrap();
        let claimed = tokio::time::timeout(Duration::from_millis(900), claim(&store, &clock)).await;
        assert!(claimed.expect("the claim does not wait").is_some());
        // And the decision can add to the queue that is held.
        let effects = [ScheduledEffect::now(Effect::ShowCard)];
        deciding.enqueue(&request.id, &effects, clock.now(), || clock.new_id()).await.unwrap();
        deciding.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_a_worker_records_does_not_wait_for_a_decision_on_its_request() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[Effect::ShowCard]).await;
        if !store.is_shared() {
            return;
        }
        let claimed = claim(&store, &clock).await.unwrap();
        let mut deciding = store.begin().await.unwrap();
        deciding.request(&request.id).await.unwrap();
        let finished = tokio::time::timeout(Duration::from_millis(900), finish(&store, &claimed)).await;
        assert!(finished.expect("the worker does not wait"));
        let effects = [ScheduledEffect::now(Effect::ShowCard)];
        deciding.enqueue(&request.id, &effects, clock.now(), || clock.new_id()).await.unwrap();
        deciding.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_takes_too_long_is_given_up_and_the_connection_with_it() {
    on_each(async |store, clock| {
        let key = DeliveryKey::Event { event_id: "key".to_owned() };
        for _ in 0..12 {
            let given_up = with_limit(Duration::from_millis(1), async {
                let mut tx = store.begin().await?;
                tx.record_delivery(&key, &AckRecord::Empty, clock.now()).await?;
                std::future::pending::<Result<(), StoreError>>().await
            });
            assert!(matches!(given_up.await, Err(StoreError::TimedOut)));
        }
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.record_delivery(&key, &AckRecord::Empty, clock.now()).await.unwrap(), None);
    })
    .await;
}
