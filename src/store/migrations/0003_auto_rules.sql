
-- The label of the rule that let a request through without an approval.
ALTER TABLE request ADD COLUMN auto_rule TEXT;
-- Whoever counts what a rule has let through locks its row first.
CREATE TABLE auto_rule (
    label TEXT PRIMARY KEY
);
CREATE INDEX request_auto ON request (auto_rule, created_at) WHERE auto_rule IS NOT NULL;
CREATE INDEX request_open ON request (state, created_at) WHERE is_open = 1;
