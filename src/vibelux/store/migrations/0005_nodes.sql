-- Under which names prices have been seen: what a user's search goes through, instead of all prices.
-- The days are of the intervals, not of the fetch; a node is looked at once a day, so they are exact to the day.
CREATE TABLE pricing_nodes (
    iso_region TEXT NOT NULL,
    pricing_node TEXT NOT NULL,
    node_type TEXT,
    first_seen DATE NOT NULL,
    last_seen DATE NOT NULL,
    CONSTRAINT pricing_nodes_key UNIQUE NULLS NOT DISTINCT (iso_region, pricing_node, node_type)
);
INSERT INTO pricing_nodes (iso_region, pricing_node, node_type, first_seen, last_seen)
    SELECT iso_region, pricing_node, node_type,
           min(market_interval_start AT TIME ZONE 'UTC')::date, max(market_interval_start AT TIME ZONE 'UTC')::date
    FROM real_time_electricity_prices WHERE pricing_node IS NOT NULL
    GROUP BY iso_region, pricing_node, node_type;
