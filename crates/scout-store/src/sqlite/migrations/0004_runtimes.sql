-- Schema 4: what runs, as runtimes and lists tell it.

-- The share that one source has of an environment.
CREATE TABLE shares (
    org_id      INTEGER NOT NULL REFERENCES organizations (org_id),
    environment TEXT NOT NULL,
    source      TEXT NOT NULL,
    synced_at   INTEGER, -- of the last good sync
    failed_at   INTEGER, -- of the last failure since then
    failure     TEXT,
    PRIMARY KEY (org_id, environment, source),
    CHECK ((failed_at IS NULL) = (failure IS NULL))
) STRICT, WITHOUT ROWID;

-- What the last good sync of a share said. Which analyzed image that is, if any, is asked anew
-- each time: an image that is analyzed later joins by itself.
CREATE TABLE running_images (
    org_id      INTEGER NOT NULL,
    environment TEXT NOT NULL,
    source      TEXT NOT NULL,
    position    INTEGER NOT NULL,
    image_id    TEXT, -- digest of the configuration
    manifest    TEXT, -- digest of the manifest or the index
    reference   TEXT,
    workloads   TEXT NOT NULL, -- JSON
    packages    TEXT,          -- JSON; NULL: nobody looked
    since       INTEGER NOT NULL,
    PRIMARY KEY (org_id, environment, source, position),
    FOREIGN KEY (org_id, environment, source) REFERENCES shares (org_id, environment, source)
) STRICT;

CREATE INDEX images_by_config ON images (config_digest);
CREATE INDEX artifacts_by_digest ON artifacts (org_id, digest);
