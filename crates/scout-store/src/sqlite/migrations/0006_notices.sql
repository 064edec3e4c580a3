-- Schema 6: notices of what happens to the newest images, and the channels they are sent to.

-- Whether an organization was judged for notices, and whether advisories were loaded then.
CREATE TABLE notice_states (
    org_id         INTEGER PRIMARY KEY REFERENCES organizations (org_id),
    knows_findings INTEGER NOT NULL
) STRICT;

-- What stands of the newest image of a repository.
CREATE TABLE standings (
    org_id        INTEGER NOT NULL,
    repository_id INTEGER NOT NULL,
    version       TEXT NOT NULL,
    is_present    INTEGER NOT NULL,
    subjects      TEXT NOT NULL, -- JSON
    PRIMARY KEY (org_id, repository_id),
    FOREIGN KEY (org_id, repository_id) REFERENCES repositories (org_id, repository_id)
) STRICT, WITHOUT ROWID;

-- Notices that some channel has not got. Numbers are never used again.
CREATE TABLE notices (
    notice_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    org_id        INTEGER NOT NULL,
    repository_id INTEGER NOT NULL,
    subject       TEXT NOT NULL,
    level         INTEGER NOT NULL,
    found_at      INTEGER NOT NULL,
    body          TEXT NOT NULL, -- JSON
    FOREIGN KEY (org_id, repository_id) REFERENCES repositories (org_id, repository_id)
) STRICT;

CREATE INDEX notices_by_org ON notices (org_id, notice_id);

-- Where notices are sent. `cursor` is the last notice a channel is done with.
CREATE TABLE channels (
    org_id       INTEGER NOT NULL REFERENCES organizations (org_id),
    key          TEXT NOT NULL,
    cursor       INTEGER NOT NULL,
    seen_at      INTEGER NOT NULL,           -- when a watcher last had it
    dropped      INTEGER NOT NULL DEFAULT 0, -- notices that it will never get
    last_sent_at INTEGER,
    failures     INTEGER NOT NULL DEFAULT 0, -- in a row
    failed_at    INTEGER,
    failure      TEXT,
    not_before   INTEGER,
    is_asked     INTEGER NOT NULL DEFAULT 0, -- whether the receiver asked for that wait
    PRIMARY KEY (org_id, key),
    CHECK ((failed_at IS NULL) = (failure IS NULL))
) STRICT, WITHOUT ROWID;
