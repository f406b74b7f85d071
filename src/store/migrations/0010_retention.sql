-- What is settled is found by its age, so that it can be deleted in small steps.
CREATE INDEX effect_settled ON effect (created_at) WHERE status IN ('done', 'dropped');
CREATE INDEX message_settled ON message (created_at) WHERE due_at IS NULL AND given_up_at IS NULL;
CREATE INDEX profile_fetched ON profile (fetched_at);
