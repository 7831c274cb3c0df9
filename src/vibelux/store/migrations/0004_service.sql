-- What the service itself keeps: facilities, decisions, the outbox, keys, budgets, secrets.

CREATE TABLE facilities (
    id TEXT PRIMARY KEY,
    body JSONB NOT NULL,
    source TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now()
);

CREATE TABLE chp_decisions (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    facility_id TEXT NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decision JSONB NOT NULL,
    conditions JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now()
);
CREATE INDEX idx_chp_decisions_facility_time ON chp_decisions (facility_id, decided_at, created_at);

-- The last number stays when a facility goes, so that no number is ever given twice.
CREATE TABLE facility_sequences (
    facility_id TEXT PRIMARY KEY,
    last_seq BIGINT NOT NULL
);

CREATE TABLE outbox (
    facility_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    type TEXT NOT NULL,
    body JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (facility_id, seq)
);
CREATE INDEX idx_outbox_created ON outbox (created_at);

CREATE TABLE api_keys (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    key_sha256 BYTEA NOT NULL UNIQUE,
    scopes TEXT[] NOT NULL,
    facilities TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE
);
COMMENT ON COLUMN api_keys.facilities IS 'empty: all';

CREATE TABLE service_budgets (
    service TEXT PRIMARY KEY,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE TABLE service_secrets (
    name TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);
