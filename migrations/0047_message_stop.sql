-- Each process looks four times a second which of its replies others want to be stopped: nearly always there is none.
create index message_stop on message (process) where status = 'streaming' and stop_asked = 1;

-- What an account has open in the conversations of others is counted for each of its messages. All that are open were found
-- by the state alone, which is the same for each of them.
drop index message_open;
create index message_open on message (account) where status = 'streaming';

-- News is read by which transaction wrote it, never by who: on PostgreSQL alone, where this column has the transaction's number.
alter table news add column xid bigint not null default 0;
drop index news_by_process;
create index news_by_xid on news (xid);
