-- Messages that wait for the end of the reply that is being written: one of each account in a conversation. `id` is the message's.
-- A row is deleted in the transaction that writes its message.

create table queued_message (
    id text primary key not null,
    conversation text not null references conversation (id) on delete cascade,
    account text not null references account (id) on delete cascade,
    text text not null,
    model text,
    created_at text not null,
    refused text -- why it could not be sent, as a sentence; it then waits for its author
);

create unique index queued_message_one on queued_message (conversation, account);
create index queued_message_by_account on queued_message (account);
