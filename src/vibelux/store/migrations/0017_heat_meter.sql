-- What a site's heat meter shows: the heat that it takes, whoever makes it.
ALTER TABLE facility_operations ADD COLUMN heat_demand_kw NUMERIC(18, 9);
ALTER TABLE facility_operations_revisions ADD COLUMN heat_demand_kw NUMERIC(18, 9);
