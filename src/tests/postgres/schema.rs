//! The tables of both databases are one: made by different files, compared here.

use crate::server::store::Store;
use crate::tests::app::Folder;
use crate::tests::services::postgres;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, PgConnection, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// A column: its type, whether it may be null, and what it is where nothing is given.
type Column = (String, bool, Option<String>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    columns: BTreeMap<String, Column>,
    /// In their order.
    primary_key: Vec<String>,
    /// The columns, the other table, its column, and what becomes of a row whose other one is deleted.
    references: BTreeSet<(String, String, String, String)>,
    /// Whether it is unique, and the columns with the condition; those that a table's definition makes have no name.
    indexes: BTreeSet<(Option<String>, bool, String)>,
}

type Tables = BTreeMap<String, Table>;

/// Columns whose default only PostgreSQL has: the number of the transaction that writes.
const OWN_DEFAULTS: [(&str, &str); 1] = [("news", "xid")];

/// A constraint: its table and kind, what a deletion of the other row does, the other table and its column, and the
/// columns that it is about.
type Key = (String, String, String, Option<String>, String, Vec<String>);

/// Text without what the two write differently: types, parentheses, spaces.
fn plain(text: &str) -> String {
    let text = text.to_lowercase().replace("::text", "").replace("::bigint", "");
    text.chars().filter(|letter| !" ()\n\"".contains(*letter)).collect()
}

/// What stands behind the table's name in the definition of an index.
fn indexed(definition: &str) -> String {
    plain(&definition[definition.find('(').expect("columns")..])
}

/// `0`, and not `'0'`.
fn default(text: Option<String>) -> Option<String> {
    text.map(|text| plain(&text)).map(|text| match text.trim_matches('\'').parse::<i64>() {
        Ok(number) => number.to_string(),
        Err(_) => text,
    })
}

