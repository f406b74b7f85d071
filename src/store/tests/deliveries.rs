//! Deliveries: recorded once, with the ack that a repeat gets, until they are forgotten.

use jiff::SignedDuration;

use super::*;
use crate::domain::delivery::{AckRecord, DeliveryKey};

fn event(id: &str) -> DeliveryKey {
    DeliveryKey::Event { event_id: id.to_owned() }
}

fn form_with(trigger_id: &str, content: &str) -> DeliveryKey {
    DeliveryKey::View {
        view_id: "V1".to_owned(),
        trigger_id: trigger_id.to_owned(),
        hash: "h".to_owned(),
        content: content.to_owned(),
    }
}

fn form(trigger_id: &str) -> DeliveryKey {
    form_with(trigger_id, "c")
}

fn errors(text: &str) -> AckRecord {
    AckRecord::FieldErrors { errors: [("email".to_owned(), text.to_owned())].into() }
}

async fn accept(store: &Store, clock: &Clock, key: &DeliveryKey, ack: &AckRecord) -> Option<AckRecord> {
    let mut tx = store.begin().await.unwrap();
    let first = tx.record_delivery(key, ack, clock.now()).await.unwrap();
    if first.is_none() {
        tx.commit().await.unwrap();
    }
    first
}

async fn refuse(store: &Store, clock: &Clock, key: &DeliveryKey, errors: &AckRecord) -> Option<AckRecord> {
    let mut tx = store.begin().await.unwrap();
    let first = tx.record_delivery(key, &AckRecord::Empty, clock.now()).await.unwrap();
    if first.is_none() {
        tx.keep_form_open(key, errors).await.unwrap();
        tx.commit().await.unwrap();
    }
    first
}

