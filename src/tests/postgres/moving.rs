//! `rivulet move`: everything arrives, or nothing does.

use crate::server::store::moving::{Moved, copy};
use crate::server::store::postgres::options;
use crate::server::store::sql::query_scalar;
use crate::server::store::{Store, backup};
use crate::tests::app::Folder;
use crate::tests::services::{Database, postgres};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection};
use std::str::FromStr;

/// More than one statement takes.
const MESSAGES: i64 = 1_300;

/// Something in each table. Messages are not in the order of their ids, one is open, and one is from before U+0000 was
/// replaced.
const ROWS: &str = "
insert into account (id, kind, created_at, name, name_key) values ('a', 'account', 't', 'Ann', 'ann'), ('b', 'guest', 't', null, null);
insert into session (token_hash, account, created_at, guest) values ('s', 'a', 't', 'b');
insert into conversation (id, account, title, system, created_at, updated_at, leaf_since)
    values ('c', 'a', 'A \u{1f600} title', '', 't', 't', 3), ('d', 'b', '', '', 't', 't', null);
with recursive n (i) as (select 1 union all select i + 1 from n where i < 1300)
    insert into message (id, conversation, position, parent, role, text, thinking, status, created_at, process)
    select '00000000-0000-4000-8000-00000000' || (9999 - i), 'c', i, case when 1 < i then '00000000-0000-4000-8000-00000000' || (10000 - i) end, 'user', 'Text ' || i, '',
           case when i = 1300 then 'streaming' else 'done' end, 't', case when i = 1300 then 'gone' end from n;
update message set text = 'before' || char(0) || 'after' where position = 7;
insert into usage (account, day, model, input_tokens, output_tokens, replies, estimated)
    values ('a', '2026-01-01', 'm', 9223372036854775807, 0, 1, 0);
insert into picture (hash, media_type, width, height, bytes) values ('p', 'image/png', 1, 1, x'00ff27'), ('q', 'image/png', 1, 1, zeroblob(5000000));
insert into image (id, account, picture, name, created_at) values ('i', 'a', 'p', 'x.png', 't');
insert into message_image (message, image) values ('00000000-0000-4000-8000-000000009000', 'i');
insert into known_browser (token_hash, account, created_at) values ('k', 'a', 't');
insert into api_token (token_hash, account, name, scope, created_at) values ('k', 'a', 'n', 'read', 't');
insert into invitation (token_hash, note, role, uses, used, ends_at, created_at) values ('v', '', 'member', 1, 0, 't', 't');
insert into audit (id, at, actor, action, subject, detail) values ('u', 't', 'a', 'b', 'c', 'd');
insert into revocation (seq, kind, subject, at) values (7, 'session', 's', 't');
insert into setting (name, value) values ('n', 'v');
insert into identity (id, account, issuer, subject, called, created_at) values ('y', 'a', 'i', 's', 'c', 't');
insert into oidc_used (state_hash, at) values ('o', 't');
insert into usage_of_deleted (day, model, input_tokens, output_tokens, replies, estimated) values ('d', 'm', 1, 2, 3, 4);
insert into password_reset (account, token_hash, ends_at, created_at) values ('a', 'h', 't', 't');
insert into share (conversation, account, role, created_at) values ('c', 'b', 'reader', 't');
insert into list_entry (conversation, account, pinned_at, archived_at, read_to) values ('c', 'b', 't', null, 't');
insert into queued_message (id, conversation, account, text, created_at) values ('w', 'c', 'a', 'Later', 't');
insert into preferences (account, theme, text_size, send_key, announced, number) values ('a', 'dark', 'normal', 'enter', 'all', 1);
insert into site (id, name, title, answered_by, system, texts, handoff, limits, agent_names, author_key, created_at)
    values ('site', 'n', 't', 'assistant', '', '{}', '{}', '{}', 'name', 'k', 't');
insert into site_agent (site, account) values ('site', 'a');
insert into visitor (id, site, account, created_at) values ('visitor', 'site', 'b', 't');
insert into visitor_token (token_hash, visitor, created_at, last_used_at) values ('h', 'visitor', 't', 't');
insert into assignment (conversation, site, visitor, state, last_at, last_position, number, version, changed_at)
    values ('d', 'site', 'visitor', 'assistant', 't', 0, 1, 1, 't');
insert into assignment_change (id, conversation, number, at, by, from_state, to_state, why)
    values ('change', 'd', 1, 't', 'visitor', '', 'assistant', 'began');
insert into site_usage (site, day, model, input_tokens, output_tokens, estimated, replies) values ('site', 'd', 'm', 1, 2, 0, 3);
insert into share_link (token_hash, conversation, role, uses, used, ends_at, created_at) values ('l', 'c', 'reader', 1, 0, 't', 't');
insert into public_link (conversation, token_hash, names, created_at) values ('c', 'w', 1, 't');
insert into used_conversation (id_hash) values ('z');
insert into write_rate (account, full_at) values ('a', 5);
insert into node (process, beat, joined, started_at, version) values ('here', 1, 0, 't', '0');
insert into news (id, topic, process, at) values ('n', 't', 'here', 1);
";

/// Them with accounts and conversations whose ids are such as the store reads: `a` to `d` at the end of zeros.
fn rows() -> String {
    ["a", "b", "c", "d"]
        .iter()
        .fold(ROWS.to_owned(), |rows, id| rows.replace(&format!("'{id}'"), &format!("'{}'", full(id))))
}

