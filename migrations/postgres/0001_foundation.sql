-- The tables on PostgreSQL, as `migrations/` makes them on SQLite up to 0043; there each of them and its columns are
-- explained. A test compares the two. From here on a change of the tables is written twice: in `migrations/`, and here in a
-- file of the same number.
--
-- Texts are compared byte by byte, as SQLite compares them: pages are cut by `<` and `>`, and languages have other orders.

create table account (
    id text collate "C" primary key not null,
    kind text collate "C" not null,
    created_at text collate "C" not null,
    name text collate "C",
    name_key text collate "C",
    password text collate "C",
    role text collate "C" not null default 'member',
    disabled_at text collate "C",
    signed_up_at text collate "C",
    sends_per_minute bigint,
    open_replies bigint,
    streams bigint,
    tokens_per_day bigint,
    tokens_per_month bigint,
    leaving_at text collate "C",
    name_skeleton text collate "C",
    name_look text collate "C"
);

create unique index account_by_name on account (name_key);
create index account_by_name_skeleton on account (name_skeleton) where name_skeleton is not null;
create index account_by_name_look on account (name_look) where name_look is not null;

create table session (
    token_hash text collate "C" primary key not null,
    account text collate "C" not null references account (id) on delete cascade,
    created_at text collate "C" not null,
    device text collate "C" not null default '',
    last_used_at text collate "C",
    guest text collate "C" references account (id) on delete set null
);

create index session_by_account on session (account);
create index session_by_guest on session (guest) where guest is not null;
create index session_by_last_use on session (coalesce(last_used_at, created_at));

create table conversation (
    id text collate "C" primary key not null,
    account text collate "C" not null references account (id) on delete cascade,
    title text collate "C" not null,
    model text collate "C",
    system text collate "C" not null,
    created_at text collate "C" not null,
    updated_at text collate "C" not null,
    parameters text collate "C" not null default '{}',
    title_by text collate "C" not null default 'none',
    leaf text collate "C",
    leaf_since bigint,
    leaving_at text collate "C"
);

create index conversation_by_account on conversation (account, updated_at, id);
create index conversation_leaving on conversation (leaving_at) where leaving_at is not null;

create table message (
    id text collate "C" primary key not null,
    conversation text collate "C" not null references conversation (id) on delete cascade,
    position bigint not null,
    parent text collate "C" references message (id),
    role text collate "C" not null,
    text text collate "C" not null,
    thinking text collate "C" not null,
    status text collate "C" not null,
    model text collate "C",
    input_tokens bigint,
    output_tokens bigint,
    stop_reason text collate "C",
    error text collate "C",
    process text collate "C",
    created_at text collate "C" not null,
    first_piece_at text collate "C",
    finished_at text collate "C",
    stop_asked bigint not null default 0,
    thinking_ms bigint,
    thinking_since text collate "C",
    usage_estimated bigint not null default 0,
    left_out bigint not null default 0,
    images text collate "C" not null default '[]',
    images_left_out bigint not null default 0,
    cost_micros bigint,
    asked text collate "C",
    account text collate "C",
    unique (conversation, position)
);

create index message_by_parent on message (parent);
create index message_open on message (status) where status = 'streaming';
create unique index message_one_open on message (conversation) where status = 'streaming';
create index message_by_account on message (account) where account is not null;
create index message_first on message (conversation, position) where parent is null;

create table usage (
    account text collate "C" not null references account (id) on delete cascade,
    day text collate "C" not null,
    model text collate "C" not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    replies bigint not null,
    estimated bigint not null,
    cost_micros bigint,
    primary key (account, day, model)
);

create table picture (
    hash text collate "C" primary key not null,
    media_type text collate "C" not null,
    width bigint not null,
    height bigint not null,
    bytes bytea not null
);

create table image (
    id text collate "C" primary key not null,
    account text collate "C" not null references account (id) on delete cascade,
    picture text collate "C" not null references picture (hash),
    name text collate "C" not null,
    created_at text collate "C" not null
);

