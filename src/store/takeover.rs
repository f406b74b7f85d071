//! What a start takes over from the process before it.

use super::{Dialect, Store, StoreError};

impl Store {
    /// Ends the leases of the process before this one, so that its work goes on at once. On SQLite only: there can be one
    /// process, while replicas on PostgreSQL wait until a lease expires. The tokens stay, because what a lease's holder
    /// may have done still has to be looked up. Must be called before anything is claimed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end_leases_of_the_last_process(&self) -> Result<(), StoreError> {
        if self.dialect == Dialect::Sqlite {
            let update = sqlx::query("UPDATE lane SET lease_until = 0 WHERE lease_until IS NOT NULL");
            update.execute(&self.pool).await?;
        }
        Ok(())
    }
}
