//! At most one open request for an email across all instances, and the migration of a database that breaks that rule.

use sqlx::{AnyPool, migrate::Migrator};

use super::*;

fn request_for(clock: &Clock, instance: &str, email: &str) -> Request {
    let mut request = request(clock, email);
    let Change::CreateUser(user) = &mut request.change;
    instance.clone_into(&mut user.instance);
    request
}

async fn insert(store: &Store, clock: &Clock, request: &Request) -> Result<(), Conflict> {
    let mut tx = store.begin().await.unwrap();
    let inserted = tx.insert_request(request, None, None, clock.now()).await.unwrap();
    if inserted.is_ok() {
        tx.commit().await.unwrap();
    }
    inserted
}

async fn save(store: &Store, clock: &Clock, request: &Request) -> Result<(), Conflict> {
    let mut tx = store.begin().await.unwrap();
    let saved = tx.save_request(request, None, clock.now()).await.unwrap();
    if saved.is_ok() {
        tx.commit().await.unwrap();
    }
    saved
}

/// The next version of a request, cancelled or unchanged.
fn next(request: &Request, is_cancelled: bool, clock: &Clock) -> Request {
    let cancelled = State::Cancelled { by: None, at: clock.now() };
    let state = if is_cancelled { cancelled } else { request.state.clone() };
    Request { version: request.version + 1, state, ..request.clone() }
}

#[tokio::test]
async fn only_one_request_for_an_email_is_open_across_instances() {
    on_each(async |store, clock| {
        let first = request_for(&clock, "production", "svc@example.com");
        let second = request_for(&clock, "sandbox", "SVC@example.com");
        insert(&store, &clock, &first).await.unwrap();
        assert_eq!(insert(&store, &clock, &second).await, Err(Conflict));
        insert(&store, &clock, &request_for(&clock, "sandbox", "other@example.com")).await.unwrap();
        save(&store, &clock, &next(&first, true, &clock)).await.unwrap();
        insert(&store, &clock, &second).await.unwrap();
    })
    .await;
}

/// Adds a request as the first versions did.
async fn insert_early(store: &Store, request: &Request) {
    sqlx::query(
        "INSERT INTO request
         (id, version, created_at, updated_at, requester, instance, subject, state, is_open, body)
         VALUES ($1, $2, $3, $3, $4, $5, $6, 'pending', 1, $7)",
    )
    .bind(request.id.as_str())
    .bind(request.version)
    .bind(request.created_at.as_millisecond())
    .bind(request.requester.as_str())
    .bind(request.change.instance())
    .bind(request.change.subject_key())
    .bind(to_json("request", request).unwrap())
    .execute(&store.pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn migration_closes_the_later_of_two_open_requests_for_an_email() {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    sqlx::any::install_default_drivers();
    for database in databases(&Clock::system()).await {
        let separator = if database.url.contains('?') { '&' } else { '?' };
        let mode = if database.url.starts_with("sqlite:") { "mode=rwc" } else { "" };
        let pool = AnyPool::connect(&format!("{}{separator}{mode}", database.url)).await.unwrap();
        let before =
            crate::store::schema::migrator().iter().filter(|step| step.version < 4).cloned().collect();
        Migrator::with_migrations(before).run(&pool).await.unwrap();
        let dialect = if mode.is_empty() { Dialect::Postgres } else { Dialect::Sqlite };
        let store = Store { readers: pool.clone(), pool, dialect, reconnect: ReconnectFlag::default() };
        let first = request_for(&clock, "old name", "svc@example.com");
        clock.advance(Duration::from_secs(1));
        let second = request_for(&clock, "new name", "svc@example.com");
        let other = request_for(&clock, "new name", "other@example.com");
        for request in [&first, &second, &other] {
            insert_early(&store, request).await;
        }
        store.close().await;

        let store = Store::open(&database.url).await.unwrap();
        save(&store, &clock, &next(&first, false, &clock)).await.unwrap();
        save(&store, &clock, &next(&other, false, &clock)).await.unwrap();
        assert_eq!(save(&store, &clock, &next(&second, false, &clock)).await, Err(Conflict));
        save(&store, &clock, &next(&second, true, &clock)).await.unwrap();
        store.close().await;
    }
}
