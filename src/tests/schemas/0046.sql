BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES(1,'foundation','2026-11-30 20:00:00',1,X'b03c4845df9f3970d01ec8116cae44bfefd4faeea1aa777fb2c38e106fa4d704d0afa9bc433671b1b04362f133d5dfa4',1000);
INSERT INTO _sqlx_migrations VALUES(2,'stop asked','2026-11-30 20:00:00',1,X'91a5e329cb0a5c2188e84b51787164b684232ee8737f2793e52ef3bfdfb66f91a0a3161317e68ad4bd868470bb91e1ab',1000);
INSERT INTO _sqlx_migrations VALUES(3,'models','2026-11-30 20:00:00',1,X'ae9f25d21a0b639fe14c945110442c9187396d8e671a9b2ae1a9a146e0ae7c24191c3d34eb9fd5d50405b82532572b86',1000);
INSERT INTO _sqlx_migrations VALUES(4,'images','2026-11-30 20:00:00',1,X'770e692bf52e78549a2eda061192c7cee98b5de5ba850531eaebb23b983686ab144484384633137d4c6838ae9be611b1',1000);
INSERT INTO _sqlx_migrations VALUES(5,'accounts','2026-11-30 20:00:00',1,X'e7a63874a529920c9176904499d37f35746d7dffbd610f3447e1b3dedba971d4039a4e30f043e7cd1219d3f0d1017746',1000);
INSERT INTO _sqlx_migrations VALUES(10,'cost','2026-11-30 20:00:00',1,X'360d794f4c55f98120ba7075d39d4ac7f9e08b0c77cbe980a55f123376a3b4b0e5fa8f335a3dfae45340ed8d1cbc17d8',1000);
INSERT INTO _sqlx_migrations VALUES(11,'fallback','2026-11-30 20:00:00',1,X'c62cf50edcf2015cade4a8ee136c01b57c7b11399ef933074d4939889dc2633207dba9f78bbae1e78c35bf3b22368672',1000);
INSERT INTO _sqlx_migrations VALUES(12,'identities','2026-11-30 20:00:00',1,X'fdd64d6821f48e9a2ba5181e754825f8b770b3350b28b3f086cc84caaeed80d787f41be9e2d387e96c9be05b5acb7d9a',1000);
INSERT INTO _sqlx_migrations VALUES(13,'account data','2026-11-30 20:00:00',1,X'9cbc0d60aa87f2c0f5713d422324689a58a94d89afa89e459a39daf142bbf6d543b1072984988f6232d633384e1b09d3',1000);
INSERT INTO _sqlx_migrations VALUES(16,'sharing','2026-11-30 20:00:00',1,X'5638bd4d64f3966258ff5a86d12cb6520ecfb589f8f8400eef22b1a3f83804182780e8734c1e931b44a8855bb8928415',1000);
INSERT INTO _sqlx_migrations VALUES(17,'public link','2026-11-30 20:00:00',1,X'1fb80ea8fad5df3b3446215e02e88bc167ab84df194eabff24bf5ccc2111c3b4cdcc3860c8d3bf969b436bc626b839ea',1000);
INSERT INTO _sqlx_migrations VALUES(18,'branches','2026-11-30 20:00:00',1,X'f5a1f1c0dbe50a80dc574872ce4a7df44fea1b1fa945d8084e738dc95292e7453068bf4456cacb787848174a8f011ab9',1000);
INSERT INTO _sqlx_migrations VALUES(19,'first messages','2026-11-30 20:00:00',1,X'4790a2438246c0fd3994923e05df79c2cd2428dd4e12685a6017569344fa327493f509092ffaf11b24f8201cfacd9860',1000);
INSERT INTO _sqlx_migrations VALUES(20,'indexes','2026-11-30 20:00:00',1,X'eef2dcc70526d4d64161bdcf287d369aea69c6dcc0515d517406e14cbd79689db84132ab29128471782e01c4c89d3de9',1000);
INSERT INTO _sqlx_migrations VALUES(21,'used conversation','2026-11-30 20:00:00',1,X'f53a7bc66e307d2a36012314c32baeda6f4ad355d9d7715ad7cad2297debe6cd806ee7bd41b53f487ad16c7eeb4217aa',1000);
INSERT INTO _sqlx_migrations VALUES(22,'write rate','2026-11-30 20:00:00',1,X'e6acf3f29f2bdb2fd4c022af5da3fe262af08c70c9c6fd688205e04bff55e1113a54b76c93d7647d14f9b414fa79f124',1000);
INSERT INTO _sqlx_migrations VALUES(23,'name skeleton','2026-11-30 20:00:00',1,X'c342ae7436a2481e15385fa062d009759f7971be07633cf6bb20c3936b97761470773641e29187b41c408fded48af02a',1000);
INSERT INTO _sqlx_migrations VALUES(40,'leaving','2026-11-30 20:00:00',1,X'a79e7f0b276d27e26066500362c669f1afafe5788b0330c3e0aa647ec732552849adf7f75ae70a172faaeb795c157137',1000);
INSERT INTO _sqlx_migrations VALUES(41,'one open reply','2026-11-30 20:00:00',1,X'068955e509d5cffb3384e3437c120816289bae5991f34ca8e60b45ab3a5970534849081388aa7c7f2f9a54adcec4af2e',1000);
INSERT INTO _sqlx_migrations VALUES(43,'nodes','2026-11-30 20:00:00',1,X'260c25bb7b857f02d788ee969d409516cea82e27342be2d0fc9e1679e5d22fd90084f56497b018143f98857ed6d89f48',1000);
INSERT INTO _sqlx_migrations VALUES(44,'node config','2026-11-30 20:00:00',1,X'926a84e4f0d1ec52a167f72ef0ba0748632865d057f7bf91a9b94d9ef4a8d1c2b36e7359aa9877b0c9a4e7cc3fe650a7',1000);
INSERT INTO _sqlx_migrations VALUES(45,'list entry','2026-11-30 20:00:00',1,X'2dc2abf0e3dbff556c49a3f19ea4b73d6c24a8ad772e4d2446ae63ee2f8d66b8eb018f62e140bdd4dca11ea8b92f2281',1000);
INSERT INTO _sqlx_migrations VALUES(46,'queued message','2026-11-30 20:00:00',1,X'e182814da14b3a346aa040715305dc9522a46c65586cd0996df4a4d7f6b623678c37246bc25092095441fcef487d521d',1000);
CREATE TABLE account (
    id text primary key not null,
    kind text not null, -- guest
    created_at text not null
, name text, name_key text, password text, role text not null default 'member', disabled_at text, signed_up_at text, sends_per_minute bigint, open_replies bigint, streams bigint, tokens_per_day bigint, tokens_per_month bigint, leaving_at text, name_skeleton text, name_look text);
INSERT INTO account VALUES('0192f0c1-0000-7000-8000-00000000000a','named','2026-11-10T10:00:00.000Z','Ann','ann',NULL,'admin',NULL,'2026-11-10T10:00:00.000Z',NULL,NULL,NULL,NULL,NULL,NULL,'ann','ann');
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
CREATE TABLE conversation (
    id text primary key not null,
    account text not null references account (id) on delete cascade,
    title text not null,
    model text, -- null: the default model of the day
    system text not null,
    created_at text not null,
    updated_at text not null
, parameters text not null default '{}', title_by text not null default 'none', leaf text, leaf_since bigint, leaving_at text);
INSERT INTO conversation VALUES('0192f0c1-0000-7000-8000-00000000000c','0192f0c1-0000-7000-8000-00000000000a','About rivers',NULL,'Be brief.','2026-11-11T10:00:00.000Z','2026-11-12T10:00:00.000Z','{}','person',NULL,NULL,NULL);
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
INSERT INTO image VALUES('0192f0c1-0000-7000-8000-0000000000ff','0192f0c1-0000-7000-8000-00000000000a','0000000000000000000000000000000000000000000000000000000000000000','dot.png','2026-11-11T10:00:00.000Z');
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
    finished_at text, stop_asked bigint not null default 0, thinking_ms bigint, thinking_since text, usage_estimated bigint not null default 0, left_out bigint not null default 0, images text not null default '[]', images_left_out bigint not null default 0, cost_micros bigint, asked text, account text,
    unique (conversation, position)
);
INSERT INTO message VALUES('0192f0c1-0000-7000-8000-000000000001','0192f0c1-0000-7000-8000-00000000000c',1,NULL,'user','What is a rivulet?','','done',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-11T10:00:00.000Z',NULL,'2026-11-11T10:00:00.000Z',0,NULL,NULL,0,0,'[]',0,NULL,NULL,NULL);
INSERT INTO message VALUES('0192f0c1-0000-7000-8000-000000000002','0192f0c1-0000-7000-8000-00000000000c',2,'0192f0c1-0000-7000-8000-000000000001','assistant','A small stream; it''s "thin" – 小川.','It asks for a word.','done','anthropic/mock',12,34,'end',NULL,'a process that is gone','2026-11-11T10:00:00.000Z',NULL,'2026-11-11T10:00:00.000Z',0,NULL,NULL,0,0,'[]',0,NULL,NULL,NULL);
INSERT INTO message VALUES('0192f0c1-0000-7000-8000-000000000003','0192f0c1-0000-7000-8000-00000000000c',3,'0192f0c1-0000-7000-8000-000000000002','user','And a brook?','','done',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-12T10:00:00.000Z',NULL,'2026-11-12T10:00:00.000Z',0,NULL,NULL,0,0,'[]',0,NULL,NULL,NULL);
INSERT INTO message VALUES('0192f0c1-0000-7000-8000-000000000004','0192f0c1-0000-7000-8000-00000000000c',4,'0192f0c1-0000-7000-8000-000000000003','assistant','A larger ','','streaming','anthropic/mock',NULL,NULL,NULL,NULL,'a process that is gone','2026-11-12T10:00:00.000Z',NULL,NULL,0,NULL,NULL,0,0,'[]',0,NULL,NULL,NULL);
CREATE TABLE message_image (
    message text not null references message (id) on delete cascade,
    image text not null references image (id) on delete cascade,
    primary key (message, image)
);
INSERT INTO message_image VALUES('0192f0c1-0000-7000-8000-000000000001','0192f0c1-0000-7000-8000-0000000000ff');
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
INSERT INTO picture VALUES('0000000000000000000000000000000000000000000000000000000000000000','image/png',1,1,X'89504e47');
CREATE TABLE public_link (
    conversation text primary key not null references conversation (id) on delete cascade,
    token_hash text not null unique,
    names bigint not null, -- whether people are called by their names: 0 or 1
    created_at text not null
);
CREATE TABLE revocation (
    seq bigint primary key not null,
    kind text not null, -- session, token, account
    subject text not null, -- a hash, or the account's id
    at text not null
, process text);
CREATE TABLE session (
    token_hash text primary key not null,
    account text not null references account (id) on delete cascade,
    created_at text not null
, device text not null default '', last_used_at text, guest text references account (id) on delete set null);
INSERT INTO session VALUES('acd33f2619a89184005437a47415ec20c54ed36bb443411d9eadb91512ddfd27','0192f0c1-0000-7000-8000-00000000000a','2026-11-10T10:00:00.000Z','',NULL,NULL);
CREATE TABLE setting (
    name text primary key not null,
    value text not null
);
CREATE TABLE share (
    conversation text not null references conversation (id) on delete cascade,
    account text not null references account (id) on delete cascade,
    role text not null, -- reader, participant
    created_at text not null,
    primary key (conversation, account)
);
CREATE TABLE share_link (
    token_hash text primary key not null,
    conversation text not null references conversation (id) on delete cascade,
    role text not null,
    uses bigint not null, -- how often it can be taken
    used bigint not null,
    ends_at text not null,
    created_at text not null
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
CREATE TABLE used_conversation (
    id_hash text primary key not null
);
CREATE TABLE write_rate (
    account text primary key not null references account (id) on delete cascade,
    full_at bigint not null
);
CREATE TABLE node (
    process text primary key not null,
    beat bigint not null, -- goes up with each sign of life
    joined bigint not null, -- whether it shares its journal with the others: 0 or 1
    dead_at text, -- when it ended, or was declared dead, which is never taken back; null: it lives
    started_at text not null,
    version text not null -- of the program
, config text);
CREATE TABLE news (
    id text primary key not null,
    topic text not null, -- whose viewers look again
    process text not null, -- who wrote it, and tells it
    at bigint not null -- by the database's clock, in milliseconds since 1970
);
CREATE TABLE list_entry (
    conversation text not null references conversation (id) on delete cascade,
    account text not null references account (id) on delete cascade,
    pinned_at text,
    archived_at text,
    read_to text, -- when the newest reply that was seen had ended
    primary key (conversation, account)
);
INSERT INTO list_entry VALUES('0192f0c1-0000-7000-8000-00000000000c','0192f0c1-0000-7000-8000-00000000000a','2026-11-12T10:00:00.000Z',NULL,'2026-11-12T10:00:00.000Z');
CREATE TABLE queued_message (
    id text primary key not null,
    conversation text not null references conversation (id) on delete cascade,
    account text not null references account (id) on delete cascade,
    text text not null,
    model text,
    created_at text not null,
    refused text -- why it could not be sent, as a sentence; it then waits for its author
);
INSERT INTO queued_message VALUES('0192f0c1-0000-7000-8000-000000000009','0192f0c1-0000-7000-8000-00000000000c','0192f0c1-0000-7000-8000-00000000000a','And a larger one?',NULL,'2026-11-12T10:00:00.000Z','The server was restarted.');
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
CREATE INDEX share_by_account on share (account);
CREATE INDEX share_link_by_conversation on share_link (conversation);
CREATE INDEX message_by_account on message (account) where account is not null;
CREATE INDEX message_first on message (conversation, position) where parent is null;
CREATE INDEX session_by_guest on session (guest) where guest is not null;
CREATE INDEX known_browser_by_account on known_browser (account);
CREATE INDEX invitation_by_maker on invitation (made_by);
CREATE INDEX session_by_last_use on session (coalesce(last_used_at, created_at));
CREATE INDEX known_browser_by_age on known_browser (created_at);
CREATE INDEX account_by_name_skeleton on account (name_skeleton) where name_skeleton is not null;
CREATE INDEX account_by_name_look on account (name_look) where name_look is not null;
CREATE INDEX conversation_leaving on conversation (leaving_at) where leaving_at is not null;
CREATE UNIQUE INDEX message_one_open on message (conversation) where status = 'streaming';
CREATE INDEX node_live on node (process) where dead_at is null;
CREATE INDEX news_by_process on news (process);
CREATE INDEX list_entry_by_account on list_entry (account);
CREATE INDEX message_ended on message (conversation, finished_at) where role = 'assistant' and finished_at is not null;
CREATE UNIQUE INDEX queued_message_one on queued_message (conversation, account);
CREATE INDEX queued_message_by_account on queued_message (account);
COMMIT;
