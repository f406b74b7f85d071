-- How many actions of a person were refused in the present minute, so that a flood of them does not fill the ledger.
CREATE TABLE refusal (
    user_id TEXT PRIMARY KEY,
    since BIGINT NOT NULL,
    count BIGINT NOT NULL
);
CREATE INDEX refusal_since ON refusal (since);
