-- Of several processes one decides; what it last told; what a person should know.

CREATE TABLE service_seats (
    name TEXT PRIMARY KEY,
    epoch BIGINT NOT NULL,
    taken_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now()
);
COMMENT ON COLUMN service_seats.epoch IS 'rises each time that a process takes the seat: who has an older number writes no decision';

ALTER TABLE chp_decisions ADD COLUMN seq BIGINT;
COMMENT ON COLUMN chp_decisions.seq IS 'the number of the newest message that tells of it';

CREATE INDEX idx_outbox_price ON outbox (facility_id, (body -> 'data' ->> 'kind'), seq)
    WHERE type = 'market-price-update';

CREATE TABLE chp_schedules (
    facility_id TEXT PRIMARY KEY,
    body JSONB NOT NULL
);
COMMENT ON TABLE chp_schedules IS 'the plan behind the newest decision';

CREATE TABLE alerts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    facility_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    about JSONB NOT NULL,
    lasts BOOLEAN NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE
);
CREATE UNIQUE INDEX idx_alerts_open ON alerts (facility_id, kind, subject) WHERE lasts AND resolved_at IS NULL;
CREATE INDEX idx_alerts_facility ON alerts (facility_id, id);
CREATE INDEX idx_alerts_at ON alerts (at);
COMMENT ON COLUMN alerts.lasts IS 'a state that ends, not something that happened';

CREATE TABLE alert_posts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    facility_id TEXT,
    body JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    done_at TIMESTAMP WITH TIME ZONE,
    error TEXT
);
CREATE INDEX idx_alert_posts_waiting ON alert_posts (next_at) WHERE done_at IS NULL;
COMMENT ON TABLE alert_posts IS 'what the webhook is to be told: delivered, or given up with its error';
