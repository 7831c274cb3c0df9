-- What the challenger of a facility would have decided, in shadow; the ledger reckons it beside what was decided.
CREATE TABLE challenger_decisions (
    facility_id TEXT NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decision JSONB NOT NULL,
    conditions JSONB NOT NULL,
    PRIMARY KEY (facility_id, decided_at)
);
