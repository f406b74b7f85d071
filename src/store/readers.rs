//! The connections that only read. SQLite has one writer connection; reads have connections of their own, so that they
//! neither wait for a transaction nor make one wait. In WAL mode they see everything that is committed. PostgreSQL needs
//! no such separation: its readers are the pool.

use sqlx::{AnyPool, Executor};

use super::{ReconnectFlag, pool_options};

/// The largest number of readers of a SQLite database. They open when they are needed.
const READERS: u32 = 4;
const PRAGMAS: &str = "PRAGMA busy_timeout = 2000; PRAGMA cache_size = -1024; PRAGMA query_only = 1";

/// The readers of the SQLite database at `url`, which `writer` has opened. A database in memory exists only in the
/// connection that created it, so there the writer reads.
pub(super) fn open(url: &str, writer: &AnyPool) -> Result<AnyPool, sqlx::Error> {
    if is_in_memory(url) {
        return Ok(writer.clone());
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    // A reader is never in the way of a write, so it does not share the writer's flag.
    let options = pool_options(READERS, &ReconnectFlag::default())
        .after_connect(|connection, _| Box::pin(async move { connection.execute(PRAGMAS).await.map(drop) }));
    options.connect_lazy(&format!("{url}{separator}mode=ro"))
}

/// Whether the database is not a file. An empty path is a temporary database.
fn is_in_memory(url: &str) -> bool {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    let (path, options) = path.split_once('?').unwrap_or((path, ""));
    path.is_empty() || path.contains(":memory:") || options.contains("mode=memory")
}

#[cfg(test)]
#[path = "tests/readers.rs"]
mod tests;
