-- Who may use a conversation beside its owner, and as what.

create table share (
    conversation text not null references conversation (id) on delete cascade,
    account text not null references account (id) on delete cascade,
    role text not null, -- reader, participant
    created_at text not null,
    primary key (conversation, account)
);

create index share_by_account on share (account);

-- Links by which whoever opens one comes in, until it ends or is used up.

create table share_link (
    token_hash text primary key not null,
    conversation text not null references conversation (id) on delete cascade,
    role text not null,
    uses bigint not null, -- how often it can be taken
    used bigint not null,
    ends_at text not null,
    created_at text not null
);

create index share_link_by_conversation on share_link (conversation);

-- Who wrote a message, or asked for a reply, where it was not the conversation's owner. Whoever is gone stays named by an id
-- that nobody has.

alter table message add column account text;
create index message_by_account on message (account) where account is not null;

-- Which process has written it down: that one has told its own viewers already.

alter table revocation add column process text;
