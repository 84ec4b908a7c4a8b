-- What a search looks up: which messages have which two or three letters beside each other. It is written behind the messages
-- by a loop, and can be deleted and made anew at any time.

-- Up to a thousand messages and titles of one account.
create table search_block (
    id bigint primary key not null,
    account text not null, -- no reference: its rows are deleted in steps
    state bigint not null, -- 0 is being written, 1 in use, 2 to be written anew, 3 to be deleted
    members bytea not null, -- which messages, by conversation and position; position 0 is the title
    conversations bigint not null,
    made_at text not null
);

create index search_block_by_account on search_block (account, state, id);
create index search_block_due on search_block (state) where state <> 1;

-- A part of a block: of some groups of letters, which of its members have them.
create table search_part (
    id bigint primary key not null, -- 512 times the block's, and the part's number
    grams bytea not null
);

-- In which blocks a conversation is, up to which position, and with which title.
create table search_place (
    conversation text not null references conversation (id) on delete cascade,
    block bigint not null references search_block (id) on delete cascade,
    up_to bigint not null,
    title text, -- as it is in the block; null: it is not
    primary key (conversation, block)
);

create index search_place_by_block on search_place (block);

-- Conversations that have not changed since this time are in blocks with all of their messages.
create table search_account (
    account text primary key not null references account (id) on delete cascade,
    covered_to text not null,
    merges bigint not null -- how often a guest's conversations came to it: what was read before is not all
);
