//! A backup that is made while replies are written: row F40 of the fault matrix.

pub(super) mod copies;
pub(super) mod killed;
mod restoring;
mod unfinished;

use super::app::{App, Folder, Sent, said, text};
use super::upstream::Upstream;
use super::upstream::script::Script;
use crate::server::store::backup;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::str::FromStr;

const REPLIES: usize = 10;

/// Another program on the file, such as `sqlite3 rivulet.db`.
async fn program(folder: &Folder) -> SqliteConnection {
    SqliteConnectOptions::from_str(&folder.database()).unwrap().connect().await.unwrap()
}

async fn back_up(app: &App) -> Folder {
    let there = Folder::new();
    backup::copy(&app.folder.0.join("rivulet.db"), &there.0.join("rivulet.db"), false).await.unwrap();
    there
}

/// What is kept of this reply, and how it stands.
async fn kept(database: &mut SqliteConnection, reply: &str) -> (String, String) {
    sqlx::query_as("select text, status from message where id = $1").bind(reply).fetch_one(database).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn f40_a_backup_made_in_the_middle_of_replies_is_whole_and_can_be_gone_on_from() {
    let app = App::start().await;
    let script = Script { pieces: 300, gap_ms: 10, ..Script::default() };
    let mut open = Vec::new();
    for _ in 0..REPLIES {
        let conversation = app.conversation().await;
        let sent = app.send(&conversation, &script).await;
        open.push((conversation, sent));
    }
    let mut live = program(&app.folder).await;
    // Several, so that some meet a checkpoint.
    for pieces in [130, 160, 190, 220] {
        app.upstream.until(REPLIES, |seen| pieces <= seen.pieces).await.unwrap();
        let mut before = Vec::new();
        for (_, sent) in &open {
            before.push(kept(&mut live, &sent.reply).await.0);
        }
        let backup = back_up(&app).await;
        let mut copy = program(&backup).await;
        let integrity: String = sqlx::query_scalar("pragma integrity_check").fetch_one(&mut copy).await.unwrap();
        assert_eq!(integrity, "ok");
        for ((_, sent), before) in open.iter().zip(&before) {
            let (text, status) = kept(&mut copy, &sent.reply).await;
            assert_eq!(status, "streaming");
            assert!(!before.is_empty(), "a checkpoint was made in the first second");
            assert!(text.starts_with(before), "it has what was kept when it began");
            assert!(script.full_text().starts_with(&text), "and a prefix of the reply");
        }
        if pieces == 220 {
            go_on(&app, backup, &open[0]).await;
        }
    }
    for (conversation, sent) in &open {
        assert_eq!(app.rest_of(conversation, sent).await.last().unwrap().event, "done", "nobody noticed");
    }
}

/// A server on the backup: the replies are interrupted there, and continue on request.
async fn go_on(app: &App, backup: Folder, (conversation, sent): &(String, Sent)) {
    let mut restored = App::on(backup, Upstream::start().await, &[]).await;
    restored.cookie.clone_from(&app.cookie);
    let last = restored.last_message(conversation).await;
    assert_eq!((&last["id"], &last["status"]), (&json!(sent.reply), &json!("interrupted")));
    restored.upstream.script(Script { text: Some(" and so on.".into()), ..Script::default() });
    let answer = restored.post(&format!("/api/v1/replies/{}/continue", sent.reply), json!({})).await;
    let again = Sent::of(&answer.json().await.unwrap());
    let whole = text(&last["text"]) + " and so on.";
    assert_eq!(said(&restored.rest_of(conversation, &again).await), whole);
}
