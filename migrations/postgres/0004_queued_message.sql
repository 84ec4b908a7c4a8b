-- `migrations/0046_queued_message.sql`.

create table queued_message (
    id text collate "C" primary key not null,
    conversation text collate "C" not null references conversation (id) on delete cascade,
    account text collate "C" not null references account (id) on delete cascade,
    text text collate "C" not null,
    model text collate "C",
    created_at text collate "C" not null,
    refused text collate "C"
);

create unique index queued_message_one on queued_message (conversation, account);
create index queued_message_by_account on queued_message (account);
