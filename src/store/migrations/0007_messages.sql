-- Each message that the bot shows for a request has one row: which version is wanted, and what stands in the way. Its
-- copies in Slack, usually one, have their own rows.
ALTER TABLE message RENAME TO old_message;
CREATE TABLE message (
    request_id TEXT NOT NULL REFERENCES request (id),
    part TEXT NOT NULL,
    -- Tagged, versioned JSON; absent where an earlier version posted the message and nobody wanted it again since.
    body TEXT,
    priority BIGINT NOT NULL,
    -- Counts the changes that the message is to show.
    wanted BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When a worker works on it next; absent if there is nothing to do.
    due_at BIGINT,
    attempts BIGINT NOT NULL,
    -- When it was posted without an answer, first: it is searched for before it is posted again.
    posting_at BIGINT,
    -- An older rendering may still arrive until then.
    unsettled_until BIGINT,
    failing_since BIGINT,
    error TEXT,
    given_up_at BIGINT,
    PRIMARY KEY (request_id, part)
);
CREATE INDEX message_due ON message (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX message_failing ON message (failing_since) WHERE failing_since IS NOT NULL;
CREATE INDEX message_given_up ON message (given_up_at) WHERE given_up_at IS NOT NULL;
CREATE TABLE message_copy (
    request_id TEXT NOT NULL REFERENCES request (id),
    part TEXT NOT NULL,
    channel TEXT NOT NULL,
    ts TEXT NOT NULL,
    -- The wanted version that it shows.
    shown BIGINT NOT NULL,
    is_editable BIGINT NOT NULL,
    posted_at BIGINT NOT NULL,
    PRIMARY KEY (request_id, part, channel, ts)
);
INSERT INTO message (request_id, part, priority, wanted, created_at, attempts, posting_at)
SELECT request_id, part, CASE part WHEN 'card' THEN 0 WHEN 'requester' THEN 1 ELSE 2 END, 1, attempted_at, 0,
       CASE WHEN ts IS NULL OR channel IS NULL THEN attempted_at END
FROM old_message;
INSERT INTO message_copy (request_id, part, channel, ts, shown, is_editable, posted_at)
SELECT request_id, part, channel, ts, 1, 1, attempted_at FROM old_message WHERE ts IS NOT NULL AND channel IS NOT NULL;
DROP TABLE old_message;

-- When something is due for a pending request. What that is, is worked out then.
ALTER TABLE request ADD COLUMN wake_at BIGINT;
UPDATE request SET wake_at = 0 WHERE is_open = 1 AND state = 'pending';
CREATE INDEX request_wake ON request (wake_at) WHERE wake_at IS NOT NULL;

-- Whether the present lease was taken over from a worker that did not release it.
ALTER TABLE lane ADD COLUMN taken_over BIGINT NOT NULL DEFAULT 0;
