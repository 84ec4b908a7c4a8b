//! What is in a copy, what is not, and where it may go.

use super::super::app::{App, Folder};
use super::super::commands::typed;
use super::super::upstream::script::Script;
use super::{back_up, program};
use crate::server::settings::Settings;
use crate::server::store::backup::{self, Series};
use clap::Parser;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Messages that are sent while copies are made.
const SENDS: usize = 60;

/// `rivulet backup` and what it is given, on this database.
pub(crate) async fn command(folder: &Folder, words: &[&str]) -> (String, anyhow::Result<bool>) {
    let url = folder.database();
    let words = ["rivulet", "--database-url", &url].into_iter().chain(words.iter().copied());
    typed(&Settings::parse_from(words), "").await
}

pub(crate) fn refusal(done: anyhow::Result<bool>) -> String {
    let line = format!("{:#}", done.expect_err("it was not refused"));
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_message_is_in_the_next_copy() {
    let app = App::start().await;
    let (acknowledged, is_over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let sending = async {
        for _ in 0..SENDS {
            let conversation = app.conversation().await;
            let sent = app.send(&conversation, &Script { pieces: 30, gap_ms: 20, ..Script::default() }).await;
            acknowledged.lock().unwrap().push(sent.message);
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let copying = async {
        let mut copies = 0;
        while !is_over.load(Ordering::Relaxed) || copies < 2 {
            let before = acknowledged.lock().unwrap().clone();
            let there = back_up(&app).await;
            let mut copy = program(&there).await;
            for message in &before {
                let found: i64 = sqlx::query_scalar("select count(*) from message where id = $1")
                    .bind(message)
                    .fetch_one(&mut copy)
                    .await
                    .unwrap();
                assert_eq!(found, 1, "{message} of {} was acknowledged before the copy began", before.len());
            }
            copies += 1;
        }
    };
    tokio::join!(sending, copying);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_one_private_file_without_what_was_deleted() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { text: Some("a secret that goes".into()), ..Script::default() }).await;
    app.rest_of(&conversation, &sent).await;
    let holds = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(18).any(|window| window == b"a secret that goes")
    };
    assert!(holds(&back_up(&app).await.0.join("rivulet.db")));
    app.request(reqwest::Method::DELETE, &format!("/api/v1/conversations/{conversation}")).send().await.unwrap();
    let there = back_up(&app).await;
    assert!(!holds(&there.0.join("rivulet.db")), "not even in pages that are free");
    let names: Vec<_> = there.0.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["rivulet.db"]);
    assert_eq!(there.0.join("rivulet.db").metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_tells_what_it_copied_and_replaces_nothing_unasked() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    let file = app.folder.0.join("copy.db");
    let to = file.to_str().unwrap();
    let (told, done) = command(&app.folder, &["backup", to]).await;
    assert!(done.unwrap());
    assert!(told.contains("1 account, 1 conversation, 2 messages, 0 images"), "{told}");
    assert!(refusal(command(&app.folder, &["backup", to]).await.1).contains("replace it with --force"));
    assert!(command(&app.folder, &["backup", to, "--force"]).await.1.unwrap());
    let own = app.folder.0.join("rivulet.db");
    let told = refusal(command(&app.folder, &["backup", own.to_str().unwrap(), "--force"]).await.1);
    assert!(told.contains("is the database itself"), "{told}");
    let folder = app.folder.0.to_str().unwrap();
    assert!(refusal(command(&app.folder, &["backup", folder, "--force"]).await.1).contains("is not a file"));
    let nowhere = app.folder.0.join("nowhere/copy.db");
    assert!(refusal(command(&app.folder, &["backup", nowhere.to_str().unwrap()]).await.1).contains("nowhere/copy.db"));
    let none = Folder::new();
    assert!(refusal(command(&none, &["backup", to, "--force"]).await.1).contains("there is no database at"));
    assert!(!none.0.join("rivulet.db").exists(), "and none is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_output_gets_a_whole_copy() {
    let app = App::start().await;
    let mut bytes = Vec::new();
    let told = backup::write_to(&app.folder.0.join("rivulet.db"), &mut bytes).await.unwrap();
    assert_eq!(bytes.len() as u64, told.bytes);
    let there = Folder::new();
    let file = there.0.join("copy.db");
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(backup::contents(&file).await.unwrap(), told);
    let left = app
        .folder
        .0
        .read_dir()
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("partial"));
    assert_eq!(left.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_makes_the_first_copy_at_the_start_and_the_next_when_it_is_due() {
    let app = App::with(&["--backup-hours=1"]).await;
    let series = Series::new(&app.folder.0.join("rivulet.db"), &app.folder.0.join("backups"), 2);
    let made = async {
        while series.copies().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), made).await.expect("no backup is made");
    assert!(series.age().unwrap() < Duration::from_secs(60));
    backup::contents(&series.copies()[0]).await.unwrap();
    assert_eq!(app.folder.0.join("backups").metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_copy_that_fails_is_counted() {
    // A folder cannot be made where a file is.
    let app = App::with(&["--backup-hours=1", "--backup-folder=/dev/null/backups"]).await;
    let counted = async {
        while !app.metrics().contains("rivulet_backup_failures_total 1") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), counted).await.expect("it is not counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_copies_of_a_series_go_and_no_other_file() {
    let app = App::start().await;
    let folder = app.folder.0.join("backups");
    std::fs::create_dir(&folder).unwrap();
    let others = ["mine.db", "rivulet-mine.db", "rivulet-before-update-to-1-20200101T000000Z.db"];
    let old = ["rivulet-20200101T000000Z.db", "rivulet-20210101T000000Z.db", "rivulet-20220101T000000Z.db"];
    for name in others.into_iter().chain(old) {
        std::fs::write(folder.join(name), "").unwrap();
    }
    let series = Series::new(&app.folder.0.join("rivulet.db"), &folder, 2);
    let (new, _) = series.add().await.unwrap();
    assert_eq!(series.copies(), [folder.join(old[2]), new]);
    assert!(others.iter().all(|name| folder.join(name).exists()));
}
