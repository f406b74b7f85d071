
-- At most one open request for a user across all instances: Marketo wants an e-mail to be unique across them. Where
-- an instance was renamed there may be two; the later one counts as closed until it is next saved.
UPDATE request SET is_open = 0 WHERE is_open = 1 AND EXISTS (
    SELECT 1 FROM request AS earlier
    WHERE earlier.subject = request.subject AND earlier.is_open = 1 AND earlier.id < request.id
);
DROP INDEX request_open_subject;
CREATE UNIQUE INDEX request_open_subject ON request (subject) WHERE is_open = 1;
