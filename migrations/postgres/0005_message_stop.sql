-- See 0047_message_stop.sql of SQLite.

create index message_stop on message (process) where status = 'streaming' and stop_asked = 1;

drop index message_open;
create index message_open on message (account) where status = 'streaming';

-- A node of an older version writes no number, and its rows have one all the same.
alter table news add column xid bigint not null default cast(cast(pg_current_xact_id() as text) as bigint);
drop index news_by_process;
create index news_by_xid on news (xid);
