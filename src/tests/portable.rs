//! SQL that PostgreSQL takes as well as SQLite, judged by its text: what each of these rules is about was found by
//! preparing every statement there.

use super::app::App;
use super::tidy::{root, sources};
use crate::server::store::people::Search;
use std::collections::BTreeSet;

/// The code of the store, without its tests and without what lies between it and the driver, one line after the other.
fn store() -> String {
    let is_sql = |path: &std::path::PathBuf| !path.to_string_lossy().contains("store/sql");
    let text = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        text.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    let text: String = sources(&root().join("src/server/store")).into_iter().filter(is_sql).map(text).collect();
    assert!(100_000 < text.len(), "the store is read");
    text
}

/// What stands in front of each `word`, and behind it.
fn around<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
    text.match_indices(word).map(move |(at, _)| (&text[..at], &text[at + word.len()..]))
}

/// The inside of a parenthesis that has been opened, and what stands behind it.
fn inside(text: &str) -> (&str, &str) {
    let mut depth = 1;
    let end = text.find(|character| {
        depth += i32::from(character == '(') - i32::from(character == ')');
        depth == 0
    });
    text.split_at(end.expect("a closing parenthesis"))
}

fn start(text: &str) -> String {
    text.chars().take(80).collect()
}

#[test]
fn a_query_in_a_from_has_a_name() {
    let store = store();
    for (_, behind) in around(&store, "from (") {
        let (query, behind) = inside(behind);
        assert!(behind.trim_start_matches(')').trim_start().starts_with("as "), "from ({}", start(query));
    }
    assert_eq!(around(&store, "from (").count(), 2, "the lists of conversations, and of what is searched");
}

/// A column that a newer version adds beside this one would come with it (`columns_of`).
#[test]
fn no_statement_reads_columns_that_it_does_not_name() {
    let store = store();
    for star in ["select *", ".*", "returning *"] {
        let found: Vec<_> =
            around(&store, star).map(|(before, _)| &before[before.len().saturating_sub(80)..]).collect();
        assert!(found.is_empty(), "{star}: {found:?}");
    }
}

/// The sum of `bigint` is `numeric` there, which is not read as a number of 64 bits.
#[test]
fn a_sum_that_is_read_is_a_bigint() {
    let store = store();
    for (before, behind) in around(&store, "sum(") {
        let (what, behind) = inside(behind);
        let is_cast = before.ends_with("cast(") || before.ends_with("cast(coalesce(");
        let is_compared_alone =
            before.ends_with("order by ") || behind.trim_start_matches(')').trim_start().starts_with("over (");
        let is_rusts = what.is_empty() || what.starts_with('"');
        assert!(is_cast || is_compared_alone || is_rusts, "sum({}", start(what));
    }
    assert!(10 < around(&store, "cast(sum(").count() + around(&store, "cast(coalesce(sum(").count());
}

/// `length` of a text reads all of it, and counts characters: only what a model is told is measured so.
#[test]
fn lengths_are_in_bytes() {
    let store = store();
    // `octet_length`, and functions of Rust.
    let others = around(&store, "length(").filter(|(before, _)| !before.ends_with('_'));
    let others = others.filter(|(before, _)| !before.ends_with("ltrim(text, $5) = '' then 0 else "));
    let characters: Vec<_> = others.map(|(_, it)| start(it)).collect();
    assert_eq!(characters, Vec::<String>::new());
}

/// A bound number is `bigint` there, and `substr` takes an `integer`.
#[test]
fn a_bound_length_of_a_text_is_an_integer() {
    let store = store();
    for (_, behind) in around(&store, "substr(") {
        let (arguments, _) = inside(behind);
        assert!(!arguments.contains(", $"), "substr({arguments})");
    }
    assert!(store.contains("substr(text, 1, cast($5 as integer))"));
}

#[test]
fn json_is_read_and_written_in_rust_alone() {
    let store = store();
    for word in ["json_", "->>", "jsonb"] {
        let found: Vec<_> = around(&store, word).map(|(_, it)| start(it)).collect();
        assert_eq!(found, Vec::<String>::new(), "{word}");
    }
}