#[tokio::test]
async fn a_delivery_is_recorded_once_until_it_is_forgotten() {
    on_each(async |store, clock| {
        assert_eq!(accept(&store, &clock, &event("Ev1"), &AckRecord::Empty).await, None);
        assert_eq!(accept(&store, &clock, &event("Ev1"), &errors("x")).await, Some(AckRecord::Empty));
        assert_eq!(accept(&store, &clock, &event("Ev2"), &AckRecord::ClearViews).await, None);
        assert_eq!(
            accept(&store, &clock, &event("Ev2"), &AckRecord::Empty).await,
            Some(AckRecord::ClearViews)
        );
        let later = clock.now() + SignedDuration::from_secs(1);
        assert_eq!(store.forget_deliveries(later).await.unwrap(), 2);
        assert_eq!(accept(&store, &clock, &event("Ev1"), &AckRecord::Empty).await, None);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_refused_form_is_judged_anew_under_a_new_trigger_until_it_is_accepted() {
    on_each(async |store, clock| {
        assert_eq!(refuse(&store, &clock, &form("1"), &errors("one")).await, None);
        assert_eq!(refuse(&store, &clock, &form("1"), &errors("other")).await, Some(errors("one")));
        assert_eq!(accept(&store, &clock, &form("1"), &AckRecord::Empty).await, Some(errors("one")));
        assert!(!store.is_delivered(&form("1")).await.unwrap());
        assert_eq!(refuse(&store, &clock, &form("2"), &errors("two")).await, None);
        assert_eq!(accept(&store, &clock, &form("3"), &AckRecord::ClearViews).await, None);
        assert!(store.is_delivered(&form("9")).await.unwrap());
        // The form is accepted: its later deliveries get that ack, and each refused delivery gets its own.
        for (trigger, ack) in
            [("3", AckRecord::ClearViews), ("4", AckRecord::ClearViews), ("1", errors("one"))]
        {
            assert_eq!(refuse(&store, &clock, &form(trigger), &errors("late")).await, Some(ack));
        }
        let other = form_with("1", "other");
        assert_eq!(refuse(&store, &clock, &other, &errors("late")).await, Some(AckRecord::ClearViews));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_refused_form_without_a_trigger_is_not_mistaken_for_the_corrected_one() {
    on_each(async |store, clock| {
        let (wrong, right) = (form_with("", "wrong"), form_with("", "right"));
        assert_eq!(refuse(&store, &clock, &wrong, &errors("one")).await, None);
        assert_eq!(refuse(&store, &clock, &wrong, &errors("two")).await, Some(errors("one")));
        assert_eq!(refuse(&store, &clock, &right, &errors("three")).await, None);
        assert_eq!(refuse(&store, &clock, &right, &errors("four")).await, Some(errors("three")));
        assert_eq!(accept(&store, &clock, &wrong, &AckRecord::ClearViews).await, None);
        for key in [wrong, right] {
            let repeat = accept(&store, &clock, &key, &AckRecord::Empty).await;
            assert_eq!(repeat, Some(AckRecord::ClearViews));
        }
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn of_many_repeats_of_a_refused_form_at_once_one_is_recorded() {
    on_each(async |store, clock| {
        let mut race = tokio::task::JoinSet::new();
        for n in 0..8 {
            let (store, clock) = (store.clone(), clock.clone());
            race.spawn(async move { refuse(&store, &clock, &form("1"), &errors(&n.to_string())).await });
        }
        let acks = race.join_all().await;
        let repeats: std::collections::HashSet<String> =
            acks.iter().flatten().map(|ack| format!("{ack:?}")).collect();
        assert_eq!((acks.iter().filter(|ack| ack.is_none()).count(), repeats.len()), (1, 1), "{acks:?}");
        store.close().await;
    })
    .await;
}

/// What earlier versions wrote: a key without an ack. And what a newer one may write.
#[tokio::test]
async fn a_delivery_without_a_readable_ack_repeats_as_the_empty_one() {
    on_each(async |store, clock| {
        for (id, ack) in
            [("view:V7", None), ("view:V8:1.2", None), ("press:1.2", Some("{\"v\":2,\"ack\":\"sing\"}"))]
        {
            let insert = sqlx::query("INSERT INTO deliveries (id, delivered_at, ack) VALUES ($1, $2, $3)");
            let insert = insert.bind(id).bind(clock.now().as_millisecond()).bind(ack);
            insert.execute(&store.pool).await.unwrap();
        }
        let view = |view_id: &str, trigger_id: &str| DeliveryKey::View {
            view_id: view_id.to_owned(),
            trigger_id: trigger_id.to_owned(),
            hash: String::new(),
            content: String::new(),
        };
        for key in
            [view("V7", "1.9"), view("V8", "1.2"), DeliveryKey::Action { trigger_id: "1.2".to_owned() }]
        {
            assert_eq!(accept(&store, &clock, &key, &errors("x")).await, Some(AckRecord::Empty), "{key:?}");
        }
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn form_whose_ack_only_a_newer_version_can_read_is_left_to_that_version() {
    on_each(async |store, clock| {
        let insert = sqlx::query("INSERT INTO deliveries (id, delivered_at, ack) VALUES ('view:V9', $1, $2)");
        let insert = insert.bind(clock.now().as_millisecond()).bind("{\"v\":2,\"ack\":\"sing\"}");
        insert.execute(&store.pool).await.unwrap();
        let key = DeliveryKey::View {
            view_id: "V9".to_owned(),
            trigger_id: "1.9".to_owned(),
            hash: String::new(),
            content: String::new(),
        };
        let mut tx = store.begin().await.unwrap();
        let repeat = tx.record_delivery(&key, &AckRecord::Empty, clock.now()).await;
        assert!(matches!(repeat, Err(StoreError::Newer { what: "ack" })), "{repeat:?}");
    })
    .await;
}

#[tokio::test]
async fn deliveries_that_an_earlier_version_recorded_are_repeats_after_the_migration() {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    sqlx::any::install_default_drivers();
    for database in databases(&Clock::system()).await {
        let separator = if database.url.contains('?') { '&' } else { '?' };
        let mode = if database.url.starts_with("sqlite:") { "mode=rwc" } else { "" };
        let pool = AnyPool::connect(&format!("{}{separator}{mode}", database.url)).await.unwrap();
        let before =
            crate::store::schema::migrator().iter().filter(|step| step.version < 6).cloned().collect();
        sqlx::migrate::Migrator::with_migrations(before).run(&pool).await.unwrap();
        for id in ["view:V1", "view:V2:1.2", "press:1.2", "command:1.2", "event:Ev1", "choice:1.2"] {
            let insert = sqlx::query("INSERT INTO seen (id, seen_at) VALUES ($1, $2)");
            let insert = insert.bind(id).bind(clock.now().as_millisecond());
            insert.execute(&pool).await.unwrap();
        }
        pool.close().await;

        let store = Store::open(&database.url).await.unwrap();
        let trigger_id = "1.2".to_owned();
        let (hash, content) = (String::new(), "c".to_owned());
        for key in [
            form_with("9.9", "c"),
            DeliveryKey::View { view_id: "V2".to_owned(), trigger_id: trigger_id.clone(), hash, content },
            DeliveryKey::Action { trigger_id: trigger_id.clone() },
            DeliveryKey::Command { trigger_id: trigger_id.clone() },
            DeliveryKey::InstanceSelect { trigger_id },
            event("Ev1"),
        ] {
            let repeat = accept(&store, &clock, &key, &errors("x")).await;
            assert_eq!(repeat, Some(AckRecord::Empty), "{key:?}");
        }
        assert_eq!(accept(&store, &clock, &event("Ev2"), &AckRecord::Empty).await, None);
        store.close().await;
    }
}
