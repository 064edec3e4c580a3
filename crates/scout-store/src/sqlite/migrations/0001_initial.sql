-- Schema 1.
--
-- Times are nanoseconds since 1970 in UTC. Keys start with org_id, except those of facts that all
-- organizations share: layers, images, packages, vulnerabilities, findings, feeds. The numbers of
-- organizations, images and so on are kept elsewhere too, so they are never reused
-- (AUTOINCREMENT). The pairs (org_id, x_id) are unique so that a row cannot refer to another
-- organization's.

PRAGMA application_id = 0x53434f54; -- "SCOT"

-- Numbers that only grow. `fence`: the newest fencing token of all leases.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Organizations and tokens.

CREATE TABLE organizations (
    org_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
    token_id   INTEGER PRIMARY KEY AUTOINCREMENT,
    org_id     INTEGER NOT NULL REFERENCES organizations (org_id),
    hash       BLOB NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256; the secret is not here
    hint       TEXT NOT NULL,
    role       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

CREATE INDEX tokens_by_org ON tokens (org_id, token_id);

-- Registries, repositories, tags.

CREATE TABLE registries (
    registry_id  INTEGER PRIMARY KEY AUTOINCREMENT,
    org_id       INTEGER NOT NULL REFERENCES organizations (org_id),
    key          TEXT NOT NULL,
    display      TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    cataloged_at INTEGER, -- of the first complete list of repositories
    UNIQUE (org_id, key),
    UNIQUE (org_id, registry_id)
) STRICT;

CREATE TABLE repositories (
    repository_id INTEGER PRIMARY KEY AUTOINCREMENT,
    org_id        INTEGER NOT NULL,
    registry_id   INTEGER NOT NULL,
    name          TEXT NOT NULL,
    baseline_at   INTEGER,
    listed_at     INTEGER, -- of the first complete list of tags
    missing       INTEGER NOT NULL DEFAULT 0, -- from so many complete lists in a row
    UNIQUE (org_id, registry_id, name),
    UNIQUE (org_id, repository_id),
    FOREIGN KEY (org_id, registry_id) REFERENCES registries (org_id, registry_id)
) STRICT;

-- What one digest in one repository is.
CREATE TABLE artifacts (
    artifact_id   INTEGER PRIMARY KEY AUTOINCREMENT,
    org_id        INTEGER NOT NULL,
    repository_id INTEGER NOT NULL,
    digest        TEXT NOT NULL,
    state         TEXT NOT NULL,
    reason        TEXT,
    transient     INTEGER NOT NULL DEFAULT 0, -- whether a failure may pass by itself
    platforms     TEXT,                       -- the wish by which its platforms were chosen
    attempts      INTEGER NOT NULL DEFAULT 0,
    updated_at    INTEGER NOT NULL,
    UNIQUE (org_id, repository_id, digest),
    UNIQUE (org_id, artifact_id),
    FOREIGN KEY (org_id, repository_id) REFERENCES repositories (org_id, repository_id)
) STRICT;

CREATE INDEX artifacts_by_state ON artifacts (org_id, state);

-- Where a tag points to, or pointed to when it was gone.
CREATE TABLE tags (
    org_id        INTEGER NOT NULL,
    repository_id INTEGER NOT NULL,
    tag           TEXT NOT NULL,
    artifact_id   INTEGER NOT NULL,
    missing       INTEGER NOT NULL DEFAULT 0, -- from so many complete lists in a row
    gone          INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, repository_id, tag),
    FOREIGN KEY (org_id, repository_id) REFERENCES repositories (org_id, repository_id),
    FOREIGN KEY (org_id, artifact_id) REFERENCES artifacts (org_id, artifact_id)
) STRICT, WITHOUT ROWID;

-- Everything a tag ever pointed to. `sequence` orders it: the highest is the newest.
CREATE TABLE tag_history (
    org_id        INTEGER NOT NULL,
    repository_id INTEGER NOT NULL,
    tag           TEXT NOT NULL,
    artifact_id   INTEGER NOT NULL,
    sequence      INTEGER NOT NULL,
    first_seen    INTEGER NOT NULL,
    pushed_at     INTEGER,
    PRIMARY KEY (org_id, repository_id, tag, artifact_id),
    FOREIGN KEY (org_id, repository_id) REFERENCES repositories (org_id, repository_id),
    FOREIGN KEY (org_id, artifact_id) REFERENCES artifacts (org_id, artifact_id)
) STRICT, WITHOUT ROWID;

-- Work and leases. A row of work is deleted when the work is done.

