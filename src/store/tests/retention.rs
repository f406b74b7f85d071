//! What is settled and old is deleted; what somebody could act on is not.

use super::{messages::*, *};
use crate::domain::{
    message::Part,
    request::{Approved, Failure, FailureKind, State},
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn count(store: &Store, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&store.pool).await.unwrap()
}

async fn delete_all(store: &Store, clock: &Clock) -> u64 {
    let before = clock.now() - 30 * DAY;
    let mut deleted = 0;
    loop {
        match store.delete_settled(before).await.unwrap() {
            0 => return deleted,
            more => deleted += more,
        }
    }
}

/// A request in this state whose card is shown.
async fn with_card(store: &Store, clock: &Clock, email: &str, state: State) -> Request {
    let mut request = add(store, clock, email, &[]).await;
    want(store, &request.id, &Part::Card, clock.now()).await;
    let claimed = claim_message(store, clock).await.unwrap();
    assert!(record(store, clock, &claimed, &shown(vec![copy("1.1", 1, clock.now())])).await);
    (request.version, request.state) = (request.version + 1, state);
    let mut tx = store.begin().await.unwrap();
    tx.save_request(&request, None, clock.now()).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    request
}

#[tokio::test]
async fn settled_rows_are_deleted_after_thirty_days() {
    on_each(async |store, clock| {
        let denied = State::Denied {
            by: "U0ADA".into(),
            reason: crate::domain::text::Reason::parse("no").unwrap(),
            at: clock.now(),
        };
        let approved = Some(Approved { by: vec!["U0ADA".into()], at: clock.now() });
        let failure = Failure::new(FailureKind::AccessDenied);
        let failed = State::Failed { approved, failure, at: clock.now() };
        with_card(&store, &clock, "denied@example.com", denied).await;
        with_card(&store, &clock, "failed@example.com", failed).await;
        with_card(&store, &clock, "pending@example.com", State::pending()).await;
        let open = add(&store, &clock, "open@example.com", &[check("U0ADA"), check("U0BEN")]).await;
        let claimed = claim(&store, &clock).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        assert!(tx.release(&claimed.lease).await.unwrap());
        tx.finish_effect(&claimed.lease, &claimed.effect.id).await.unwrap();
        tx.commit().await.unwrap();
        store.save_profile(&"U0ADA".into(), "{}", clock.now()).await.unwrap();
        let key = ListKey { instance: "https://removed", list: "users" };
        assert_eq!(store.claim_list(key, clock.now(), Duration::ZERO, false).await.unwrap(), Some(0));
        let list = SharedList { read_at: clock.now(), content: "[]".to_owned() };
        store.save_list(key, &list).await.unwrap();
        clock.advance(Duration::from_secs(30 * 24 * 3600));
        assert_eq!(delete_all(&store, &clock).await, 0, "not yet");
        clock.advance(Duration::from_secs(1));
        // The message of the denied request, the done effect, the profile and the list.
        assert_eq!(delete_all(&store, &clock).await, 4);
        assert_eq!(count(&store, "SELECT COUNT(*) FROM message").await, 2);
        assert_eq!(count(&store, "SELECT COUNT(*) FROM message_copy").await, 2);
        assert_eq!(count(&store, "SELECT COUNT(*) FROM effect WHERE status = 'waiting'").await, 1);
        assert_eq!(count(&store, "SELECT COUNT(*) FROM effect").await, 1);
        assert_eq!(store.profile(&"U0ADA".into()).await.unwrap(), None);
        // What waits is run after all.
        assert_eq!(claim(&store, &clock).await.unwrap().request.id, open.id);
    })
    .await;
}
