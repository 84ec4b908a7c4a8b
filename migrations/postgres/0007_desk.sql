-- `migrations/0049_desk.sql`.

create table site (
    id text collate "C" primary key not null,
    name text collate "C" not null,
    title text collate "C" not null,
    answered_by text collate "C" not null,
    model text collate "C",
    system text collate "C" not null,
    parameters text collate "C" not null default '{}',
    texts text collate "C" not null,
    handoff text collate "C" not null,
    limits text collate "C" not null,
    agent_names text collate "C" not null,
    author_key text collate "C" not null,
    retention_days bigint,
    close_after_days bigint not null default 7,
    disabled_at text collate "C",
    leaving_at text collate "C",
    created_at text collate "C" not null
);

create table site_agent (
    site text collate "C" not null references site (id) on delete cascade,
    account text collate "C" not null references account (id) on delete cascade,
    seen_at text collate "C",
    primary key (site, account)
);

create index site_agent_by_account on site_agent (account);

alter table conversation add column site text collate "C" references site (id);
create index conversation_by_site on conversation (site) where site is not null;

create table visitor (
    id text collate "C" primary key not null,
    site text collate "C" not null references site (id),
    account text collate "C" not null references account (id) on delete cascade,
    locale text collate "C",
    page text collate "C",
    referrer text collate "C",
    blocked_until text collate "C",
    said_on text collate "C",
    said bigint not null default 0,
    created_at text collate "C" not null
);

create index visitor_by_site on visitor (site);
create index visitor_by_account on visitor (account);

create table visitor_token (
    token_hash text collate "C" primary key not null,
    visitor text collate "C" not null references visitor (id) on delete cascade,
    created_at text collate "C" not null,
    last_used_at text collate "C" not null
);

create index visitor_token_by_visitor on visitor_token (visitor);

create table assignment (
    conversation text collate "C" primary key not null references conversation (id) on delete cascade,
    site text collate "C" not null references site (id),
    visitor text collate "C" not null references visitor (id) on delete cascade,
    state text collate "C" not null,
    agent text collate "C" references account (id),
    asked_at text collate "C",
    asked_by text collate "C",
    reason text collate "C" not null default '',
    summary text collate "C" not null default '',
    instruction text collate "C" not null default '',
    waiting_since text collate "C",
    first_answer_at text collate "C",
    closed_at text collate "C",
    closed_by text collate "C",
    last_at text collate "C" not null,
    last_position bigint not null,
    number bigint not null,
    version bigint not null,
    changed_at text collate "C" not null
);

create index assignment_queue on assignment (site, state, waiting_since);
create index assignment_recent on assignment (site, state, last_at, conversation);
create index assignment_changed on assignment (site, changed_at);
create index assignment_by_visitor on assignment (visitor);
create index assignment_by_agent on assignment (agent) where agent is not null;

create table assignment_change (
    id text collate "C" primary key not null,
    conversation text collate "C" not null references conversation (id) on delete cascade,
    number bigint not null,
    at text collate "C" not null,
    by text collate "C" not null,
    actor text collate "C",
    from_state text collate "C" not null,
    to_state text collate "C" not null,
    agent text collate "C",
    why text collate "C" not null,
    reply text collate "C",
    unique (conversation, number)
);

create table site_usage (
    site text collate "C" not null,
    day text collate "C" not null,
    model text collate "C" not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    estimated bigint not null,
    cost_micros bigint,
    replies bigint not null,
    primary key (site, day, model)
);

alter table message add column reserved bigint;
