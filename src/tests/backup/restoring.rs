//! `rivulet restore`: what it puts in place, what it keeps, and what it refuses.

use super::super::app::{App, Folder, Sent};
use super::super::upstream::Upstream;
use super::super::upstream::script::Script;
use super::copies::{command, refusal};
use super::{back_up, kept, program};
use crate::server::store::sql;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::path::{Path, PathBuf};

/// A server that was stopped, and a backup of it in another folder.
async fn stopped() -> (Folder, Upstream, PathBuf, Folder) {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { pieces: 40, ..Script::default() }).await;
    app.rest_of(&conversation, &sent).await;
    let there = back_up(&app).await;
    let (folder, upstream, _) = app.end().await;
    let file = there.0.join("rivulet.db");
    (folder, upstream, file, there)
}

async fn restore(folder: &Folder, file: &Path) -> (String, anyhow::Result<bool>) {
    command(folder, &["restore", file.to_str().unwrap()]).await
}

fn kept_beside(folder: &Folder) -> Vec<PathBuf> {
    let all = folder.0.read_dir().unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.to_string_lossy().contains("-before-restore-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_goes_on_and_the_one_before_is_kept() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 400, gap_ms: 10, ..Script::default() };
    let Sent { reply, .. } = app.send(&conversation, &script).await;
    app.upstream.until(1, |seen| 150 <= seen.pieces).await.unwrap();
    let there = back_up(&app).await;
    let file = there.0.join("rivulet.db");
    let later = app.conversation().await;
    assert!(refusal(restore(&app.folder, &file).await.1).contains("Rivulet is running"), "it lives");
    assert!(kept_beside(&app.folder).is_empty());

    let (folder, upstream, cookie) = app.end().await;
    let (told, done) = restore(&folder, &file).await;
    assert!(done.unwrap() && told.contains("is kept as"), "{told}");
    let [old] = &kept_beside(&folder)[..] else { panic!("{:?}", kept_beside(&folder)) };
    let before = Folder::new();
    std::fs::rename(old, before.0.join("rivulet.db")).unwrap();
    let found: i64 = sqlx::query_scalar("select count(*) from conversation where id = $1")
        .bind(&later)
        .fetch_one(&mut program(&before).await)
        .await
        .unwrap();
    assert_eq!(found, 1, "what was written since the backup is in the old file");

    let mut app = App::on(folder, upstream, &[]).await;
    app.cookie = cookie;
    assert_eq!(app.get(&format!("/api/v1/conversations/{later}")).await.status(), 404);
    let (text, status) = kept(&mut program(&app.folder).await, &reply).await;
    assert_eq!(status, "interrupted");
    assert!(!text.is_empty() && script.full_text().starts_with(&text));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_backup_is_refused_and_nothing_is_changed() {
    let (folder, _upstream, file, there) = stopped().await;
    let bytes = std::fs::read(&file).unwrap();
    let before = std::fs::read(folder.0.join("rivulet.db")).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = there.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let mut damaged = bytes.clone();
    for page in 4..10 {
        damaged[page * 4_096..(page + 1) * 4_096].fill(0xa5);
    }
    let other = of_another_program(&there).await;
    let raw = write("raw.db", &bytes);
    write("raw.db-wal", b"a log");
    for (path, sentence) in [
        (write("cut.db", &bytes[..bytes.len() - 4_096]), "is not whole"),
        (write("damaged.db", &damaged), "is damaged"),
        (
            write("text.db", b"This is not a database, and it is longer than the head of one. ".repeat(4).as_slice()),
            "is not a database",
        ),
        (write("copy.db.partial-1", &bytes), "was not finished"),
        (raw, "has a log beside it"),
        (other, "of another program"),
        (there.0.join("missing.db"), "cannot be read"),
        (folder.0.join("rivulet.db"), "is the database itself"),
    ] {
        let told = refusal(restore(&folder, &path).await.1);
        assert!(told.contains(sentence), "{told}");
    }
    assert_eq!(std::fs::read(folder.0.join("rivulet.db")).unwrap(), before);
    assert!(kept_beside(&folder).is_empty());
}

async fn of_another_program(folder: &Folder) -> PathBuf {
    let path = folder.0.join("other.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::query("create table invoice (id integer primary key)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_and_its_log_are_set_aside_together() {
    let (folder, upstream, file, _there) = stopped().await;
    let (path, log) = (folder.0.join("rivulet.db"), folder.0.join("rivulet.db-wal"));
    std::fs::write(&path, [0xa5; 8_192]).unwrap();
    std::fs::write(&log, [0xa5; 4_152]).unwrap();
    assert!(restore(&folder, &file).await.1.unwrap());
    assert!(!log.exists(), "a log that stays would be read into the new file");
    assert_eq!(kept_beside(&folder).len(), 2);
    let app = App::on(folder, upstream, &[]).await;
    assert_eq!(app.get("/readyz").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_restored_where_there_is_no_database_yet() {
    let (_folder, upstream, file, _there) = stopped().await;
    let new = Folder::new();
    let (told, done) = restore(&new, &file).await;
    assert!(done.unwrap() && !told.contains("is kept as"), "{told}");
    let app = App::on(new, upstream, &[]).await;
    let messages: i64 =
        sql::query_scalar("select count(*) from message").fetch_one(app.state.store.read()).await.unwrap();
    assert_eq!(messages, 2);
}
