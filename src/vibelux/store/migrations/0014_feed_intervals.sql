-- Which intervals each feed has brought, and when each was first known: its completeness and lateness are counted here,
-- never in the tables of thousands of nodes.
CREATE TABLE feed_intervals (
    feed TEXT NOT NULL,
    kind TEXT NOT NULL,
    market TEXT NOT NULL,
    interval_start TIMESTAMP WITH TIME ZONE NOT NULL,
    interval_end TIMESTAMP WITH TIME ZONE NOT NULL,
    known_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (feed, kind, market, interval_start)
);
COMMENT ON COLUMN feed_intervals.market IS 'empty where records of the kind have none';
COMMENT ON COLUMN feed_intervals.interval_start IS 'of a record with a date: its midnight in UTC';
CREATE INDEX idx_feed_intervals_known ON feed_intervals (known_at);
