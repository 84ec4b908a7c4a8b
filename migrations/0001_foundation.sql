-- Accounts, their browsers, their conversations. Plain types only: the same text serves SQLite and PostgreSQL.
-- Ids are UUIDs, times are RFC 3339 in UTC with milliseconds, so that text sorts as time does.

create table account (
    id text primary key not null,
    kind text not null, -- guest
    created_at text not null
);

-- A browser that an account is signed in with. The token itself is only in the browser's cookie.
create table session (
    token_hash text primary key not null,
    account text not null references account (id) on delete cascade,
    created_at text not null
);

create index session_by_account on session (account);

create table conversation (
    id text primary key not null,
    account text not null references account (id) on delete cascade,
    title text not null,
    model text, -- null: the default model of the day
    system text not null,
    created_at text not null,
    updated_at text not null
);

create index conversation_by_account on conversation (account, updated_at, id);

create table message (
    id text primary key not null,
    conversation text not null references conversation (id) on delete cascade,
    position bigint not null, -- the order in which the conversation's messages were made, 1, 2, 3 ...
    parent text references message (id),
    role text not null,
    text text not null,
    thinking text not null,
    status text not null,
    model text,
    input_tokens bigint,
    output_tokens bigint,
    stop_reason text,
    error text, -- JSON
    process text, -- which process generates it; fences off one that was thought dead
    created_at text not null,
    first_piece_at text,
    finished_at text,
    unique (conversation, position)
);

create index message_by_parent on message (parent);
create index message_open on message (status) where status = 'streaming';