create index image_by_account on image (account);
create index image_by_picture on image (picture);
create index image_by_age on image (created_at);

create table message_image (
    message text collate "C" not null references message (id) on delete cascade,
    image text collate "C" not null references image (id) on delete cascade,
    primary key (message, image)
);

create index message_image_by_image on message_image (image);

create table known_browser (
    token_hash text collate "C" not null,
    account text collate "C" not null references account (id) on delete cascade,
    created_at text collate "C" not null,
    primary key (token_hash, account)
);

create index known_browser_by_account on known_browser (account);
create index known_browser_by_age on known_browser (created_at);

create table api_token (
    token_hash text collate "C" primary key not null,
    account text collate "C" not null references account (id) on delete cascade,
    name text collate "C" not null,
    scope text collate "C" not null,
    created_at text collate "C" not null,
    last_used_at text collate "C"
);

create index api_token_by_account on api_token (account);

create table invitation (
    token_hash text collate "C" primary key not null,
    note text collate "C" not null,
    role text collate "C" not null,
    uses bigint not null,
    used bigint not null,
    ends_at text collate "C" not null,
    made_by text collate "C" references account (id) on delete cascade,
    created_at text collate "C" not null
);

create index invitation_by_maker on invitation (made_by);

create table audit (
    id text collate "C" primary key not null,
    at text collate "C" not null,
    actor text collate "C" not null,
    action text collate "C" not null,
    subject text collate "C" not null,
    detail text collate "C" not null,
    times bigint not null default 1
);

create table revocation (
    seq bigint primary key not null,
    kind text collate "C" not null,
    subject text collate "C" not null,
    at text collate "C" not null,
    process text collate "C"
);

create table setting (
    name text collate "C" primary key not null,
    value text collate "C" not null
);

create table identity (
    id text collate "C" primary key not null,
    account text collate "C" not null references account (id) on delete cascade,
    issuer text collate "C" not null,
    subject text collate "C" not null,
    address text collate "C",
    called text collate "C" not null,
    created_at text collate "C" not null
);

create unique index identity_by_subject on identity (issuer, subject);
create index identity_by_account on identity (account);
create index identity_by_address on identity (address);

create table oidc_used (
    state_hash text collate "C" primary key not null,
    at text collate "C" not null
);

create table usage_of_deleted (
    day text collate "C" not null,
    model text collate "C" not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    replies bigint not null,
    estimated bigint not null,
    cost_micros bigint,
    primary key (day, model)
);

create table password_reset (
    account text collate "C" primary key not null references account (id) on delete cascade,
    token_hash text collate "C" not null unique,
    ends_at text collate "C" not null,
    created_at text collate "C" not null
);

create table share (
    conversation text collate "C" not null references conversation (id) on delete cascade,
    account text collate "C" not null references account (id) on delete cascade,
    role text collate "C" not null,
    created_at text collate "C" not null,
    primary key (conversation, account)
);

create index share_by_account on share (account);

create table share_link (
    token_hash text collate "C" primary key not null,
    conversation text collate "C" not null references conversation (id) on delete cascade,
    role text collate "C" not null,
    uses bigint not null,
    used bigint not null,
    ends_at text collate "C" not null,
    created_at text collate "C" not null
);

create index share_link_by_conversation on share_link (conversation);

create table public_link (
    conversation text collate "C" primary key not null references conversation (id) on delete cascade,
    token_hash text collate "C" not null unique,
    names bigint not null,
    created_at text collate "C" not null
);

create table used_conversation (
    id_hash text collate "C" primary key not null
);

create table write_rate (
    account text collate "C" primary key not null references account (id) on delete cascade,
    full_at bigint not null
);

create table node (
    process text collate "C" primary key not null,
    beat bigint not null,
    joined bigint not null,
    dead_at text collate "C",
    started_at text collate "C" not null,
    version text collate "C" not null
);

create index node_live on node (process) where dead_at is null;

create table news (
    id text collate "C" primary key not null,
    topic text collate "C" not null,
    process text collate "C" not null,
    at bigint not null
);

create index news_by_process on news (process);
