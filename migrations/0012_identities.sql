-- Who somebody is at an issuer of OpenID Connect, and whose account that is.

create table identity (
    id text primary key not null,
    account text not null references account (id) on delete cascade,
    issuer text not null, -- a URL
    subject text not null, -- what the issuer calls this person for ever
    address text, -- a mail address, in small letters, that the issuer says is verified; null: there is none
    called text not null, -- what people know it by: an address, a name
    created_at text not null
);

create unique index identity_by_subject on identity (issuer, subject);
create index identity_by_account on identity (account);
create index identity_by_address on identity (address);

-- Ways back from an issuer that were taken, so that none is taken twice. Forgotten when they would be over anyway.
create table oidc_used (
    state_hash text primary key not null,
    at text not null
);
