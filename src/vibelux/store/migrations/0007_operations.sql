-- What sites report of themselves, kept like all records; and, derived from it, when each engine was switched.

CREATE TABLE facility_operations (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    facility_id TEXT NOT NULL,
    timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    units JSONB NOT NULL,
    storage_kwh NUMERIC(18, 9),
    battery_kwh NUMERIC(18, 9),
    grid_import_kw NUMERIC(18, 9),
    frequency_hz NUMERIC(18, 9),
    voltage_v NUMERIC(18, 9),
    data_source TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    origin TEXT NOT NULL DEFAULT 'live',
    known_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    payload_sha256 BYTEA,
    CONSTRAINT facility_operations_key UNIQUE (facility_id, timestamp)
);
CREATE INDEX idx_facility_operations_timestamp ON facility_operations (timestamp);
CREATE TABLE facility_operations_revisions (
    LIKE facility_operations INCLUDING DEFAULTS,
    superseded_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX facility_operations_revisions_key ON facility_operations_revisions (facility_id, timestamp);

-- The reports in which an engine does something else than in the one before: how long it has run and how often it was
-- started are read here, however many reports there are.
CREATE TABLE unit_switches (
    facility_id TEXT NOT NULL,
    unit_id TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    is_on BOOLEAN NOT NULL,
    PRIMARY KEY (facility_id, unit_id, at)
);
