-- Accounts with names. What is new may be left out: during an update the old process still adds guests and sessions.

alter table account add column name text; -- null: a guest
alter table account add column name_key text; -- the name as it is looked up: without case
alter table account add column password text; -- a PHC string; null: nobody signs in with one
alter table account add column role text not null default 'member'; -- member, agent, admin
alter table account add column disabled_at text; -- null: it may be used
alter table account add column signed_up_at text;

-- Limits of this account alone. Null: as the settings say.
alter table account add column sends_per_minute bigint;
alter table account add column open_replies bigint;
alter table account add column streams bigint;
alter table account add column tokens_per_day bigint;
alter table account add column tokens_per_month bigint;

create unique index account_by_name on account (name_key);

alter table session add column device text not null default ''; -- the browser, as it calls itself
alter table session add column last_used_at text; -- null: when it was made; written at most once a minute

-- A guest whose conversations the account may still take over, or not.
alter table session add column guest text references account (id) on delete set null;

-- A browser that somebody has signed in with: it is not held up by the wrong passwords of others.
create table known_browser (
    token_hash text not null,
    account text not null references account (id) on delete cascade,
    created_at text not null,
    primary key (token_hash, account)
);

create table api_token (
    token_hash text primary key not null,
    account text not null references account (id) on delete cascade,
    name text not null,
    scope text not null, -- read, write
    created_at text not null,
    last_used_at text
);

create index api_token_by_account on api_token (account);

create table invitation (
    token_hash text primary key not null,
    note text not null, -- whom it is for
    role text not null, -- what who takes it becomes
    uses bigint not null, -- how often it can be taken
    used bigint not null,
    ends_at text not null,
    made_by text references account (id) on delete cascade, -- null: the server, for the first admin
    created_at text not null
);

-- Who changed what of whom. Names as they were then: an account may be renamed or gone.
create table audit (
    id text primary key not null,
    at text not null,
    actor text not null, -- a name
    action text not null,
    subject text not null, -- a name, or nothing
    detail text not null
);

-- What was withdrawn, for other processes on the same database to see: they cut its streams.
create table revocation (
    seq bigint primary key not null,
    kind text not null, -- session, token, account
    subject text not null, -- a hash, or the account's id
    at text not null
);

-- What admins have set while it runs.
create table setting (
    name text primary key not null,
    value text not null
);
