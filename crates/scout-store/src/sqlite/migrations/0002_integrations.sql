-- Schema 2: integrations, which repositories are enabled, events.

-- Registries, repositories.

-- When the integration that watched it was removed; nothing is recorded of it since.
ALTER TABLE registries ADD COLUMN removed_at INTEGER;

-- How people write the repository.
ALTER TABLE repositories ADD COLUMN reference TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
ALTER TABLE repositories ADD COLUMN enabled_at INTEGER; -- NULL: by nobody, or disabled
ALTER TABLE repositories ADD COLUMN activation_due INTEGER NOT NULL DEFAULT 0;

UPDATE repositories
SET reference = (SELECT g.display FROM registries g
                 WHERE g.registry_id = repositories.registry_id) || '/' || name;

CREATE INDEX repositories_to_activate ON repositories (org_id, registry_id, name)
    WHERE activation_due;

-- Integrations. The registry itself is made when it is first swept, so only its key is here.

CREATE TABLE integrations (
    integration_id INTEGER PRIMARY KEY AUTOINCREMENT,
    org_id         INTEGER NOT NULL REFERENCES organizations (org_id),
    name           TEXT NOT NULL,
    kind           TEXT NOT NULL,
    parameters     TEXT NOT NULL, -- JSON; secrets are references
    registry_key   TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    tested_at      INTEGER,
    test_summary   TEXT,
    UNIQUE (org_id, name),
    UNIQUE (org_id, registry_key),
    CHECK ((tested_at IS NULL) = (test_summary IS NULL))
) STRICT;

-- Events. A row stays for a while after it was worked on, so that its key is known.

CREATE TABLE events (
    event_id    INTEGER PRIMARY KEY AUTOINCREMENT,
    org_id      INTEGER NOT NULL,
    registry_id INTEGER NOT NULL,
    key         TEXT NOT NULL,
    action      TEXT NOT NULL,
    repository  TEXT NOT NULL, -- a name, not a number: it may not be known
    tag         TEXT,
    digest      TEXT,
    occurred_at INTEGER,
    received_at INTEGER NOT NULL,
    not_before  INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    finished_at INTEGER, -- NULL: pending
    UNIQUE (org_id, registry_id, key),
    FOREIGN KEY (org_id, registry_id) REFERENCES registries (org_id, registry_id)
) STRICT;

-- Pending events of a registry in their order, and finished ones of an organization in theirs.
CREATE INDEX events_by_end ON events (org_id, finished_at, registry_id, event_id, not_before);