CREATE TABLE work (
    org_id      INTEGER NOT NULL,
    class       TEXT NOT NULL, -- 'index'
    artifact_id INTEGER NOT NULL,
    registry_id INTEGER NOT NULL,
    run_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    holder      TEXT,
    lease_until INTEGER,
    fence       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, class, artifact_id),
    FOREIGN KEY (org_id, artifact_id) REFERENCES artifacts (org_id, artifact_id),
    FOREIGN KEY (org_id, registry_id) REFERENCES registries (org_id, registry_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX work_due ON work (org_id, registry_id, class, run_at, artifact_id);
CREATE INDEX work_by_holder ON work (holder) WHERE holder IS NOT NULL;

CREATE TABLE leases (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    fence  INTEGER NOT NULL,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Facts: layers, images, packages.

CREATE TABLE layers (
    layer_id           INTEGER PRIMARY KEY AUTOINCREMENT,
    diff_id            TEXT NOT NULL,
    analysis_version   INTEGER NOT NULL,
    uncompressed_bytes INTEGER NOT NULL,
    recorded_at        INTEGER NOT NULL,
    UNIQUE (diff_id, analysis_version)
) STRICT;

-- Apart from layers, so that looking for a layer reads no page of an analysis.
CREATE TABLE layer_analyses (
    layer_id INTEGER PRIMARY KEY REFERENCES layers (layer_id),
    analysis BLOB NOT NULL
) STRICT;

CREATE TABLE layer_blobs (
    blob_digest      TEXT PRIMARY KEY,
    diff_id          TEXT NOT NULL,
    compressed_bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE images (
    image_id             INTEGER PRIMARY KEY AUTOINCREMENT,
    manifest_digest      TEXT NOT NULL UNIQUE,
    config_digest        TEXT NOT NULL,
    os                   TEXT NOT NULL,
    architecture         TEXT NOT NULL,
    variant              TEXT,
    config               TEXT NOT NULL, -- JSON
    distribution         TEXT,          -- JSON
    gaps                 TEXT NOT NULL, -- JSON
    has_package_database INTEGER NOT NULL,
    layers               TEXT NOT NULL, -- JSON: diff_ids, lowest first
    analysis_version     INTEGER NOT NULL,
    compressed_bytes     INTEGER NOT NULL,
    package_count        INTEGER NOT NULL,
    analyzed_at          INTEGER NOT NULL,
    packages             BLOB NOT NULL, -- roaring bitmap of package_id
    owned_packages       BLOB NOT NULL  -- roaring bitmap of package_id
) STRICT;

-- Match keys. No module is the empty text, because NULLs would not be unique.
CREATE TABLE packages (
    package_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    type           TEXT NOT NULL,
    ecosystem      TEXT NOT NULL,
    base           TEXT NOT NULL, -- the ecosystem without release: the name of its feed
    name           TEXT NOT NULL,
    version        TEXT NOT NULL,
    source_name    TEXT NOT NULL,
    source_version TEXT NOT NULL,
    module         TEXT NOT NULL,
    matched        INTEGER REFERENCES feed_states (state_id), -- NULL: never
    UNIQUE (name, version, ecosystem, source_name, source_version, module, type)
) STRICT;

CREATE INDEX packages_by_match ON packages (base, matched, package_id);
CREATE INDEX packages_unmatched ON packages (package_id) WHERE matched IS NULL;

CREATE TABLE artifact_images (
    org_id      INTEGER NOT NULL,
    artifact_id INTEGER NOT NULL,
    image_id    INTEGER NOT NULL REFERENCES images (image_id),
    PRIMARY KEY (org_id, artifact_id, image_id),
    FOREIGN KEY (org_id, artifact_id) REFERENCES artifacts (org_id, artifact_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX artifact_images_by_image ON artifact_images (image_id, org_id);

-- Environments. Each source has its share.
CREATE TABLE environment_images (
    org_id        INTEGER NOT NULL,
    environment   TEXT NOT NULL,
    source        TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    image_id      INTEGER NOT NULL REFERENCES images (image_id),
    tag           TEXT,
    digest        TEXT NOT NULL,
    recorded_at   INTEGER NOT NULL,
    PRIMARY KEY (org_id, environment, source, repository_id, image_id),
    FOREIGN KEY (org_id, repository_id) REFERENCES repositories (org_id, repository_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX environment_images_by_image ON environment_images (image_id, org_id);
CREATE INDEX environment_images_by_digest
    ON environment_images (org_id, repository_id, digest);

-- Judgements: feeds, findings, snapshots.

-- States of feeds that packages were matched with, or that are loaded.
CREATE TABLE feed_states (
    state_id    INTEGER PRIMARY KEY AUTOINCREMENT,
    base        TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    UNIQUE (base, fingerprint)
) STRICT;

CREATE TABLE feeds (
    base            TEXT PRIMARY KEY,
    state_id        INTEGER NOT NULL REFERENCES feed_states (state_id),
    releases        TEXT NOT NULL, -- JSON
    records         INTEGER NOT NULL,
    newest_modified INTEGER,
    loaded_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE kev (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    cves        TEXT NOT NULL, -- JSON
    fingerprint TEXT NOT NULL,
    loaded_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE vulnerabilities (
    vulnerability_id INTEGER PRIMARY KEY AUTOINCREMENT,
    key              TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE package_findings (
    package_id       INTEGER NOT NULL REFERENCES packages (package_id),
    vulnerability_id INTEGER NOT NULL REFERENCES vulnerabilities (vulnerability_id),
    severity         TEXT NOT NULL,
    severity_source  TEXT NOT NULL,
    records          TEXT NOT NULL, -- JSON
    fixed            TEXT NOT NULL, -- JSON
    PRIMARY KEY (package_id, vulnerability_id)
) STRICT, WITHOUT ROWID;

-- How often judgement was asked for, and up to which asking it was answered. The row stays, so
-- that a number is never used for another asking.
CREATE TABLE judge_work (
    org_id   INTEGER PRIMARY KEY REFERENCES organizations (org_id),
    asked    INTEGER NOT NULL,
    answered INTEGER NOT NULL
) STRICT;

CREATE TABLE snapshots (
    org_id      INTEGER PRIMARY KEY REFERENCES organizations (org_id),
    generation  INTEGER NOT NULL,
    valid_until INTEGER,
    body        TEXT NOT NULL -- JSON
) STRICT;
