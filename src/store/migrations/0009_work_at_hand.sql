-- What is read often is found without reading what is over.
CREATE INDEX effect_due ON effect (due_at) WHERE status = 'waiting';
CREATE INDEX request_open_requester ON request (requester, created_at) WHERE is_open = 1;
CREATE INDEX request_done_subject ON request (subject, updated_at) WHERE state = 'done';
