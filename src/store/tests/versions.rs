//! Replicas of two versions on one database: what the newer one wrote is left to it, and is never given up.

use super::*;

#[tokio::test]
async fn effect_of_a_newer_version_is_left_to_that_version() {
    on_each(async |store, clock| {
        add(&store, &clock, "svc@example.com", &[check("U0ADA"), check("U0SAM")]).await;
        let set_first = async |body: &str| {
            let update = sqlx::query("UPDATE effect SET body = $1 WHERE place = 0").bind(body);
            update.execute(&store.pool).await.unwrap();
        };
        set_first(r#"{"v":2,"effect":"dance"}"#).await;
        for _ in 0..3 {
            assert!(claim(&store, &clock).await.is_none(), "later effects of the queue wait behind it");
            clock.advance(Duration::from_secs(10));
        }
        assert_eq!(store.outbox_stats(clock.now()).await.unwrap().dead_letters, 0);
        // What the newer version reads.
        let readable = to_json("effect", &stored_effect::Versioned { v: 1, effect: check("U0ADA") }).unwrap();
        set_first(&readable).await;
        let claimed = claim(&store, &clock).await.unwrap();
        assert_eq!((claimed.effect.effect, claimed.effect.attempts), (check("U0ADA"), 1));
    })
    .await;
}

#[tokio::test]
async fn effects_of_a_request_that_a_newer_version_wrote_are_left_to_that_version() {
    on_each(async |store, clock| {
        let request = add(&store, &clock, "svc@example.com", &[check("U0ADA")]).await;
        let older: String =
            sqlx::query_scalar("SELECT body FROM request").fetch_one(&store.pool).await.unwrap();
        assert!(older.starts_with("{\"v\":2,"), "{older}");
        let set = async |body: &str| {
            let update = sqlx::query("UPDATE request SET body = $1").bind(body);
            update.execute(&store.pool).await.unwrap();
        };
        // What this version could read as well, and what it cannot.
        for newer in [older.replacen("\"v\":2", "\"v\":3", 1), "{\"v\":3,\"dance\":true}".to_owned()] {
            set(&newer).await;
            assert!(claim(&store, &clock).await.is_none());
            clock.advance(Duration::from_secs(10));
            let read = store.request(&request.id).await;
            assert!(matches!(read, Err(StoreError::Newer { what: "request" })), "{read:?}");
            assert!(store.undecided_requests().await.unwrap().is_empty());
            let stats = store.outbox_stats(clock.now()).await.unwrap();
            assert_eq!((stats.due, stats.dead_letters), (1, 0));
        }
        // Before there were versions.
        set(&older.replacen("\"v\":2,", "", 1)).await;
        let claimed = claim(&store, &clock).await.unwrap();
        assert_eq!((claimed.request, claimed.effect.attempts), (request, 1));
    })
    .await;
}

#[tokio::test]
async fn effect_of_an_older_version_is_run() {
    on_each(async |store, clock| {
        add(&store, &clock, "svc@example.com", &[check("U0ADA")]).await;
        let older = to_json("effect", &stored_effect::Versioned { v: 0, effect: check("U0ADA") }).unwrap();
        sqlx::query("UPDATE effect SET body = $1").bind(older).execute(&store.pool).await.unwrap();
        assert_eq!(claim(&store, &clock).await.unwrap().effect.effect, check("U0ADA"));
    })
    .await;
}
