-- The plan behind each decision, not behind the newest alone: what was meant then stands beside what was done.
DROP TABLE chp_schedules;
CREATE TABLE chp_schedules (
    facility_id TEXT NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    body BYTEA,
    PRIMARY KEY (facility_id, decided_at)
);
COMMENT ON TABLE chp_schedules IS 'the plan behind each decision, for as long as the outbox is kept';
COMMENT ON COLUMN chp_schedules.body IS 'JSON, deflated to a twelfth; null where the decision rests on no plan';
CREATE INDEX idx_chp_schedules_decided ON chp_schedules (decided_at);
