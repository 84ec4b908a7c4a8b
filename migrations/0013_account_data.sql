-- When an account asked to be deleted. From then on it is of no use to anybody, and goes step by step: a process that dies
-- half-way leaves the rest to the next one.

alter table account add column leaving_at text;

-- What accounts had used that are deleted, without whose it was: what the server has used and paid for stays true.
create table usage_of_deleted (
    day text not null, -- in UTC
    model text not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    replies bigint not null,
    estimated bigint not null,
    cost_micros bigint,
    primary key (day, model)
);

-- A link by which a person sets a new password. One for an account: a new one takes the place of the one before.
create table password_reset (
    account text primary key not null references account (id) on delete cascade,
    token_hash text not null unique,
    ends_at text not null,
    created_at text not null
);

-- How often it happened: what repeats itself within an hour is one entry, so that nobody can flood the log.
alter table audit add column times bigint not null default 1;
