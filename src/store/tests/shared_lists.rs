//! Lists that one replica reads for all, on every database.

use super::*;
use crate::store::tests::on_each;

const USERS: ListKey<'_> = ListKey { instance: "https://123-abc-456.mktorest.com", list: "users" };
const ROLES: ListKey<'_> = ListKey { list: "catalog", ..USERS };
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn one_replica_reads_a_list_and_the_others_take_it() {
    on_each(async |store, clock| {
        assert_eq!(store.shared_list(USERS).await.unwrap(), None);
        assert_eq!(store.claim_list(USERS, clock.now(), MINUTE, false).await.unwrap(), Some(0));
        assert_eq!(store.claim_list(USERS, clock.now(), MINUTE, false).await.unwrap(), None);
        assert_eq!(
            store.claim_list(ROLES, clock.now(), MINUTE, false).await.unwrap(),
            Some(0),
            "lists are independent"
        );
        assert_eq!(store.shared_list(USERS).await.unwrap(), None, "a claim is not a list");
        let list = SharedList { read_at: clock.now(), content: "[]".to_owned() };
        store.save_list(USERS, &list).await.unwrap();
        assert_eq!(store.shared_list(USERS).await.unwrap(), Some(list));
        assert_eq!(
            store.claim_list(USERS, clock.now(), MINUTE, false).await.unwrap(),
            Some(0),
            "saving releases the claim"
        );
    })
    .await;
}

#[tokio::test]
async fn claim_ends_by_itself_and_can_be_forced() {
    on_each(async |store, clock| {
        assert_eq!(store.claim_list(USERS, clock.now(), MINUTE, false).await.unwrap(), Some(0));
        assert_eq!(store.claim_list(USERS, clock.now(), MINUTE, true).await.unwrap(), Some(0));
        clock.advance(MINUTE);
        assert_eq!(store.claim_list(USERS, clock.now(), MINUTE, false).await.unwrap(), Some(0));
        // A replica whose clock is a day ahead claims it.
        let ahead = clock.now() + Duration::from_secs(86_400);
        assert_eq!(store.claim_list(USERS, ahead, MINUTE, true).await.unwrap(), Some(0));
        assert_eq!(store.claim_list(USERS, clock.now(), MINUTE, false).await.unwrap(), Some(0));
    })
    .await;
}

#[tokio::test]
async fn failures_of_one_replica_keep_all_from_reading() {
    on_each(async |store, clock| {
        store.leave_list(USERS, clock.now(), MINUTE, 3).await.unwrap();
        assert_eq!(store.claim_list(USERS, clock.now(), MINUTE, false).await.unwrap(), None);
        clock.advance(MINUTE);
        assert_eq!(store.claim_list(USERS, clock.now(), MINUTE, false).await.unwrap(), Some(3));
        let list = SharedList { read_at: clock.now(), content: "[]".to_owned() };
        store.save_list(USERS, &list).await.unwrap();
        assert_eq!(store.claim_list(USERS, clock.now(), MINUTE, false).await.unwrap(), Some(0));
    })
    .await;
}
