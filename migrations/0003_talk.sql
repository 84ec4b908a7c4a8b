-- How long a reply's model has thought, in milliseconds, and since when it thinks where it does so now.

alter table message add column thinking_ms bigint;
alter table message add column thinking_since text;
