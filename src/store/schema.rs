//! The schema's migrations, one `.sql` file each, applied in order when a database is opened. The migrator takes a lock
//! on PostgreSQL, so replicas may start at the same time.
//!
//! A released file never changes, not even by a blank line: databases store the checksum of every migration they
//! applied, and refuse to open when it differs. To change the schema, add the next file here, and its checksum to the
//! test below.

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// Version, description and SQL of each migration.
const MIGRATIONS: [(i64, &str, &str); 12] = [
    (1, "main job", include_str!("migrations/0001_main_job.sql")),
    (2, "shared budget", include_str!("migrations/0002_shared_budget.sql")),
    (3, "auto rules", include_str!("migrations/0003_auto_rules.sql")),
    (4, "one subject", include_str!("migrations/0004_one_subject.sql")),
    (5, "ledger", include_str!("migrations/0005_ledger.sql")),
    (6, "deliveries", include_str!("migrations/0006_deliveries.sql")),
    (7, "messages", include_str!("migrations/0007_messages.sql")),
    (8, "resources", include_str!("migrations/0008_resources.sql")),
    (9, "work at hand", include_str!("migrations/0009_work_at_hand.sql")),
    (10, "retention", include_str!("migrations/0010_retention.sql")),
    (11, "refusals", include_str!("migrations/0011_refusals.sql")),
    (12, "shared lists", include_str!("migrations/0012_shared_lists.sql")),
];

/// Migrates a database from any released schema to the current one.
pub(super) fn migrator() -> Migrator {
    let migration = |(version, description, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.into_iter().map(migration).collect())
}

#[cfg(test)]
#[path = "tests/query_plans.rs"]
mod query_plans;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// The SHA-384 of each migration, as databases store it. A line, once released, never changes.
    const CHECKSUMS: [(i64, &str); 12] = [
        (
            1,
            "ddc80cf64364698af68125e79dd5fc4dd65b7f0eb09c7cd1bd2c4a6b99559751416f4c05520a310e4804508acb83b430",
        ),
        (
            2,
            "b8cfa3d10f3121f8e6ac49a8b2e77860214b032e2ad32952a0b7d324ce2599466f6e390ea50bf222fe2bd24b7caca92d",
        ),
        (
            3,
            "f171e1b5324de48b75fa7e1b6b3fad46099804b3d5cf366806fdbc72a5f93602f589b969379600273a6393604aab6e5c",
        ),
        (
            4,
            "47d45edd11d9014868c8f3ccb1d46c5330c67f9a386209db4b6f21e7da58ce840ec7c073a0b3b52489fa85ed249d72b9",
        ),
        (
            5,
            "623604f6e566ca8874b21c94e820b26652abac50691ed45b26ff99f0fa670c9ed30df773265de004c8c8315f59cfb890",
        ),
        (
            6,
            "085bd3f140784eaf2439e81c4f9f957c9fd7db111dda47c75b5634cc1ca9c47579208c183a595aebae36da70341fed25",
        ),
        (
            7,
            "6e1485982057fba0d48124abe98e0d113d01976ef101ed6451bac702fbbaa5b9fd6c8bb4462d2f6df539603615b2b3aa",
        ),
        (
            8,
            "e7bd2a21555457faae31d7c70bd66489cc71e1213f42f1808a0f7e1919f4e1f106aa9dc1ded8e4eb7b1b605264944880",
        ),
        (
            9,
            "09b1290c1f7938280d8f3a66bc32844ccebfe5b023702318824cb6ceb788aad36a9afdba4542817b30e3f9ff8a33856a",
        ),
        (
            10,
            "b9a41b965b5b5a49b3e153524ab94505dee2ae2d9de4e2d542dbfde6c851df09d49d2bc3e4fca976bdb3f2bc612b6da1",
        ),
        (
            11,
            "0ca42abecb1cfae0254e820e5d91cb803968c286636e32243cd695efd88177e73a8c61793569d3cb540c1e6dfbbfb663",
        ),
        (
            12,
            "7a6b8e0b7fbfe4eb0254bd852faa3bdfb099337fccfed8206f966a176d6210a43c27a118512069012f08e17c8a2afb14",
        ),
    ];

    #[test]
    fn released_migrations_keep_their_checksums() {
        let checksums: Vec<_> = migrator()
            .iter()
            .map(|migration| (migration.version, hex::encode(&migration.checksum)))
            .collect();
        assert_eq!(checksums, CHECKSUMS.map(|(version, checksum)| (version, checksum.to_owned())));
    }

    #[test]
    fn every_migration_file_is_applied() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations");
        let files: BTreeSet<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let listed: BTreeSet<_> = MIGRATIONS
            .iter()
            .map(|(version, description, _)| format!("{version:04}_{}.sql", description.replace(' ', "_")))
            .collect();
        assert_eq!(files, listed);
    }
}
