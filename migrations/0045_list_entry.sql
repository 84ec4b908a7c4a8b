-- How a conversation stands in one account's list: pinned to its top, put away, and up to which end of a reply it was read.
-- What a participant pins is not pinned for the owner, so none of it is in `conversation`.

create table list_entry (
    conversation text not null references conversation (id) on delete cascade,
    account text not null references account (id) on delete cascade,
    pinned_at text,
    archived_at text,
    read_to text, -- when the newest reply that was seen had ended
    primary key (conversation, account)
);

create index list_entry_by_account on list_entry (account);

-- When the newest reply of a conversation has ended.
create index message_ended on message (conversation, finished_at) where role = 'assistant' and finished_at is not null;

-- What is there already counts as read.
insert into list_entry (conversation, account, read_to)
select id, account, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') from conversation;

insert into list_entry (conversation, account, read_to)
select conversation, account, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') from share where true
on conflict (conversation, account) do nothing;
