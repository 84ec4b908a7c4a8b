//! Databases of earlier versions: each starts, is copied, brought up to date and read. And those that this version must
//! not touch.

use super::app::{App, Folder, settings};
use super::upstream::Upstream;
use crate::model::{ConversationId, MessageId};
use crate::server::State;
use crate::server::store::Store;
use crate::server::store::backup;
use crate::server::store::schema::newest;
use crate::server::store::sql;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A small database of each version of the tables that was in use, as `sqlite3 rivulet.db .dump` writes it.
pub(super) const FIXTURES: [(i64, &str); 5] = [
    (1, include_str!("schemas/0001.sql")),
    (5, include_str!("schemas/0005.sql")),
    (13, include_str!("schemas/0013.sql")),
    (23, include_str!("schemas/0023.sql")),
    (46, include_str!("schemas/0046.sql")),
];

const CONVERSATION: &str = "0192f0c1-0000-7000-8000-00000000000c";
const ANSWER: &str = "0192f0c1-0000-7000-8000-000000000002";
const OPEN: &str = "0192f0c1-0000-7000-8000-000000000004";

async fn connect(folder: &Folder) -> SqliteConnection {
    let options = SqliteConnectOptions::from_str(&folder.database()).unwrap().create_if_missing(true);
    options.connect().await.unwrap()
}

