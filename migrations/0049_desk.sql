-- The desk: sites, their visitors, and who answers each of their conversations.

create table site (
    id text primary key not null,
    name text not null, -- for agents and admins
    title text not null, -- for visitors
    answered_by text not null, -- assistant, agents: who answers first
    model text, -- null: the default model of the day
    system text not null,
    parameters text not null default '{}',
    texts text not null, -- JSON: the sentences that visitors are shown
    handoff text not null, -- JSON: when a person is asked for
    limits text not null, -- JSON
    agent_names text not null, -- name, first, team: how agents are called before visitors
    author_key text not null, -- random; what an agent's id before visitors is a hash of
    retention_days bigint, -- null: for ever
    close_after_days bigint not null default 7,
    disabled_at text,
    leaving_at text, -- it is being deleted
    created_at text not null
);

-- The accounts that answer on a site. Without the role of an agent or an admin a row gives nothing.
create table site_agent (
    site text not null references site (id) on delete cascade,
    account text not null references account (id) on delete cascade,
    seen_at text, -- when the agent was last here; written at most once a minute
    primary key (site, account)
);

create index site_agent_by_account on site_agent (account);

-- Set when it is made and never changed. No cascade: a conversation whose site is deleted must not become an ordinary one.
alter table conversation add column site text references site (id);
create index conversation_by_site on conversation (site) where site is not null;

-- Somebody who writes on a site. The account owns the conversations, and nobody signs in to it.
create table visitor (
    id text primary key not null,
    site text not null references site (id),
    account text not null references account (id) on delete cascade,
    locale text,
    page text, -- without query and fragment, as the referrer
    referrer text,
    blocked_until text,
    said_on text, -- the day, in UTC, of the next count
    said bigint not null default 0, -- messages and answers asked for on that day
    created_at text not null
);

create index visitor_by_site on visitor (site);
create index visitor_by_account on visitor (account);

-- What a visitor is recognised by. In a table of their own, so that no other route takes them for a member's.
create table visitor_token (
    token_hash text primary key not null,
    visitor text not null references visitor (id) on delete cascade,
    created_at text not null,
    last_used_at text not null
);

create index visitor_token_by_visitor on visitor_token (visitor);

-- Who answers a conversation of a site.
create table assignment (
    conversation text primary key not null references conversation (id) on delete cascade,
    site text not null references site (id),
    visitor text not null references visitor (id) on delete cascade,
    state text not null, -- assistant, waiting, agent, closed
    agent text references account (id), -- not null exactly in state agent
    asked_at text,
    asked_by text, -- visitor, phrase, assistant, failure, limit, absence, site
    reason text not null default '', -- the model's words, as is the summary
    summary text not null default '',
    instruction text not null default '', -- what the agent told the model at the last hand-back
    waiting_since text,
    first_answer_at text,
    closed_at text,
    closed_by text,
    last_at text not null, -- of the newest message
    last_position bigint not null,
    number bigint not null, -- +1 with each change of state or agent
    version bigint not null, -- +1 with each message, change, and end of a reply
    changed_at text not null
);

create index assignment_queue on assignment (site, state, waiting_since);
create index assignment_recent on assignment (site, state, last_at, conversation);
create index assignment_changed on assignment (site, changed_at);
create index assignment_by_visitor on assignment (visitor);
create index assignment_by_agent on assignment (agent) where agent is not null;

create table assignment_change (
    id text primary key not null,
    conversation text not null references conversation (id) on delete cascade,
    number bigint not null,
    at text not null,
    by text not null, -- visitor, agent, server
    actor text, -- the agent's account
    from_state text not null,
    to_state text not null,
    agent text,
    why text not null,
    reply text, -- the open reply that it ended
    unique (conversation, number)
);

-- As `usage`, of sites. It stays when the site is deleted.
create table site_usage (
    site text not null,
    day text not null,
    model text not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    estimated bigint not null,
    cost_micros bigint,
    replies bigint not null,
    primary key (site, day, model)
);

-- The tokens that an open reply of a site may still use.
alter table message add column reserved bigint;
