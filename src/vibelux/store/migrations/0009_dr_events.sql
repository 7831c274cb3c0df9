-- What becomes of a demand-response event: what sites answer, what they are told, and what they gave in the end.

ALTER TABLE dr_events ADD COLUMN priority INTEGER, ADD COLUMN randomize_start_seconds INTEGER;
ALTER TABLE dr_events_revisions ADD COLUMN priority INTEGER, ADD COLUMN randomize_start_seconds INTEGER;

CREATE TABLE dr_owners (
    program TEXT NOT NULL,
    event_id TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (program, event_id)
);
COMMENT ON TABLE dr_owners IS 'events that somebody entered by hand, and who did';

-- Every answer is kept; the newest one counts.
CREATE TABLE dr_answers (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    facility_id TEXT NOT NULL,
    program TEXT NOT NULL,
    event_id TEXT NOT NULL,
    answer TEXT NOT NULL CHECK (answer IN ('accepted', 'declined')),
    caller_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    note TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX idx_dr_answers ON dr_answers (facility_id, program, event_id, id);

CREATE TABLE dr_told (
    facility_id TEXT NOT NULL,
    program TEXT NOT NULL,
    event_id TEXT NOT NULL,
    told TEXT NOT NULL,
    PRIMARY KEY (facility_id, program, event_id)
);
COMMENT ON COLUMN dr_told.told IS 'the version of event and answer that the facility''s outbox last had';

CREATE TABLE dr_performance (
    facility_id TEXT NOT NULL,
    program TEXT NOT NULL,
    event_id TEXT NOT NULL,
    measured_at TIMESTAMP WITH TIME ZONE NOT NULL,
    body JSONB NOT NULL,
    PRIMARY KEY (facility_id, program, event_id)
);
