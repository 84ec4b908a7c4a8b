BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'foundation','2026-11-10 10:00:00',1,X'B03C4845DF9F3970D01EC8116CAE44BFEFD4FAEEA1AA777FB2C38E106FA4D704D0AFA9BC433671B1B04362F133D5DFA4',1000);
INSERT INTO "_sqlx_migrations" VALUES(2,'stop asked','2026-11-10 10:00:00',1,X'91A5E329CB0A5C2188E84B51787164B684232EE8737F2793E52EF3BFDFB66F91A0A3161317E68AD4BD868470BB91E1AB',1000);
INSERT INTO "_sqlx_migrations" VALUES(3,'models','2026-11-10 10:00:00',1,X'AE9F25D21A0B639FE14C945110442C9187396D8E671A9B2AE1A9A146E0AE7C24191C3D34EB9FD5D50405B82532572B86',1000);
INSERT INTO "_sqlx_migrations" VALUES(4,'images','2026-11-10 10:00:00',1,X'770E692BF52E78549A2EDA061192C7CEE98B5DE5BA850531EAEBB23B983686AB144484384633137D4C6838AE9BE611B1',1000);
INSERT INTO "_sqlx_migrations" VALUES(5,'accounts','2026-11-10 10:00:00',1,X'E7A63874A529920C9176904499D37F35746D7DFFBD610F3447E1B3DEDBA971D4039A4E30F043E7CD1219D3F0D1017746',1000);
INSERT INTO "_sqlx_migrations" VALUES(10,'cost','2026-11-10 10:00:00',1,X'360D794F4C55F98120BA7075D39D4AC7F9E08B0C77CBE980A55F123376A3B4B0E5FA8F335A3DFAE45340ED8D1CBC17D8',1000);
INSERT INTO "_sqlx_migrations" VALUES(11,'fallback','2026-11-10 10:00:00',1,X'C62CF50EDCF2015CADE4A8EE136C01B57C7B11399EF933074D4939889DC2633207DBA9F78BBAE1E78C35BF3B22368672',1000);
INSERT INTO "_sqlx_migrations" VALUES(12,'identities','2026-11-10 10:00:00',1,X'FDD64D6821F48E9A2BA5181E754825F8B770B3350B28B3F086CC84CAAEED80D787F41BE9E2D387E96C9BE05B5ACB7D9A',1000);
INSERT INTO "_sqlx_migrations" VALUES(13,'account data','2026-11-10 10:00:00',1,X'9CBC0D60AA87F2C0F5713D422324689A58A94D89AFA89E459A39DAF142BBF6D543B1072984988F6232D633384E1B09D3',1000);
CREATE TABLE account (
    id text primary key not null,
    kind text not null, -- guest
    created_at text not null
, name text, name_key text, password text, role text not null default 'member', disabled_at text, signed_up_at text, sends_per_minute bigint, open_replies bigint, streams bigint, tokens_per_day bigint, tokens_per_month bigint, leaving_at text);
INSERT INTO "account" VALUES('0192f0c1-0000-7000-8000-00000000000a','named','2026-11-10T10:00:00.000Z','Ann','ann',NULL,'admin',NULL,'2026-11-10T10:00:00.000Z',NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE api_token (
    token_hash text primary key not null,
    account text not null references account (id) on delete cascade,
    name text not null,
    scope text not null, -- read, write
    created_at text not null,
    last_used_at text
);
CREATE TABLE audit (
    id text primary key not null,
    at text not null,
    actor text not null, -- a name
    action text not null,
    subject text not null, -- a name, or nothing
    detail text not null
, times bigint not null default 1);
INSERT INTO "audit" VALUES('0192f0c1-0000-7000-8000-000000000099','2026-11-10T10:00:00.000Z','Ann','signed up','Ann','admin',1);
CREATE TABLE conversation (
    id text primary key not null,
    account text not null references account (id) on delete cascade,
    title text not null,
    model text, -- null: the default model of the day
    system text not null,
    created_at text not null,
    updated_at text not null
, parameters text not null default '{}', title_by text not null default 'none');
INSERT INTO "conversation" VALUES('0192f0c1-0000-7000-8000-00000000000c','0192f0c1-0000-7000-8000-00000000000a','About rivers',NULL,'Be brief.','2026-11-11T10:00:00.000Z','2026-11-12T10:00:00.000Z','{}','person');
CREATE TABLE identity (
    id text primary key not null,
    account text not null references account (id) on delete cascade,
    issuer text not null, -- a URL
    subject text not null, -- what the issuer calls this person for ever
    address text, -- a mail address, in small letters, that the issuer says is verified; null: there is none
    called text not null, -- what people know it by: an address, a name
    created_at text not null
);
CREATE TABLE image (
    id text primary key not null,
    account text not null references account (id) on delete cascade,
    picture text not null references picture (hash),
    name text not null, -- of the file
    created_at text not null
);
CREATE TABLE invitation (
    token_hash text primary key not null,
    note text not null, -- whom it is for
    role text not null, -- what who takes it becomes
    uses bigint not null, -- how often it can be taken
    used bigint not null,
    ends_at text not null,
    made_by text references account (id) on delete cascade, -- null: the server, for the first admin
    created_at text not null
);
CREATE TABLE known_browser (
    token_hash text not null,
    account text not null references account (id) on delete cascade,
    created_at text not null,
    primary key (token_hash, account)
);
CREATE TABLE message (
    id text primary key not null,
    conversation text not null references conversation (id) on delete cascade,
    position bigint not null, -- the order in which the conversation's messages were made, 1, 2, 3 ...
    parent text references message (id),
    role text not null,
    text text not null,
    thinking text not null,
    status text not null,
    model text,
    input_tokens bigint,
    output_tokens bigint,
    stop_reason text,
    error text, -- JSON
    process text, -- which process generates it; fences off one that was thought dead
    created_at text not null,
    first_piece_at text,
    finished_at text, stop_asked bigint not null default 0, thinking_ms bigint, thinking_since text, usage_estimated bigint not null default 0, left_out bigint not null default 0, images text not null default '[]', images_left_out bigint not null default 0, cost_micros bigint, asked text,
    unique (conversation, position)
);
INSERT INTO "message" VALUES('0192f0c1-0000-7000-8000-000000000001','0192f0c1-0000-7000-8000-00000000000c',1,NULL,'user','What is a rivulet?','','done',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-11T10:00:00.000Z',NULL,'2026-11-11T10:00:00.000Z',0,NULL,NULL,0,0,'[]',0,NULL,NULL);
INSERT INTO "message" VALUES('0192f0c1-0000-7000-8000-000000000002','0192f0c1-0000-7000-8000-00000000000c',2,'0192f0c1-0000-7000-8000-000000000001','assistant','A small stream; it''s "thin" – 小川.','It asks for a word.','done','anthropic/mock',12,34,'end',NULL,'a process that is gone','2026-11-11T10:00:00.000Z',NULL,'2026-11-11T10:00:00.000Z',0,NULL,NULL,0,0,'[]',0,NULL,NULL);
INSERT INTO "message" VALUES('0192f0c1-0000-7000-8000-000000000003','0192f0c1-0000-7000-8000-00000000000c',3,'0192f0c1-0000-7000-8000-000000000002','user','And a brook?','','done',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-12T10:00:00.000Z',NULL,'2026-11-12T10:00:00.000Z',0,NULL,NULL,0,0,'[]',0,NULL,NULL);
INSERT INTO "message" VALUES('0192f0c1-0000-7000-8000-000000000004','0192f0c1-0000-7000-8000-00000000000c',4,'0192f0c1-0000-7000-8000-000000000003','assistant','A larger ','','streaming','anthropic/mock',NULL,NULL,NULL,NULL,'a process that is gone','2026-11-12T10:00:00.000Z',NULL,NULL,0,NULL,NULL,0,0,'[]',0,NULL,NULL);
CREATE TABLE message_image (
    message text not null references message (id) on delete cascade,
    image text not null references image (id) on delete cascade,
    primary key (message, image)
);
CREATE TABLE oidc_used (
    state_hash text primary key not null,
    at text not null
);
CREATE TABLE password_reset (
    account text primary key not null references account (id) on delete cascade,
    token_hash text not null unique,
    ends_at text not null,
    created_at text not null
);
CREATE TABLE picture (
    hash text primary key not null, -- SHA-256 of the bytes, in hexadecimal
    media_type text not null,
    width bigint not null,
    height bigint not null,
    bytes bytea not null -- PostgreSQL's name for it; SQLite keeps bytes under any
);
CREATE TABLE revocation (
    seq bigint primary key not null,
    kind text not null, -- session, token, account
    subject text not null, -- a hash, or the account's id
    at text not null
);
CREATE TABLE session (
    token_hash text primary key not null,
    account text not null references account (id) on delete cascade,
    created_at text not null
, device text not null default '', last_used_at text, guest text references account (id) on delete set null);
INSERT INTO "session" VALUES('acd33f2619a89184005437a47415ec20c54ed36bb443411d9eadb91512ddfd27','0192f0c1-0000-7000-8000-00000000000a','2026-11-10T10:00:00.000Z','',NULL,NULL);
CREATE TABLE setting (
    name text primary key not null,
    value text not null
);
CREATE TABLE usage (
    account text not null references account (id) on delete cascade,
    day text not null, -- in UTC
    model text not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    replies bigint not null,
    estimated bigint not null, cost_micros bigint, -- how many of the replies are estimated
    primary key (account, day, model)
);
CREATE TABLE usage_of_deleted (
    day text not null, -- in UTC
    model text not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    replies bigint not null,
    estimated bigint not null,
    cost_micros bigint,
    primary key (day, model)
);
CREATE INDEX session_by_account on session (account);
CREATE INDEX conversation_by_account on conversation (account, updated_at, id);
CREATE INDEX message_by_parent on message (parent);
CREATE INDEX message_open on message (status) where status = 'streaming';
CREATE INDEX image_by_account on image (account);
CREATE INDEX image_by_picture on image (picture);
CREATE INDEX image_by_age on image (created_at);
CREATE INDEX message_image_by_image on message_image (image);
CREATE UNIQUE INDEX account_by_name on account (name_key);
CREATE INDEX api_token_by_account on api_token (account);
CREATE UNIQUE INDEX identity_by_subject on identity (issuer, subject);
CREATE INDEX identity_by_account on identity (account);
CREATE INDEX identity_by_address on identity (address);
COMMIT;
