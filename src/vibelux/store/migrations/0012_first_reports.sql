-- Each engine's first report stands beside its switches: what it did before any report is then found without reading
-- the reports themselves.

ALTER TABLE unit_switches ADD COLUMN is_first BOOLEAN NOT NULL DEFAULT false;
