-- Schema 5: integrations that are no registries.

-- 'registry', 'runtime' or 'channel'. What earlier releases had were registries.
ALTER TABLE integrations ADD COLUMN family TEXT NOT NULL DEFAULT 'registry';
-- Of any family: by it no two of an organization are alike.
ALTER TABLE integrations RENAME COLUMN registry_key TO key;
