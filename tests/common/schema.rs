//! PostgreSQL schemas for tests. Each is dropped when the thread that created it ends: at the end of a test, whether it
//! passed or not.

use std::{cell::RefCell, thread};

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};

thread_local! {
    static OWN: RefCell<Schemas> = const { RefCell::new(Schemas(Vec::new())) };
}

/// Creates the schema `name` on `server`. Returns the URL of the database with that schema.
pub(crate) async fn fresh(server: &str, name: &str) -> String {
    sqlx::any::install_default_drivers();
    let mut connection =
        AnyConnection::connect(server).await.expect("TEST_POSTGRES_URL names a running server");
    execute(&mut connection, format!("CREATE SCHEMA {name}")).await.expect("a schema");
    connection.close().await.expect("the server takes its leave");
    OWN.with_borrow_mut(|own| own.0.push((server.to_owned(), name.to_owned())));
    let separator = if server.contains('?') { '&' } else { '?' };
    format!("{server}{separator}options=-csearch_path%3D{name}")
}

/// Schemas, each with its server; it is the same for all.
struct Schemas(Vec<(String, String)>);

impl Drop for Schemas {
    fn drop(&mut self) {
        let own = std::mem::take(&mut self.0);
        // A runtime cannot be entered in a thread that ends. A schema that cannot be dropped stays; no test fails for it.
        let drops = thread::Builder::new().spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(drop_all(own)))
        });
        let _ = drops.map(thread::JoinHandle::join);
    }
}

async fn drop_all(own: Vec<(String, String)>) -> Result<(), sqlx::Error> {
    let Some((server, _)) = own.first() else { return Ok(()) };
    let mut connection = AnyConnection::connect(server).await?;
    // A bot that is still shutting down may hold a lock.
    execute(&mut connection, "SET lock_timeout = '3s'".to_owned()).await?;
    for (_, name) in &own {
        let _ = execute(&mut connection, format!("DROP SCHEMA IF EXISTS {name} CASCADE")).await;
    }
    connection.close().await
}

async fn execute(connection: &mut AnyConnection, sql: String) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map(|_| ())
}
