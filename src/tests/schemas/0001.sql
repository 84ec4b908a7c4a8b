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
CREATE TABLE account (
    id text primary key not null,
    kind text not null, -- guest
    created_at text not null
);
INSERT INTO "account" VALUES('0192f0c1-0000-7000-8000-00000000000a','guest','2026-11-10T10:00:00.000Z');
CREATE TABLE conversation (
    id text primary key not null,
    account text not null references account (id) on delete cascade,
    title text not null,
    model text, -- null: the default model of the day
    system text not null,
    created_at text not null,
    updated_at text not null
);
INSERT INTO "conversation" VALUES('0192f0c1-0000-7000-8000-00000000000c','0192f0c1-0000-7000-8000-00000000000a','About rivers',NULL,'Be brief.','2026-11-11T10:00:00.000Z','2026-11-12T10:00:00.000Z');
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
    finished_at text,
    unique (conversation, position)
);
INSERT INTO "message" VALUES('0192f0c1-0000-7000-8000-000000000001','0192f0c1-0000-7000-8000-00000000000c',1,NULL,'user','What is a rivulet?','','done',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-11T10:00:00.000Z',NULL,'2026-11-11T10:00:00.000Z');
INSERT INTO "message" VALUES('0192f0c1-0000-7000-8000-000000000002','0192f0c1-0000-7000-8000-00000000000c',2,'0192f0c1-0000-7000-8000-000000000001','assistant','A small stream; it''s "thin" – 小川.','It asks for a word.','done','anthropic/mock',12,34,'end',NULL,'a process that is gone','2026-11-11T10:00:00.000Z',NULL,'2026-11-11T10:00:00.000Z');
INSERT INTO "message" VALUES('0192f0c1-0000-7000-8000-000000000003','0192f0c1-0000-7000-8000-00000000000c',3,'0192f0c1-0000-7000-8000-000000000002','user','And a brook?','','done',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-12T10:00:00.000Z',NULL,'2026-11-12T10:00:00.000Z');
INSERT INTO "message" VALUES('0192f0c1-0000-7000-8000-000000000004','0192f0c1-0000-7000-8000-00000000000c',4,'0192f0c1-0000-7000-8000-000000000003','assistant','A larger ','','streaming','anthropic/mock',NULL,NULL,NULL,NULL,'a process that is gone','2026-11-12T10:00:00.000Z',NULL,NULL);
CREATE TABLE session (
    token_hash text primary key not null,
    account text not null references account (id) on delete cascade,
    created_at text not null
);
INSERT INTO "session" VALUES('acd33f2619a89184005437a47415ec20c54ed36bb443411d9eadb91512ddfd27','0192f0c1-0000-7000-8000-00000000000a','2026-11-10T10:00:00.000Z');
CREATE INDEX session_by_account on session (account);
CREATE INDEX conversation_by_account on conversation (account, updated_at, id);
CREATE INDEX message_by_parent on message (parent);
CREATE INDEX message_open on message (status) where status = 'streaming';
COMMIT;
