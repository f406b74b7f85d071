-- What the effects of a lane call: the name of a Marketo instance, or an empty text for Slack.
ALTER TABLE lane ADD COLUMN resource TEXT NOT NULL DEFAULT '';
UPDATE lane SET resource = (SELECT request.instance FROM request WHERE request.id = lane.request_id)
WHERE name = 'apply';
DROP INDEX lane_due;
CREATE INDEX lane_due ON lane (resource, due_at) WHERE due_at IS NOT NULL;

-- When due_at was set: one that lies in the future shows that the clock was set back since. NULL: before this migration.
ALTER TABLE effect ADD COLUMN scheduled_at BIGINT;
CREATE INDEX effect_scheduled ON effect (scheduled_at) WHERE status = 'waiting';
CREATE INDEX lane_leased ON lane (lease_until) WHERE lease_until IS NOT NULL;