/// The names of drivers and what only one of them has.
const DRIVERS: [&str; 7] =
    ["Sqlite", "sqlx::sqlite", "sqlx::postgres", "PgRow", "sqlx::query", "QueryBuilder", "raw_sql"];
/// What is about a database's file, its server or its schema.
const OF_ONE_DATABASE: [&str; 12] = [
    "src/server/commands/doctor/postgres.rs",
    "src/server/store.rs",
    "src/server/store/backup",
    "src/server/store/file.rs",
    "src/server/store/lock.rs",
    "src/server/store/moving",
    "src/server/store/postgres.rs",
    "src/server/store/presence",
    "src/server/store/schema.rs",
    "src/server/store/sql",
    "src/server/store/updating.rs",
    "src/tests",
];

#[test]
fn drivers_are_named_only_where_a_database_is_opened_or_spoken_to() {
    let mut found = Vec::new();
    for path in sources(&root().join("src")) {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if OF_ONE_DATABASE.iter().any(|allowed| name.starts_with(allowed)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let named = code.filter(|line| DRIVERS.iter().any(|driver| line.contains(driver)));
        found.extend(named.map(|line| format!("{name}: {}", line.trim())));
    }
    assert_eq!(found, Vec::<String>::new());
}

/// The functions whose transactions are not alone, each with its lock, as the table in `store/write` has them.
fn table_of_locks() -> BTreeSet<(String, String)> {
    let text = std::fs::read_to_string(root().join("src/server/store/write.rs")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let cells = rows.map(|row| row.split(" | ").map(str::to_owned).collect::<Vec<_>>());
    cells.map(|cells| (cells[0].trim_end_matches('`').to_owned(), cells[1].clone())).collect()
}

/// The name of the function that this text is in the middle of, and its text so far.
fn function(before: &str) -> (&str, &str) {
    let at = before.rfind("fn ").expect("every statement is in a function");
    let name = before[at + 3..].split(['(', '<']).next().unwrap_or_default();
    (name, &before[at..])
}

#[test]
fn each_write_that_is_not_alone_is_in_the_table_of_locks() {
    let mut found = BTreeSet::new();
    let store = store();
    for mark in ["write_beside(&", "Lock::Beside(&", "Lock::None)"] {
        for (before, behind) in around(&store, mark) {
            let (keys, _) = behind.split_once(';').unwrap();
            let has = |key: &str| keys.contains(key) || keys.contains("keys(");
            let mut held = Vec::new();
            held.extend(has("Account").then_some("account"));
            held.extend(has("Conversation").then_some("conversation"));
            let lock = match held.as_slice() {
                [] if mark == "Lock::None)" => "none".to_owned(),
                [] => "no key".to_owned(),
                held => held.join(", "),
            };
            found.insert((function(before).0.to_owned(), lock));
        }
    }
    // That of `Store::ready` is not in the folder: it writes nothing that stays.
    assert_eq!(found, table_of_locks());
    assert_eq!(found.len(), 33);
}

/// Pages are cut by `<` and `>`, so that all of it has one order: that of SQLite, which PostgreSQL has with the collation
/// "C". With those of languages `é` stands before `z`.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_names_are_in_the_order_of_their_bytes() {
    let mut app = App::start().await;
    for name in ["\u{c9}mile", "Zoe", "anna"] {
        app.cookie = app.new_cookie().await;
        app.sign_up(name).await;
    }
    let after = async |after: &str| {
        let search = Search { after: after.to_owned(), ..Search::default() };
        let (people, _) = app.state.store.people(&search).await.unwrap();
        people.into_iter().map(|it| it.account.name.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(after("").await, ["anna", "Zoe", "\u{c9}mile"]);
    assert_eq!(after("zoe").await, ["\u{c9}mile"]);
    assert!(after("\u{e9}mile").await.is_empty());
}
