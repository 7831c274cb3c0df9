-- What came in: one row a payload, the rows of it that could not be used, and how far each feed is read.

CREATE TABLE market_data_feeds (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    provider TEXT NOT NULL,
    data_type TEXT NOT NULL,
    region TEXT NOT NULL,
    raw_data JSONB NOT NULL,
    processed_data JSONB,
    timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    data_quality TEXT DEFAULT 'good',
    latency_ms INTEGER,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    url TEXT,
    status INTEGER,
    origin TEXT NOT NULL DEFAULT 'live',
    payload_sha256 BYTEA,
    payload_bytes BIGINT,
    file TEXT,
    etag TEXT,
    last_modified TEXT,
    error TEXT
);
COMMENT ON COLUMN market_data_feeds.timestamp IS 'when the payload was received';
COMMENT ON COLUMN market_data_feeds.raw_data IS 'the payload as JSON, or where it lies: {sha256, bytes, file}';
COMMENT ON COLUMN market_data_feeds.processed_data IS 'rows new, corrected, unchanged and quarantined, or the error';
CREATE INDEX idx_market_data_feeds_provider_type_timestamp ON market_data_feeds (provider, data_type, timestamp);
CREATE INDEX idx_market_data_feeds_timestamp ON market_data_feeds (timestamp);
CREATE INDEX idx_market_data_feeds_payload ON market_data_feeds (payload_sha256);

CREATE TABLE quarantined_rows (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    feed TEXT NOT NULL,
    market_data_feed_id UUID NOT NULL,
    reason TEXT NOT NULL,
    place TEXT NOT NULL,
    raw TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX idx_quarantined_rows_feed ON quarantined_rows (feed, received_at);
CREATE INDEX idx_quarantined_rows_received ON quarantined_rows (received_at);

CREATE TABLE feed_positions (
    feed TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    data_type TEXT NOT NULL,
    region TEXT NOT NULL,
    position TIMESTAMP WITH TIME ZONE,
    received_at TIMESTAMP WITH TIME ZONE,
    origin TEXT,
    payload_sha256 BYTEA,
    etag TEXT,
    last_modified TEXT,
    error TEXT,
    error_at TIMESTAMP WITH TIME ZONE
);
COMMENT ON COLUMN feed_positions.position IS 'everything before it has been read; it never goes back';