fn full(id: &str) -> String {
    format!("00000000-0000-4000-8000-00000000000{id}")
}

struct Source {
    folder: Folder,
    database: Database,
}

impl Source {
    async fn filled() -> Option<Self> {
        let database = postgres()?.database().await;
        let folder = Folder::new();
        Store::open(&folder.sqlite()).await.unwrap().close().await;
        let source = Self { folder, database };
        sqlx::raw_sql(AssertSqlSafe(rows())).execute(&mut source.connect().await).await.unwrap();
        Some(source)
    }

    async fn connect(&self) -> SqliteConnection {
        SqliteConnectOptions::from_str(&self.folder.sqlite()).unwrap().connect().await.unwrap()
    }

    async fn sql(&self, sql: &'static str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    async fn copy(&self) -> anyhow::Result<Moved> {
        let file = backup::file(&self.folder.sqlite()).unwrap();
        copy(&file, &options("--to", &self.database.url).unwrap()).await
    }

    async fn refusal(&self) -> String {
        format!("{:#}", self.copy().await.unwrap_err())
    }

    /// How many rows are in all tables there.
    async fn rows_there(&self) -> i64 {
        let mut connection = self.database.connect().await;
        let tables = "select table_name::text from information_schema.tables
                      where table_schema = 'public' and table_name <> '_sqlx_migrations'";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
        let mut rows = 0;
        for table in tables {
            let count = AssertSqlSafe(format!("select count(*) from {table}"));
            rows += sqlx::query_scalar::<_, i64>(count).fetch_one(&mut connection).await.unwrap();
        }
        rows
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_taken_along() {
    let Some(source) = Source::filled().await else { return };
    let mut connection = source.connect().await;
    let tables =
        "select name from sqlite_master where type = 'table' and name not in ('_sqlx_migrations', 'node', 'news')
         and name not like 'search%'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
    let mut rows = 0;
    for table in &tables {
        let count = AssertSqlSafe(format!("select count(*) from {table}"));
        let count: i64 = sqlx::query(count).fetch_one(&mut connection).await.unwrap().get(0);
        assert!(0 < count, "{table} has something in it");
        rows += count;
    }
    connection.close().await.unwrap();
    let moved = source.copy().await.unwrap();
    assert_eq!(moved, Moved { accounts: 2, conversations: 2, rows: rows.try_into().unwrap() });
    assert_eq!(source.rows_there().await, rows);

    let store = Store::open(&source.database.url).await.unwrap();
    let text: String =
        query_scalar("select text from message where position = 7").fetch_one(store.read()).await.unwrap();
    assert_eq!(text, "before\u{fffd}after");
    let parents =
        "select count(*) from message join message p on p.id = message.parent and p.position + 1 = message.position";
    let parents: i64 = query_scalar(parents).fetch_one(store.read()).await.unwrap();
    assert_eq!(parents, MESSAGES - 1);
    let used: i64 = query_scalar("select input_tokens from usage").fetch_one(store.read()).await.unwrap();
    assert_eq!(used, i64::MAX);
    let picture: Vec<u8> =
        query_scalar("select bytes from picture where hash = 'p'").fetch_one(store.read()).await.unwrap();
    assert_eq!(picture, [0, 0xff, 0x27]);
    let guest: String = query_scalar("select guest from session").fetch_one(store.read()).await.unwrap();
    assert_eq!(guest, full("b"));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_in_use_and_a_target_that_is_not_empty_are_refused() {
    let Some(source) = Source::filled().await else { return };
    let serving = Store::open(&source.folder.sqlite()).await.unwrap();
    assert!(source.refusal().await.contains("Rivulet is running on"));
    serving.close().await;
    let there = Store::open(&source.database.url).await.unwrap();
    assert!(source.refusal().await.contains("A server runs on it"));
    there.close().await;
    source.copy().await.unwrap();
    let said = source.refusal().await;
    assert!(said.contains("Nothing was moved") && said.contains("There is something in its table account"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_has_done_nothing_and_is_begun_again() {
    let Some(source) = Source::filled().await else { return };
    // SQLite keeps a text in a column of numbers; it is in the last table.
    source.sql("update write_rate set full_at = 'soon'").await;
    let said = source.refusal().await;
    assert!(said.contains("The table write_rate"), "{said}");
    assert_eq!(source.rows_there().await, 0);
    source.sql("update write_rate set full_at = 5").await;
    let moved = source.copy().await.unwrap();
    assert_eq!(source.rows_there().await, i64::try_from(moved.rows).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_not_the_same_there_is_noticed() {
    let Some(source) = Source::filled().await else { return };
    let rule = "create function other() returns trigger language plpgsql as
                    $$ begin new.value = new.value || ' '; return new; end $$;
                create trigger other before insert on setting for each row execute function other()";
    sqlx::raw_sql(rule).execute(&mut source.database.connect().await).await.unwrap();
    let said = source.refusal().await;
    assert!(said.contains("The table setting is not the same there"), "{said}");
    assert_eq!(source.rows_there().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_known_is_not_left_behind() {
    let Some(source) = Source::filled().await else { return };
    source.sql("create table more (id text primary key not null)").await;
    assert!(source.refusal().await.contains("a table that is not known: more"));
}
