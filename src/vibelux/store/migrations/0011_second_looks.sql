-- Prices of which two routes say different things; and which rows payloads held that said nothing new.

CREATE TABLE price_disagreements (
    interval_start TIMESTAMP WITH TIME ZONE NOT NULL,
    iso_region TEXT NOT NULL,
    pricing_node TEXT NOT NULL,
    comparison TEXT NOT NULL,
    feed TEXT NOT NULL,
    interval_end TIMESTAMP WITH TIME ZONE NOT NULL,
    one DOUBLE PRECISION NOT NULL,
    other DOUBLE PRECISION NOT NULL,
    tolerance DOUBLE PRECISION NOT NULL,
    why TEXT NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (interval_start, iso_region, pricing_node, comparison)
);
COMMENT ON TABLE price_disagreements IS 'numbers in USD/MWh; a row goes when a later comparison agrees';
CREATE INDEX idx_price_disagreements_feed ON price_disagreements (feed);
CREATE INDEX real_time_electricity_prices_revisions_superseded
    ON real_time_electricity_prices_revisions (superseded_at);

-- One row a payload, for all its rows of one stretch of time: what it says, no row has to be touched for.
CREATE TABLE confirmations (
    kind TEXT NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    first TIMESTAMP WITH TIME ZONE NOT NULL,
    last TIMESTAMP WITH TIME ZONE NOT NULL,
    things TEXT[] NOT NULL
);
CREATE INDEX idx_confirmations_kind ON confirmations (kind, confirmed_at);
COMMENT ON COLUMN confirmations.things IS 'the keys of the rows without their time';
