-- Handled deliveries from Slack, each with its ack as tagged, versioned JSON. NULL stands for the empty ack.
ALTER TABLE seen RENAME TO deliveries;
ALTER TABLE deliveries RENAME COLUMN seen_at TO delivered_at;
ALTER TABLE deliveries ADD COLUMN ack TEXT;
DROP INDEX seen_age;
CREATE INDEX deliveries_age ON deliveries (delivered_at);
