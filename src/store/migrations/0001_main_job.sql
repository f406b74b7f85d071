
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
