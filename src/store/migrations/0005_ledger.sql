
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
