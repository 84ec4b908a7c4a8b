-- What replies have cost, in millionths of a dollar. Null where the settings named no price of the model then: prices change,
-- and what was paid does not.

alter table message add column cost_micros bigint;
alter table usage add column cost_micros bigint;
