//! The tables, and how they came to be: one migration after the other, never changed once released.
//! sqlx's migrator holds a lock on PostgreSQL, so that replicas may start at once.

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

const MAIN_JOB: &str = "
CREATE TABLE request (
    id TEXT PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    requester TEXT NOT NULL,
    instance TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL,
    is_open BIGINT NOT NULL,
    body TEXT NOT NULL
);
-- At most one open request for a user of an instance.
CREATE UNIQUE INDEX request_open_subject ON request (instance, subject) WHERE is_open = 1;

-- The outbox. A lane is what a worker leases: the effects of one request that are carried out in turn.
CREATE TABLE lane (
    request_id TEXT NOT NULL REFERENCES request (id),
    name TEXT NOT NULL,
    due_at BIGINT,
    lease_token TEXT,
    lease_until BIGINT,
    PRIMARY KEY (request_id, name)
);
CREATE INDEX lane_due ON lane (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE effect (
    id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL REFERENCES request (id),
    lane TEXT NOT NULL,
    place BIGINT NOT NULL,
    body TEXT NOT NULL,
    progress TEXT,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    error TEXT
);
CREATE INDEX effect_waiting ON effect (request_id, lane, due_at) WHERE status = 'waiting';
CREATE INDEX effect_buried ON effect (id) WHERE status = 'buried';

CREATE TABLE message (
    request_id TEXT NOT NULL REFERENCES request (id),
    part TEXT NOT NULL,
    attempted_at BIGINT NOT NULL,
    channel TEXT,
    ts TEXT,
    shown_version BIGINT NOT NULL,
    PRIMARY KEY (request_id, part)
);

CREATE TABLE seen (
    id TEXT PRIMARY KEY,
    seen_at BIGINT NOT NULL
);
CREATE INDEX seen_age ON seen (seen_at);

CREATE TABLE ledger (
    seq BIGINT PRIMARY KEY,
    entered_at BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    entry TEXT NOT NULL,
    body TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
-- The end of the chain. Whoever appends locks this row first, so that entries never fork.
CREATE TABLE ledger_head (
    id BIGINT PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO ledger_head (id, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE profile (
    user_id TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    fetched_at BIGINT NOT NULL
);
";

const SHARED_BUDGET: &str = "
-- One row for each instance whose limits are shared. Whoever takes a place locks it first.
CREATE TABLE budget (
    instance TEXT PRIMARY KEY,
    asked BIGINT NOT NULL
);
-- The calls under way (held until a time to come) and those that ended a short while ago.
CREATE TABLE place (
    id TEXT PRIMARY KEY,
    instance TEXT NOT NULL REFERENCES budget (instance),
    held_until BIGINT NOT NULL
);
CREATE INDEX place_held ON place (instance, held_until);

-- Written to find out whether anything can be written.
CREATE TABLE probe (
    id BIGINT PRIMARY KEY,
    probed_at BIGINT NOT NULL
);
";

const AUTO_RULES: &str = "
-- The label of the rule that let a request through without an approval.
ALTER TABLE request ADD COLUMN auto_rule TEXT;
-- Whoever counts what a rule has let through locks its row first.
CREATE TABLE auto_rule (
    label TEXT PRIMARY KEY
);
CREATE INDEX request_auto ON request (auto_rule, created_at) WHERE auto_rule IS NOT NULL;
CREATE INDEX request_open ON request (state, created_at) WHERE is_open = 1;
";

const ONE_SUBJECT: &str = "
-- At most one open request for a user across all instances: Marketo wants an e-mail to be unique across them. Where
-- an instance was renamed there may be two; the later one counts as closed until it is next saved.
UPDATE request SET is_open = 0 WHERE is_open = 1 AND EXISTS (
    SELECT 1 FROM request AS earlier
    WHERE earlier.subject = request.subject AND earlier.is_open = 1 AND earlier.id < request.id
);
DROP INDEX request_open_subject;
CREATE UNIQUE INDEX request_open_subject ON request (subject) WHERE is_open = 1;
";

const LEDGER: &str = "
-- When the last entry was entered; absent where that was before this migration.
ALTER TABLE ledger_head ADD COLUMN entered_at BIGINT;
CREATE INDEX ledger_request ON ledger (request_id, seq);
-- The heads of the ledger that are shown outside, one a day.
CREATE TABLE anchor (
    day TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    attempted_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    channel TEXT,
    ts TEXT
);
";

const DELIVERIES: &str = "
-- What was delivered by Slack, with the ack that it got as tagged, versioned JSON; absent: the empty one.
ALTER TABLE seen RENAME TO deliveries;
ALTER TABLE deliveries RENAME COLUMN seen_at TO delivered_at;
ALTER TABLE deliveries ADD COLUMN ack TEXT;
DROP INDEX seen_age;
CREATE INDEX deliveries_age ON deliveries (delivered_at);
";

/// Brings a database from any released schema to this program's.
pub(super) fn migrator() -> Migrator {
    let steps = [
        (1, "main job", MAIN_JOB),
        (2, "shared budget", SHARED_BUDGET),
        (3, "auto rules", AUTO_RULES),
        (4, "one subject", ONE_SUBJECT),
        (5, "ledger", LEDGER),
        (6, "deliveries", DELIVERIES),
    ];
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(steps.into_iter().map(migration).collect())
}
