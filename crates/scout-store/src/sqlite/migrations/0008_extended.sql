-- Schema 8: what is known beyond the documented numbers.

-- Apart from snapshots, so that reading the documented numbers reads no page of it.
CREATE TABLE extended_snapshots (
    org_id INTEGER PRIMARY KEY REFERENCES organizations (org_id),
    body   TEXT NOT NULL -- JSON
) STRICT;

-- When the last sweep began that read the whole registry.
ALTER TABLE registries ADD COLUMN swept_at INTEGER;

-- What is there is judged again, so that none of it is without.
INSERT INTO judge_work (org_id, asked, answered)
SELECT org_id, 1, 0 FROM snapshots WHERE true
ON CONFLICT DO UPDATE SET asked = asked + 1;