/// Makes the database of a fixture.
pub(super) async fn fill(folder: &Folder, sql: &'static str) {
    // A dump has the tables in the order of their names.
    let options = SqliteConnectOptions::from_str(&folder.database()).unwrap().create_if_missing(true);
    let mut connection = options.foreign_keys(false).connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn execute(folder: &Folder, sql: &str) {
    let mut connection = connect(folder).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// What every fixture holds.
pub(super) async fn assert_is_all_there(store: &Store) {
    let conversation: ConversationId = CONVERSATION.parse().unwrap();
    let messages: i64 = sql::query_scalar("select count(*) from message where conversation = $1")
        .bind(conversation.to_string())
        .fetch_one(store.read())
        .await
        .unwrap();
    assert_eq!(messages, 4);
    let answer: MessageId = ANSWER.parse().unwrap();
    let (message, ..) = store.message(answer).await.unwrap().unwrap();
    assert_eq!((message.text.as_str(), message.status.name()), ("A small stream; it's \"thin\" – 小川.", "done"));
    assert_eq!(message.thinking, "It asks for a word.");
}

/// The copies that were made before the tables changed.
fn copies(folder: &Folder) -> Vec<PathBuf> {
    let Ok(entries) = folder.0.join("backups").read_dir() else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_each_earlier_version_is_copied_brought_up_to_date_and_read() {
    for (version, sql) in FIXTURES {
        let folder = Folder::new();
        fill(&folder, sql).await;
        let app = App::on(folder, Upstream::start().await, &[]).await;
        assert_is_all_there(&app.state.store).await;
        let (open, ..) = app.state.store.message(OPEN.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!((open.text.as_str(), open.status.name()), ("A larger ", "interrupted"), "{version}");
        let conversation = app.conversation().await;
        assert_eq!(app.snapshot(&conversation).await["messages"], serde_json::json!([]), "{version}: and is written");
        let found = backup::contents(&{
            let copy = app.folder.0.join("now.db");
            backup::copy(&app.folder.0.join("rivulet.db"), &copy, false).await.unwrap();
            copy
        })
        .await
        .unwrap();
        assert_eq!(found.version, newest());
        match &copies(&app.folder)[..] {
            [] => assert_eq!(version, newest(), "it is copied"),
            [copy] => assert_eq!(backup::contents(copy).await.unwrap().version, version),
            more => panic!("{more:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_open_replies_in_a_conversation_the_newest_stays_open() {
    let folder = Folder::new();
    fill(&folder, FIXTURES[3].1).await;
    let lives = std::fs::File::create(folder.0.join("rivulet.db-process-other")).unwrap();
    lives.lock().unwrap();
    let more =
        "insert into message (id, conversation, position, parent, role, text, thinking, status, process, created_at)
        select 'open-' || $1, conversation, position + $1, parent, role, text, thinking, status, 'other', '2026-11-13'
        from message where id = '0192f0c1-0000-7000-8000-000000000004'";
    for number in ["1", "2"] {
        execute(&folder, &more.replace("$1", number)).await;
    }
    let store = Store::open(&folder.database()).await.unwrap();
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "select status, finished_at from message where conversation = $1 and position >= 4 order by position",
    )
    .bind(CONVERSATION)
    .fetch_all(&mut connect(&folder).await)
    .await
    .unwrap();
    let ended = || ("interrupted".to_owned(), Some("2026-11-13".to_owned()));
    assert_eq!(rows, [ended(), ended(), ("streaming".to_owned(), None)]);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_copies_from_before_updates_are_kept_or_none_are_made() {
    let folder = Folder::new();
    fill(&folder, FIXTURES[0].1).await;
    let old = ["20200101", "20210101", "20220101"].map(|day| format!("rivulet-before-update-to-1-{day}T000000Z.db"));
    std::fs::create_dir(folder.0.join("backups")).unwrap();
    for name in &old {
        std::fs::write(folder.0.join("backups").join(name), "").unwrap();
    }
    let upstream = Upstream::start().await;
    let with = settings(&folder, &upstream, &[]);
    State::start(with).await.unwrap().store.close().await;
    let left = copies(&folder);
    assert!(left.len() == 3 && !left.iter().any(|path| path.ends_with(&old[0])), "{left:?}");

    let folder = Folder::new();
    fill(&folder, FIXTURES[0].1).await;
    let without = settings(&folder, &upstream, &["--backup-before-update=off"]);
    State::start(without).await.unwrap().store.close().await;
    assert!(copies(&folder).is_empty());
}

/// The path of a copy that a start has made ten minutes before this one.
fn earlier(folder: &Folder) -> PathBuf {
    std::fs::create_dir(folder.0.join("backups")).unwrap();
    let time = (jiff::Timestamp::now() - Duration::from_secs(600)).strftime("%Y%m%dT%H%M%SZ");
    folder.0.join(format!("backups/rivulet-before-update-to-{}-{time}.db", newest()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_since_the_first_try_of_an_update_is_copied_before_the_next() {
    let folder = Folder::new();
    fill(&folder, FIXTURES[3].1).await;
    let earlier = earlier(&folder);
    backup::copy(&folder.0.join("rivulet.db"), &earlier, false).await.unwrap();
    // The version before goes on for a while.
    execute(
        &folder,
        "insert into account (id, kind, created_at) values ('later', 'guest', '2026-11-13T10:00:00.000Z')",
    )
    .await;
    Store::open_with(&folder.database(), Some(&folder.0.join("backups"))).await.unwrap().close().await;
    let mut made = copies(&folder);
    made.retain(|path| *path != earlier);
    assert_eq!(made.len(), 1, "another copy is made");
    let accounts = async |path: &PathBuf| backup::contents(path).await.unwrap().accounts;
    assert_eq!(accounts(&made[0]).await, accounts(&earlier).await + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_stopped_half_way_keeps_the_copy_of_its_first_try() {
    let (folder, before) = (Folder::new(), Folder::new());
    fill(&folder, FIXTURES[3].1).await;
    fill(&before, FIXTURES[2].1).await;
    let earlier = earlier(&folder);
    backup::copy(&before.0.join("rivulet.db"), &earlier, false).await.unwrap();
    Store::open_with(&folder.database(), Some(&folder.0.join("backups"))).await.unwrap().close().await;
    assert_eq!(copies(&folder), [earlier]);
}

/// Why a start is refused, in one line. The file is as it was.
async fn refusal(folder: &Folder) -> String {
    let path = folder.0.join("rivulet.db");
    let before: Vec<String> = all_rows(folder).await;
    let Err(error) = Store::open_with(&folder.database(), Some(&folder.0.join("backups"))).await else {
        panic!("it was opened")
    };
    let line = format!("{error:#}");
    assert!(line.starts_with("DATABASE_URL: ") && line.contains(path.to_str().unwrap()), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert_eq!(all_rows(folder).await, before);
    line
}

async fn all_rows(folder: &Folder) -> Vec<String> {
    let mut connection = connect(folder).await;
    sqlx::query_scalar("select coalesce(sql, name) from sqlite_master order by 1")
        .fetch_all(&mut connection)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_left_alone() {
    let folder = Folder::new();
    fill(&folder, FIXTURES[3].1).await;
    execute(
        &folder,
        "insert into _sqlx_migrations values (9999, 'later', '', true, x'00', 1); create table later (id)",
    )
    .await;
    let told = refusal(&folder).await;
    assert!(told.contains("newer version of Rivulet") && told.contains("9999"), "{told}");
    let copied = backup::copy(&folder.0.join("rivulet.db"), &folder.0.join("copy.db"), false).await;
    assert!(format!("{:#}", copied.unwrap_err()).contains("newer version"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_program_and_one_that_was_changed_by_hand_are_left_alone() {
    let folder = Folder::new();
    execute(&folder, "create table invoice (id integer primary key)").await;
    assert!(refusal(&folder).await.contains("another program"));
    let folder = Folder::new();
    fill(&folder, FIXTURES[3].1).await;
    execute(&folder, "update _sqlx_migrations set checksum = x'00' where version = 5").await;
    assert!(refusal(&folder).await.contains("change 5 differs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_whose_copy_has_no_room_does_not_begin() {
    let folder = Folder::new();
    fill(&folder, FIXTURES[0].1).await;
    // No folder can be made there: what is on a full disk fails as well, only later.
    std::fs::write(folder.0.join("backups"), "").unwrap();
    let told = refusal(&folder).await;
    assert!(told.contains("RIVULET_BACKUP_BEFORE_UPDATE=off"), "{told}");
}
