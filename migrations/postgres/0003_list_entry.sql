-- `migrations/0045_list_entry.sql`.

create table list_entry (
    conversation text collate "C" not null references conversation (id) on delete cascade,
    account text collate "C" not null references account (id) on delete cascade,
    pinned_at text collate "C",
    archived_at text collate "C",
    read_to text collate "C",
    primary key (conversation, account)
);

create index list_entry_by_account on list_entry (account);
create index message_ended on message (conversation, finished_at) where role = 'assistant' and finished_at is not null;

insert into list_entry (conversation, account, read_to)
select id, account, to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') from conversation;

insert into list_entry (conversation, account, read_to)
select conversation, account, to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') from share
on conflict (conversation, account) do nothing;
