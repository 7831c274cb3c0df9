-- How far off the prices were that were expected: sums a day (of the market's clock, on which the price came), node and
-- lead, so that any mean can be made from them. Errors in USD/kWh.
CREATE TABLE forecast_scores (
    day DATE NOT NULL,
    iso_region TEXT NOT NULL,
    pricing_node TEXT NOT NULL,
    market TEXT NOT NULL,
    lead TEXT NOT NULL,
    steps BIGINT NOT NULL,
    abs_error DOUBLE PRECISION NOT NULL,
    abs_error_yesterday DOUBLE PRECISION NOT NULL,
    abs_error_last_week DOUBLE PRECISION NOT NULL,
    within BIGINT NOT NULL,
    PRIMARY KEY (iso_region, market, pricing_node, day, lead)
);
COMMENT ON COLUMN forecast_scores.within IS 'steps whose price lay within p10 to p90';
