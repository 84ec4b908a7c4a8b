//! What the disk does wrong: rows F17 to F19 of the fault matrix.

use super::app::{App, Folder, Sse, assert_contiguous, problem, said, settings, text};
use super::upstream::Upstream;
use super::upstream::script::Script;
use crate::server::State;
use crate::server::bounds::Bounds;
use crate::server::store::Store;
use crate::server::store::sql;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::io::{Seek, SeekFrom, Write};
use std::str::FromStr;
use std::time::Duration;

/// The pieces of a text that does not fit into the pages that a new database has already.
const LARGE: usize = 30_000;

fn quick() -> Bounds {
    Bounds {
        end_write: Duration::from_millis(300),
        shortest_pause: Duration::from_millis(50),
        longest_pause: Duration::from_millis(100),
        ..Bounds::default()
    }
}

/// From here on the database has no room for another page, as on a full disk; with `None` it has again.
async fn room(app: &App, pages: Option<u32>) {
    let pages = pages.unwrap_or(u32::MAX / 2);
    let mut write = app.state.store.write().await.unwrap();
    sql::query(format!("pragma max_page_count = {pages}")).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
}

async fn fill_disk(app: &App) {
    // Never less than what is there already.
    room(app, Some(1)).await;
}

/// A reply whose text of this many pieces has no room on the disk, as its viewer got it up to the event that ends it.
async fn reply_without_room(app: &App, conversation: &str, pieces: usize) -> (super::app::Sent, Sse, Script) {
    let script = Script { first_ms: 500, pieces, ..Script::default() };
    let sent = app.send(conversation, &script).await;
    fill_disk(app).await;
    let mut events = app.follow(conversation, Some(&sent.cursor)).await;
    let frames = events.until_end(&sent.reply).await;
    assert_contiguous(&frames[1..]);
    assert_eq!(said(&frames), script.full_text(), "the live text keeps flowing");
    let end = frames.last().unwrap();
    assert_eq!((end.event.as_str(), &end.data["kind"]), ("error", &json!("not_saved")));
    (sent, events, script)
}