async fn of_sqlite(connection: &mut SqliteConnection) -> Tables {
    let mut tables = Tables::new();
    let columns: Vec<(String, String, String, bool, Option<String>)> = sqlx::query_as(
        "select t.name, c.name, lower(c.type), c.\"notnull\" = 0, c.dflt_value
         from sqlite_master t join pragma_table_info(t.name) c
         where t.type = 'table' and t.name not like 'sqlite%' and t.name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    for (table, column, kind, is_null, given) in columns {
        tables.entry(table).or_default().columns.insert(column, (kind, is_null, default(given)));
    }
    for (name, table) in &mut tables {
        let key = "select name from pragma_table_info($1) where 0 < pk order by pk";
        table.primary_key = sqlx::query_scalar(key).bind(name).fetch_all(&mut *connection).await.unwrap();
        let references = "select \"from\", \"table\", \"to\", lower(on_delete) from pragma_foreign_key_list($1)";
        let references: Vec<_> = sqlx::query_as(references).bind(name).fetch_all(&mut *connection).await.unwrap();
        table.references = references.into_iter().collect();
        let unique =
            "select (select group_concat(name) from (select name from pragma_index_info(i.name) order by seqno))
                      from pragma_index_list($1) i where i.origin = 'u'";
        let unique: Vec<String> = sqlx::query_scalar(unique).bind(name).fetch_all(&mut *connection).await.unwrap();
        table.indexes.extend(unique.into_iter().map(|columns| (None, true, columns)));
        let indexes = "select name, sql from sqlite_master where type = 'index' and tbl_name = $1 and sql is not null";
        let indexes: Vec<(String, String)> =
            sqlx::query_as(indexes).bind(name).fetch_all(&mut *connection).await.unwrap();
        let index =
            |(name, sql): (String, String)| (Some(name), plain(&sql).starts_with("createunique"), indexed(&sql));
        table.indexes.extend(indexes.into_iter().map(index));
    }
    tables
}

async fn of_postgres(connection: &mut PgConnection) -> Tables {
    let mut tables = Tables::new();
    let columns: Vec<(String, String, String, bool, Option<String>)> = sqlx::query_as(
        "select table_name::text, column_name::text, data_type::text, is_nullable = 'YES', column_default::text
         from information_schema.columns where table_schema = 'public' and table_name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    for (table, column, kind, is_null, given) in columns {
        tables.entry(table).or_default().columns.insert(column, (kind, is_null, default(given)));
    }
    let keys: Vec<Key> = sqlx::query_as(
        "select conrelid::regclass::text, contype::text,
                case confdeltype when 'c' then 'cascade' when 'n' then 'set null' else 'no action' end,
                nullif(confrelid, 0)::regclass::text,
                coalesce((select attname::text from pg_attribute where attrelid = confrelid and attnum = confkey[1]), ''),
                array(select attname::text from unnest(conkey) with ordinality as k (number, place)
                      join pg_attribute on attrelid = conrelid and attnum = k.number order by k.place)
         from pg_constraint where connamespace = 'public'::regnamespace
             and conrelid::regclass::text <> '_sqlx_migrations'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    for (table, kind, deleted, other, column, own) in keys {
        let table = tables.get_mut(&table).unwrap();
        match kind.as_str() {
            "p" => table.primary_key = own,
            "u" => drop(table.indexes.insert((None, true, own.join(",")))),
            "f" => drop(table.references.insert((own.join(","), other.unwrap(), column, deleted))),
            other => panic!("a constraint that SQLite's tables do not have: {other} of {own:?}"),
        }
    }
    let indexes: Vec<(String, String, bool, String)> = sqlx::query_as(
        "select indrelid::regclass::text, indexrelid::regclass::text, indisunique, pg_get_indexdef(indexrelid)
         from pg_index join pg_class on pg_class.oid = indexrelid
         where relnamespace = 'public'::regnamespace and indrelid::regclass::text <> '_sqlx_migrations'
             and not exists (select 1 from pg_constraint where conindid = indexrelid and contype in ('p', 'u'))",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    for (table, name, is_unique, definition) in indexes {
        tables.get_mut(&table).unwrap().indexes.insert((Some(name), is_unique, indexed(&definition)));
    }
    tables
}

#[tokio::test]
async fn both_databases_have_the_same_tables() {
    let Some(server) = postgres() else { return };
    let folder = Folder::new();
    Store::open(&folder.sqlite()).await.unwrap().close().await;
    let mut connection = SqliteConnectOptions::from_str(&folder.sqlite()).unwrap().connect().await.unwrap();
    let mut sqlite = of_sqlite(&mut connection).await;
    let database = server.database().await;
    let mut postgres = of_postgres(&mut database.connect().await).await;
    assert!(20 < sqlite.len() && sqlite.values().all(|table| !table.columns.is_empty()));
    let names = |tables: &Tables| tables.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&sqlite), names(&postgres));
    for (name, column) in OWN_DEFAULTS {
        let given = &mut postgres.get_mut(name).unwrap().columns.get_mut(column).unwrap().2;
        assert!(given.take().unwrap().contains("pg_current_xact_id"));
        sqlite.get_mut(name).unwrap().columns.get_mut(column).unwrap().2 = None;
    }
    for (name, table) in &sqlite {
        assert_eq!(table, &postgres[name], "{name}: SQLite's on the left");
    }
}

/// Under a collation of a language, pages that are cut by `<` and `>` would leave out some rows and repeat others.
#[tokio::test]
async fn every_text_is_compared_byte_by_byte() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let mut connection = database.connect().await;
    let order = "select 'a' < 'B'";
    let is_of_a_language: bool = sqlx::query_scalar(order).fetch_one(&mut connection).await.unwrap();
    assert!(is_of_a_language, "where nothing else is said, so that this test can fail");
    let others: Vec<String> = sqlx::query_scalar(
        "select table_name || '.' || column_name from information_schema.columns
         where table_schema = 'public' and table_name <> '_sqlx_migrations' and data_type = 'text'
             and coalesce(collation_name, '') <> 'C'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(others, Vec::<String>::new());
}
