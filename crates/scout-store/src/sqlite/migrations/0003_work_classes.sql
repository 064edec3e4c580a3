-- Schema 3: why work is wanted, and how often it met a registry that was out of reach.

-- 3: an event, 2: a new tag, 1: a re-check, 0: back-fill. What earlier releases had enqueued was
-- mostly new.
ALTER TABLE work ADD COLUMN urgency INTEGER NOT NULL DEFAULT 2;
-- Since the last attempt that counted.
ALTER TABLE work ADD COLUMN deferrals INTEGER NOT NULL DEFAULT 0;

DROP INDEX work_due;
CREATE INDEX work_due ON work (org_id, registry_id, class, urgency DESC, run_at, artifact_id);
