-- A conversation that is deleted can be brought back for some seconds: it is marked first, and from then on gone for
-- everybody. The server deletes what is marked.

alter table conversation add column leaving_at text;
create index conversation_leaving on conversation (leaving_at) where leaving_at is not null;
