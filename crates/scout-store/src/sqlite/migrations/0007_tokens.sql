-- Schema 7: tokens that end, and when they were last used.

ALTER TABLE tokens ADD COLUMN expires_at INTEGER;   -- from then on it grants nothing; NULL: never
ALTER TABLE tokens ADD COLUMN last_used_at INTEGER; -- NULL: no use was recorded
