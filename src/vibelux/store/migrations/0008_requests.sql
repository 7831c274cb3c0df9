-- What requests leave behind: who did what, replies that a repeated request gets again, and what a file said of a facility.

CREATE TABLE audit_log (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    caller_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    origin TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    facility_id TEXT,
    outcome TEXT NOT NULL
);
CREATE INDEX idx_audit_log_at ON audit_log (at);
CREATE INDEX idx_audit_log_facility ON audit_log (facility_id, id);
COMMENT ON COLUMN audit_log.origin IS 'address, or user and machine of a command line';

CREATE TABLE idempotent_replies (
    caller_id TEXT NOT NULL,
    key TEXT NOT NULL,
    request_sha256 BYTEA NOT NULL,
    claimed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status INTEGER,
    headers JSONB,
    body BYTEA,
    PRIMARY KEY (caller_id, key)
);
CREATE INDEX idx_idempotent_replies_claimed ON idempotent_replies (claimed_at);
COMMENT ON COLUMN idempotent_replies.status IS 'null: the first request is still at work';

ALTER TABLE facilities ADD COLUMN file TEXT, ADD COLUMN file_body JSONB;
COMMENT ON COLUMN facilities.file IS 'the configuration file that it stands in';
COMMENT ON COLUMN facilities.file_body IS 'what that file last said; the body differs once somebody changed it elsewhere';
UPDATE facilities SET file_body = body WHERE source = 'file';
