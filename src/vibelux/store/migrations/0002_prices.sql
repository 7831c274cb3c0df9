-- Prices. A table holds what is known now, one row a key; what a correction replaced moves to its `_revisions`.
-- `known_at` is the moment our clock received the payload: as of T holds the newest version with known_at <= T.

CREATE TABLE real_time_electricity_prices (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    region TEXT NOT NULL,
    iso_region TEXT NOT NULL,
    pricing_node TEXT,
    price_per_kwh NUMERIC(18, 9) NOT NULL,
    price_type TEXT NOT NULL,
    currency TEXT DEFAULT 'USD',
    congestion_component NUMERIC(18, 9),
    loss_component NUMERIC(18, 9),
    energy_component NUMERIC(18, 9),
    market_interval_start TIMESTAMP WITH TIME ZONE NOT NULL,
    market_interval_end TIMESTAMP WITH TIME ZONE NOT NULL,
    data_source TEXT NOT NULL,
    confidence_level NUMERIC(5, 2),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    market TEXT NOT NULL DEFAULT 'real-time-5min',
    node_type TEXT,
    ghg_component NUMERIC(18, 9),
    origin TEXT NOT NULL DEFAULT 'live',
    known_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    payload_sha256 BYTEA,
    PRIMARY KEY (id, market_interval_start),
    CONSTRAINT real_time_electricity_prices_key
        UNIQUE NULLS NOT DISTINCT (market_interval_start, pricing_node, market, node_type, iso_region)
) PARTITION BY RANGE (market_interval_start);
CREATE INDEX idx_real_time_electricity_prices_region_timestamp
    ON real_time_electricity_prices (region, market_interval_start);
-- Months are attached as they come; a row whose month is not there yet waits here and is moved then.
CREATE TABLE real_time_electricity_prices_other PARTITION OF real_time_electricity_prices DEFAULT;

CREATE TABLE real_time_electricity_prices_revisions (
    LIKE real_time_electricity_prices INCLUDING DEFAULTS,
    superseded_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX real_time_electricity_prices_revisions_key
    ON real_time_electricity_prices_revisions (market_interval_start, pricing_node, market, known_at);

-- Which intervals there are at all: one node's history is then read by probing the key of the prices.
CREATE TABLE market_intervals (
    iso_region TEXT NOT NULL,
    market TEXT NOT NULL,
    market_interval_start TIMESTAMP WITH TIME ZONE NOT NULL,
    market_interval_end TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (iso_region, market, market_interval_start)
);

CREATE TABLE real_time_gas_prices (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    hub_name TEXT NOT NULL,
    region TEXT NOT NULL,
    price_per_mmbtu NUMERIC(18, 9) NOT NULL,
    basis_differential NUMERIC(18, 9),
    currency TEXT DEFAULT 'USD',
    trading_date DATE NOT NULL,
    delivery_date DATE,
    contract_type TEXT,
    data_source TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    contract TEXT,
    origin TEXT NOT NULL DEFAULT 'live',
    known_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    payload_sha256 BYTEA,
    CONSTRAINT real_time_gas_prices_key
        UNIQUE NULLS NOT DISTINCT (trading_date, hub_name, contract_type, delivery_date, contract)
);
CREATE INDEX idx_real_time_gas_prices_hub_date ON real_time_gas_prices (hub_name, trading_date);
CREATE TABLE real_time_gas_prices_revisions (
    LIKE real_time_gas_prices INCLUDING DEFAULTS,
    superseded_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX real_time_gas_prices_revisions_key ON real_time_gas_prices_revisions (trading_date, hub_name, known_at);

CREATE TABLE real_time_carbon_prices (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    market_name TEXT NOT NULL,
    region TEXT NOT NULL,
    price_per_metric_ton NUMERIC(18, 9) NOT NULL,
    currency TEXT DEFAULT 'USD',
    vintage_year INTEGER,
    market_type TEXT,
    trading_date DATE NOT NULL,
    data_source TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    origin TEXT NOT NULL DEFAULT 'live',
    known_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    payload_sha256 BYTEA,
    CONSTRAINT real_time_carbon_prices_key
        UNIQUE NULLS NOT DISTINCT (trading_date, market_name, market_type, vintage_year)
);
CREATE INDEX idx_real_time_carbon_prices_market_date ON real_time_carbon_prices (market_name, trading_date);
CREATE TABLE real_time_carbon_prices_revisions (
    LIKE real_time_carbon_prices INCLUDING DEFAULTS,
    superseded_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX real_time_carbon_prices_revisions_key
    ON real_time_carbon_prices_revisions (trading_date, market_name, known_at);
