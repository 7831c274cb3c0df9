-- The other kinds of record, kept like prices: what is known now, and what it replaced.

CREATE TABLE ancillary_prices (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    iso_region TEXT NOT NULL,
    region TEXT NOT NULL,
    product TEXT NOT NULL,
    service TEXT NOT NULL,
    market TEXT NOT NULL,
    price_per_mw_hour NUMERIC(18, 9) NOT NULL,
    interval_start TIMESTAMP WITH TIME ZONE NOT NULL,
    interval_end TIMESTAMP WITH TIME ZONE NOT NULL,
    data_source TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    origin TEXT NOT NULL DEFAULT 'live',
    known_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    payload_sha256 BYTEA,
    CONSTRAINT ancillary_prices_key UNIQUE (interval_start, iso_region, region, product, market)
);
CREATE TABLE ancillary_prices_revisions (
    LIKE ancillary_prices INCLUDING DEFAULTS,
    superseded_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX ancillary_prices_revisions_key ON ancillary_prices_revisions (interval_start, iso_region, product);

CREATE TABLE capacity_prices (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    iso_region TEXT NOT NULL,
    region TEXT NOT NULL,
    auction TEXT NOT NULL,
    delivery_start DATE NOT NULL,
    delivery_end DATE NOT NULL,
    price_per_mw_day NUMERIC(18, 9) NOT NULL,
    data_source TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    origin TEXT NOT NULL DEFAULT 'live',
    known_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    payload_sha256 BYTEA,
    CONSTRAINT capacity_prices_key UNIQUE (delivery_start, iso_region, region, auction)
);
CREATE TABLE capacity_prices_revisions (
    LIKE capacity_prices INCLUDING DEFAULTS,
    superseded_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX capacity_prices_revisions_key ON capacity_prices_revisions (delivery_start, iso_region, region);

CREATE TABLE transmission_constraints (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    iso_region TEXT NOT NULL,
    constraint_name TEXT NOT NULL,
    contingency TEXT,
    market TEXT NOT NULL,
    shadow_price NUMERIC(18, 9) NOT NULL,
    interval_start TIMESTAMP WITH TIME ZONE NOT NULL,
    interval_end TIMESTAMP WITH TIME ZONE NOT NULL,
    data_source TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    origin TEXT NOT NULL DEFAULT 'live',
    known_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    payload_sha256 BYTEA,
    CONSTRAINT transmission_constraints_key
        UNIQUE NULLS NOT DISTINCT (interval_start, iso_region, constraint_name, market, contingency)
);
CREATE TABLE transmission_constraints_revisions (
    LIKE transmission_constraints INCLUDING DEFAULTS,
    superseded_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX transmission_constraints_revisions_key
    ON transmission_constraints_revisions (interval_start, iso_region, constraint_name);

CREATE TABLE series_values (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    provider TEXT NOT NULL,
    category TEXT,
    variable TEXT NOT NULL,
    location TEXT NOT NULL,
    unit TEXT NOT NULL,
    value DOUBLE PRECISION,
    valid_start TIMESTAMP WITH TIME ZONE NOT NULL,
    valid_end TIMESTAMP WITH TIME ZONE NOT NULL,
    issued_at TIMESTAMP WITH TIME ZONE,
    data_source TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    origin TEXT NOT NULL DEFAULT 'live',
    known_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    payload_sha256 BYTEA,
    CONSTRAINT series_values_key
        UNIQUE NULLS NOT DISTINCT (valid_start, location, variable, provider, category, issued_at)
);
CREATE INDEX idx_series_values_variable ON series_values (variable, location, valid_start);
CREATE TABLE series_values_revisions (
    LIKE series_values INCLUDING DEFAULTS,
    superseded_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX series_values_revisions_key ON series_values_revisions (valid_start, location, variable);

CREATE TABLE dr_events (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    program TEXT NOT NULL,
    event_id TEXT NOT NULL,
    status TEXT NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE,
    targets JSONB NOT NULL,
    signals JSONB NOT NULL,
    source TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    origin TEXT NOT NULL DEFAULT 'live',
    known_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    payload_sha256 BYTEA,
    CONSTRAINT dr_events_key UNIQUE (program, event_id)
);
CREATE INDEX idx_dr_events_starts ON dr_events (starts_at);
CREATE TABLE dr_events_revisions (
    LIKE dr_events INCLUDING DEFAULTS,
    superseded_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX dr_events_revisions_key ON dr_events_revisions (program, event_id);