async fn integrity(app: &App) -> String {
    sql::query_scalar("pragma integrity_check").fetch_one(app.state.store.read()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn f17_a_full_disk_is_told_and_the_end_is_saved_when_there_is_room() {
    let app = App::bounded(quick()).await;
    let conversation = app.conversation().await;
    let (sent, mut events, script) = reply_without_room(&app, &conversation, LARGE).await;

    // While it is full: viewers see the whole text and that it is not saved, and new messages are refused.
    let message = app.last_message(&conversation).await;
    assert_eq!((&message["status"], &message["error"]["kind"]), (&json!("failed"), &json!("not_saved")));
    assert_eq!(message["text"], script.full_text());
    problem(app.get("/readyz").await, 503).await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    problem(app.post(&path, json!({ "content": "Go on" })).await, 503).await;
    problem(app.post(&format!("/api/v1/replies/{}/continue", sent.reply), json!({})).await, 503).await;

    room(&app, None).await;
    let told = events.next().await.unwrap();
    assert_eq!(told.event, "snapshot", "viewers hear that it is saved");
    let last = told.data["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["status"], &last["error"]), (&json!("done"), &Value::Null));
    assert_eq!(app.last_message(&conversation).await, last);
    assert_eq!(app.get("/readyz").await.status(), StatusCode::OK);
    assert_eq!(integrity(&app).await, "ok");

    let next = app.send(&conversation, &Script::default()).await;
    assert_eq!(events.until_end(&next.reply).await.last().unwrap().event, "done");
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    let (kept, ..) = second.store.message(sent.reply.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((kept.status.name(), kept.text), ("done", script.full_text()));
}

#[tokio::test(flavor = "multi_thread")]
async fn f17_the_next_message_saves_what_is_not_saved_yet() {
    // So long that only the next message can cause a retry.
    let app = App::bounded(Bounds { shortest_pause: Duration::from_secs(600), ..quick() }).await;
    let conversation = app.conversation().await;
    let (sent, _events, script) = reply_without_room(&app, &conversation, LARGE).await;
    room(&app, None).await;
    let next = app.send(&conversation, &Script::default()).await;
    // A viewer of before may get a snapshot in which this has ended already.
    app.rest_of(&conversation, &next).await;
    let messages = app.snapshot(&conversation).await["messages"].clone();
    assert_eq!((text(&messages[1]["id"]), &messages[1]["status"]), (sent.reply, &json!("done")));
    let asked = app.upstream.seen()[1].body["messages"][1]["content"].to_string();
    assert!(asked.contains(&script.full_text()), "the model is told the whole reply");
}

#[tokio::test(flavor = "multi_thread")]
async fn f17_a_full_disk_does_not_hold_up_the_end_or_a_deletion() {
    let app = App::bounded(quick()).await;
    let (kept, deleted) = (app.conversation().await, app.conversation().await);
    reply_without_room(&app, &kept, LARGE).await;
    room(&app, None).await;
    let (_, mut events, _) = reply_without_room(&app, &deleted, LARGE).await;
    room(&app, None).await;
    let answer = app.request(reqwest::Method::DELETE, &format!("/api/v1/conversations/{deleted}")).send().await;
    assert_eq!(answer.unwrap().status(), StatusCode::NO_CONTENT);
    while let Some(frame) = events.next().await {
        assert!(matches!(frame.event.as_str(), "snapshot" | "deleted"), "{frame:?}");
    }
    // The deleted reply may have been saved in between; then its pages are free, and this text must not fit into them.
    reply_without_room(&app, &kept, 3 * LARGE).await;
    app.stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), app.served).await.expect("the drain takes 4 seconds").unwrap();
}

/// From here on another program locks the file, and nothing is written, until it commits or rolls back.
pub(super) async fn other_program(app: &App) -> SqliteConnection {
    let mut other = SqliteConnectOptions::from_str(&app.folder.database()).unwrap().connect().await.unwrap();
    sqlx::query("begin exclusive").execute(&mut other).await.unwrap();
    other
}

/// Waits until the store begins to write something after this call.
pub(super) fn writes(store: &Store) -> impl Future<Output = ()> {
    let before = store.writes();
    let begun = async move {
        while store.writes() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    async { tokio::time::timeout(Duration::from_secs(20), begun).await.expect("nothing is written") }
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_a_database_that_is_locked_for_three_seconds_is_only_slow() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let mut other = other_program(&app).await;
    let unlock = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        sqlx::query("rollback").execute(&mut other).await.unwrap();
    };
    let script = Script::default();
    let (sent, ()) = tokio::join!(app.send(&conversation, &script), unlock);
    assert_eq!(app.rest_of(&conversation, &sent).await.last().unwrap().event, "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_a_database_that_stays_locked_refuses_what_is_new_while_replies_go_on() {
    let app = App::bounded(quick()).await;
    let (open, other_one) = (app.conversation().await, app.conversation().await);
    let script = Script { pieces: 3_000, gap_ms: 25, ..Script::default() };
    let sent = app.send(&open, &script).await;
    let mut events = app.follow(&open, Some(&sent.cursor)).await;
    let mut other = other_program(&app).await;

    let path = format!("/api/v1/conversations/{other_one}/messages");
    let refused = app.post(&path, json!({ "content": "Hello" })).await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 503).await;
    problem(app.get("/readyz").await, 503).await;
    let seen = app.upstream.seen()[0].pieces;
    let latest = format!("t{}", seen - 1);
    let shown = |frame: &super::app::Frame| frame.data["text"].as_str().is_some_and(|text| text.contains(&latest));
    events.until_that(shown).await;

    assert_eq!(app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await.status(), 202);
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let end = events.until_end(&sent.reply).await.pop().unwrap();
    assert_eq!(end.event, "stopped");
    assert_eq!(app.last_message(&open).await["status"], "stopped");
    assert_eq!(app.send(&other_one, &Script::default()).await.reply.len(), 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_readiness_checks_take_no_writer() {
    let app = App::bounded(Bounds { ready_again: Duration::from_secs(600), ..Bounds::default() }).await;
    assert_eq!(app.get("/readyz").await.status(), StatusCode::OK);
    let writer = app.state.store.write().await.unwrap();
    for _ in 0..20 {
        assert_eq!(app.get("/readyz").await.status(), StatusCode::OK, "as just before");
    }
    drop(writer);
}

/// Why a start on this database is refused.
async fn refusal(folder: &Folder, upstream: &Upstream) -> String {
    rustls::crypto::ring::default_provider().install_default().ok();
    let Err(error) = State::start(settings(folder, upstream, &[])).await else { panic!("it started") };
    let line = format!("{error:#}");
    assert!(line.starts_with("DATABASE_URL: ") && line.contains("rivulet.db"), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

/// A database with a conversation in it, which no process has open.
async fn left_behind() -> (Folder, Upstream) {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { pieces: LARGE, ..Script::default() }).await;
    app.rest_of(&conversation, &sent).await;
    let (folder, upstream, _) = app.end().await;
    (folder, upstream)
}

fn overwrite(folder: &Folder, at: u64, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).open(folder.0.join("rivulet.db")).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn f19_a_damaged_database_is_refused_in_one_line() {
    let (folder, upstream) = left_behind().await;
    State::start(settings(&folder, &upstream, &[])).await.unwrap().store.close().await;
    let pages = std::fs::metadata(folder.0.join("rivulet.db")).unwrap().len() / 4096;
    for page in 4..pages.min(30) {
        overwrite(&folder, page * 4096, &[0xa5; 4096]);
    }
    assert!(refusal(&folder, &upstream).await.contains("is damaged"));
    overwrite(&folder, 0, &[0xa5; 4096]);
    assert!(refusal(&folder, &upstream).await.contains("not a database"));
}

/// The format's own mark of a file that this version may read and not write (<https://sqlite.org/fileformat.html>,
/// 1.3.3): it stops root as well, which a file's mode does not.
#[tokio::test(flavor = "multi_thread")]
async fn f19_a_database_that_can_only_be_read_is_refused_in_one_line() {
    let (folder, upstream) = left_behind().await;
    overwrite(&folder, 18, &[3]);
    assert!(refusal(&folder, &upstream).await.contains("cannot be written"));
}

#[tokio::test(flavor = "multi_thread")]
async fn f19_a_path_that_is_no_file_is_refused_in_one_line() {
    let (folder, upstream) = (Folder::new(), Upstream::start().await);
    std::fs::create_dir(folder.0.join("rivulet.db")).unwrap();
    assert!(refusal(&folder, &upstream).await.contains("cannot be written"));
}

/// Whether a message is taken, and what readiness says.
async fn takes(app: &App, conversation: &str) -> (u16, u16) {
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let sent = app.post(&path, json!({ "content": "Hello" })).await.status().as_u16();
    (sent, app.get("/readyz").await.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn z40_a_full_disk_is_not_ready_before_anybody_has_tried() {
    let app = App::bounded(Bounds { ready_again: Duration::ZERO, ..quick() }).await;
    assert_eq!(app.get("/readyz").await.status(), StatusCode::OK);
    fill_disk(&app).await;
    // Pages that were freed before are room as well, on a disk that is not really full.
    let mut number = 0;
    loop {
        number += 1;
        let mut write = app.state.store.write().await.unwrap();
        let page = sql::query("insert into setting (name, value) values ($1, $2)").bind(format!("filler {number}"));
        if page.bind("x".repeat(3_000)).execute(&mut *write).await.is_err() || write.commit().await.is_err() {
            break;
        }
    }
    problem(app.get("/readyz").await, 503).await;
    room(&app, None).await;
    assert_eq!(app.get("/readyz").await.status(), StatusCode::OK);
    let left: i64 = sql::query_scalar("select count(*) from setting where name = 'probe'")
        .fetch_one(app.state.store.read())
        .await
        .unwrap();
    assert_eq!(left, 0, "nothing of it stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn z40_a_database_that_is_not_at_its_path_any_more_takes_nothing_and_can_be_read() {
    let app = App::bounded(Bounds { ready_again: Duration::ZERO, ..quick() }).await;
    let conversation = app.conversation().await;
    let (path, aside) = (app.folder.0.join("rivulet.db"), app.folder.0.join("aside.db"));
    std::fs::rename(&path, &aside).unwrap();
    assert_eq!(takes(&app, &conversation).await, (503, 503), "none is there");
    std::fs::copy(&aside, &path).unwrap();
    assert_eq!(takes(&app, &conversation).await, (503, 503), "another is there");
    assert_eq!(app.snapshot(&conversation).await["messages"], json!([]));
    std::fs::rename(&aside, &path).unwrap();
    assert_eq!(takes(&app, &conversation).await, (202, 200), "it is back");
}
