-- The processes that work on this database, where they are on several machines: each counts its beats in a row of its own.
-- On SQLite all processes are on one machine, which knows by itself which of them live; there this stays empty.

create table node (
    process text primary key not null,
    beat bigint not null, -- goes up with each sign of life
    joined bigint not null, -- whether it shares its journal with the others: 0 or 1
    dead_at text, -- when it ended, or was declared dead, which is never taken back; null: it lives
    started_at text not null,
    version text not null -- of the program
);

create index node_live on node (process) where dead_at is null;

-- What was written and is not told to all viewers yet, in the same transaction as what it is about.

create table news (
    id text primary key not null,
    topic text not null, -- whose viewers look again
    process text not null, -- who wrote it, and tells it
    at bigint not null -- by the database's clock, in milliseconds since 1970
);

create index news_by_process on news (process);
