-- The ledger: what each plan cost in each hour, USD. `decided` is what was advised, `operated` what was done, the others
-- are baselines; rows of one plan add up to any longer time.
CREATE TABLE savings_hours (
    facility_id TEXT NOT NULL,
    plan TEXT NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    hours DOUBLE PRECISION NOT NULL,
    unsettled_hours DOUBLE PRECISION NOT NULL,
    energy_import NUMERIC(16, 6) NOT NULL,
    energy_export NUMERIC(16, 6) NOT NULL,
    gas NUMERIC(16, 6) NOT NULL,
    carbon NUMERIC(16, 6) NOT NULL,
    om NUMERIC(16, 6) NOT NULL,
    penalties NUMERIC(16, 6) NOT NULL,
    starts NUMERIC(16, 6) NOT NULL,
    stored NUMERIC(16, 6) NOT NULL,
    cost_usd NUMERIC(16, 6) GENERATED ALWAYS AS
        (energy_import + energy_export + gas + carbon + om + penalties + starts + stored) STORED,
    known_usd NUMERIC(16, 6),
    decided_usd NUMERIC(16, 6),
    peak_kw DOUBLE PRECISION NOT NULL,
    reckoned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (facility_id, hour, plan)
);
COMMENT ON COLUMN savings_hours.hours IS 'for so long of the hour the plan is known';
COMMENT ON COLUMN savings_hours.unsettled_hours IS 'of these, without a price that came to count: the known one stands in';
COMMENT ON COLUMN savings_hours.known_usd IS 'of decided: at the prices that were known when it was decided';
COMMENT ON COLUMN savings_hours.decided_usd IS 'of operated: what was decided for the same time';

-- What an hour that was settled came to before it was reckoned anew: the difference is kept.
CREATE TABLE savings_restatements (
    facility_id TEXT NOT NULL,
    plan TEXT NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    restated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    was_usd NUMERIC(16, 6) NOT NULL,
    is_usd NUMERIC(16, 6) NOT NULL,
    PRIMARY KEY (facility_id, hour, plan, restated_at)
);
