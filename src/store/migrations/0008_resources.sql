-- What the effects of a lane call: the name of a Marketo instance, or an empty text for Slack.
ALTER TABLE lane ADD COLUMN resource TEXT NOT NULL DEFAULT '';
UPDATE lane SET resource = (SELECT request.instance FROM request WHERE request.id = lane.request_id)
WHERE name = 'apply';
DROP INDEX lane_due;
CREATE INDEX lane_due ON lane (resource, due_at) WHERE due_at IS NOT NULL;
