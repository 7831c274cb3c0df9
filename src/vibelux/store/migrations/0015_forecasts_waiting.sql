-- Forecasts whose prices have not come yet, one an hour and node, so that a restart loses no score. Steps whose price
-- has been looked at are told by the node's `scored_until` and not by changing what was told.
CREATE TABLE forecasts_waiting (
    iso_region TEXT NOT NULL,
    market TEXT NOT NULL,
    pricing_node TEXT NOT NULL,
    told_at TIMESTAMP WITH TIME ZONE NOT NULL,
    steps BYTEA NOT NULL,
    PRIMARY KEY (iso_region, market, pricing_node, told_at)
);
COMMENT ON COLUMN forecasts_waiting.steps IS
    'eight numbers a step: start and end (minutes of the wall clock), lead (minutes), p10, p50, p90, yesterday, last week';

CREATE TABLE forecasts_scored_until (
    iso_region TEXT NOT NULL,
    market TEXT NOT NULL,
    pricing_node TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (iso_region, market, pricing_node)
);
COMMENT ON COLUMN forecasts_scored_until.until IS 'minutes of the wall clock: steps that end by then are scored';
