-- What one replica has read from a Marketo instance, for the others: its roles and workspaces, and digests of its users'
-- addresses. `claimed_until`: until then nobody else reads it.
-- `failures`: how often in a row it could not be read.
CREATE TABLE shared_lists (
    instance TEXT NOT NULL,
    list TEXT NOT NULL,
    claimed_until BIGINT NOT NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    read_at BIGINT,
    content TEXT,
    PRIMARY KEY (instance, list)
);
