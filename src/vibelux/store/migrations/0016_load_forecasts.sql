-- The newest good answer of each address at which an operator gives out what a facility will need.
CREATE TABLE load_forecasts (
    facility_id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    body BYTEA NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL
);
