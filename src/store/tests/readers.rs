//! Reads beside an open transaction: they see what is committed, and wait for nobody.

use crate::store::{
    Store,
    tests::{add, check, on_each},
};

#[tokio::test]
async fn reads_do_not_wait_for_an_open_transaction() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[check("U0ADA")]).await;
        let mut tx = store.begin().await.unwrap();
        tx.drop_queue(&request.id, check("U0ADA").queue()).await.unwrap();
        assert_eq!(store.outbox_stats(clock.now()).await.unwrap().due, 1);
        assert_eq!(store.next_due().await.unwrap(), Some(clock.now()));
        assert_eq!(store.request(&request.id).await.unwrap(), Some(request.clone()));
        assert_eq!(store.undecided_requests().await.unwrap(), [request]);
        tx.commit().await.unwrap();
        assert_eq!(store.outbox_stats(clock.now()).await.unwrap().due, 0);
        assert_eq!(store.next_due().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn database_in_memory_is_one_database_for_reads_and_writes() {
    let clock = crate::clock::Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    let store = Store::open("sqlite::memory:").await.unwrap();
    let request = add(&store, &clock, "svc@example.com", &[check("U0ADA")]).await;
    assert_eq!(store.request(&request.id).await.unwrap(), Some(request));
}
