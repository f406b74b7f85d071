
-- One row for each instance whose limits are shared. Whoever takes a place locks it first.
CREATE TABLE budget (
    instance TEXT PRIMARY KEY,
    asked BIGINT NOT NULL
);
-- The calls under way (held until a time to come) and those that ended a short while ago.
CREATE TABLE place (
    id TEXT PRIMARY KEY,
    instance TEXT NOT NULL REFERENCES budget (instance),
    held_until BIGINT NOT NULL
);
CREATE INDEX place_held ON place (instance, held_until);

-- Written to find out whether anything can be written.
CREATE TABLE probe (
    id BIGINT PRIMARY KEY,
    probed_at BIGINT NOT NULL
);
