-- `migrations/0048_search.sql`.

create table search_block (
    id bigint primary key not null,
    account text collate "C" not null,
    state bigint not null,
    members bytea not null,
    conversations bigint not null,
    made_at text collate "C" not null
);

create index search_block_by_account on search_block (account, state, id);
create index search_block_due on search_block (state) where state <> 1;

create table search_part (
    id bigint primary key not null,
    grams bytea not null
);

create table search_place (
    conversation text collate "C" not null references conversation (id) on delete cascade,
    block bigint not null references search_block (id) on delete cascade,
    up_to bigint not null,
    title text collate "C",
    primary key (conversation, block)
);

create index search_place_by_block on search_place (block);

create table search_account (
    account text collate "C" primary key not null references account (id) on delete cascade,
    covered_to text collate "C" not null,
    merges bigint not null
);
