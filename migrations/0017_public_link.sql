-- Links by which everybody may read a conversation, one for each at most.

create table public_link (
    conversation text primary key not null references conversation (id) on delete cascade,
    token_hash text not null unique,
    names bigint not null, -- whether people are called by their names: 0 or 1
    created_at text not null
);
