//! `rivulet account`, beside a server that runs on the same database.

use super::super::accounts::{PASSWORD, location};
use super::super::admin::{member, page, with_admin};
use super::super::alone::not_run;
use super::super::app::{App, Folder, problem};
use super::super::upgrades;
use super::super::upstream::script::Script;
use super::typed;
use crate::server::settings::Settings;
use clap::Parser;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::str::FromStr;
use std::time::{Duration, Instant};

async fn account(folder: &Folder, words: &[&str], input: &str) -> (String, anyhow::Result<bool>) {
    let url = folder.database();
    let words = ["rivulet", "--database-url", &url, "account"].into_iter().chain(words.iter().copied());
    typed(&Settings::parse_from(words), input).await
}

async fn done(folder: &Folder, words: &[&str], input: &str) -> String {
    let (told, done) = account(folder, words, input).await;
    assert!(done.unwrap(), "{told}");
    told
}

async fn refusal(folder: &Folder, words: &[&str], input: &str) -> String {
    let (_, done) = account(folder, words, input).await;
    format!("{:#}", done.expect_err("it was not refused"))
}

async fn signs_in(app: &App, name: &str, password: &str) -> bool {
    let answer = app.try_sign_in(name, password).await;
    answer.status() == 303 && location(&answer) == "/"
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_with_a_password_that_is_typed_or_shown_once() {
    let app = App::start().await;
    let told = done(&app.folder, &["make", "Ann", "--role", "admin"], "").await;
    let password = told.trim_end().rsplit(' ').next().unwrap();
    assert!(told.starts_with("Made the admin Ann.\n") && password.len() == 32, "{told}");
    assert!(signs_in(&app, "ann", password).await);
    let told = done(&app.folder, &["make", "Bob", "--password-stdin"], "a quiet river\n").await;
    assert_eq!(told, "Made the member Bob.\n");
    assert!(signs_in(&app, "Bob", PASSWORD).await);
    assert!(refusal(&app.folder, &["make", "BOB"], "").await.contains("is taken"));
    assert!(refusal(&app.folder, &["make", "<b>"], "").await.contains("A name begins with"));
    assert!(refusal(&app.folder, &["make", "Cem", "--password-stdin"], "short\n").await.contains("at least 8"));
    let list = done(&app.folder, &["list"], "").await;
    let rows: Vec<Vec<_>> = list.lines().map(|line| line.split_whitespace().take(3).collect()).collect();
    assert_eq!(rows, [["NAME", "ROLE", "STATE"], ["Ann", "admin", "enabled"], ["Bob", "member", "enabled"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_signs_out_everywhere_within_a_second() {
    let mut app = with_admin(&[]).await;
    let (_, cookie) = member(&mut app, "Ann").await;
    app.cookie = cookie;
    let conversation = app.conversation().await;
    let mut events = app.follow(&conversation, None).await;
    done(&app.folder, &["password", "Ann", "--password-stdin"], "another river\n").await;
    let began = Instant::now();
    while events.next().await.is_some() {}
    assert!(began.elapsed() < Duration::from_secs(1));
    problem(app.get("/api/v1/conversations").await, 401).await;
    assert!(!signs_in(&app, "Ann", PASSWORD).await && signs_in(&app, "Ann", "another river").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_out_within_a_second_and_its_replies_end() {
    let mut app = with_admin(&[]).await;
    let (_, cookie) = member(&mut app, "Ann").await;
    let admin = std::mem::replace(&mut app.cookie, cookie);
    let conversation = app.conversation().await;
    app.send(&conversation, &Script { pieces: 3_000, gap_ms: 20, ..Script::default() }).await;
    done(&app.folder, &["disable", "Ann"], "").await;
    let began = Instant::now();
    while 0 < app.state.engine.open_replies() {
        assert!(began.elapsed() < Duration::from_secs(2), "its reply goes on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    problem(app.get("/api/v1/conversations").await, 401).await;
    assert!(!signs_in(&app, "Ann", PASSWORD).await);
    assert!(refusal(&app.folder, &["password", "Ann"], "").await.contains("is disabled"));
    done(&app.folder, &["enable", "Ann"], "").await;
    assert!(signs_in(&app, "Ann", PASSWORD).await);
    app.cookie = admin;
    assert!(page(&app, "/admin/log").await.contains("(command line)"), "the log has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_stays_and_a_role_is_changed() {
    let mut app = with_admin(&[]).await;
    member(&mut app, "Ann").await;
    for words in [&["role", "Root", "member"][..], &["disable", "Root"], &["delete", "Root"]] {
        let told = refusal(&app.folder, words, "Root\n").await;
        assert!(told.contains("the only admin"), "{told}");
    }
    assert_eq!(done(&app.folder, &["role", "Ann", "admin"], "").await, "Ann is an admin.\n");
    done(&app.folder, &["role", "Root", "member"], "").await;
    problem(app.get("/api/v1/conversations").await, 401).await;
    assert!(refusal(&app.folder, &["role", "Nobody", "admin"], "").await.contains("no account with the name Nobody"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_exported_and_deleted_when_its_name_is_typed_again() {
    let mut app = with_admin(&[]).await;
    let (id, cookie) = member(&mut app, "Ann").await;
    app.cookie = cookie;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    let file = app.folder.0.join("ann.zip");
    let words = ["export", "Ann", file.to_str().unwrap()];
    done(&app.folder, &words, "").await;
    let mut zip = zip::ZipArchive::new(std::fs::File::open(&file).unwrap()).unwrap();
    assert!((0..zip.len()).any(|index| zip.by_index(index).unwrap().name().unwrap().starts_with("conversations/")));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(refusal(&app.folder, &words, "").await.contains("cannot be made"), "it is there");

    assert!(refusal(&app.folder, &["delete", "Ann"], "Bob\n").await.contains("Nothing is deleted"));
    assert_eq!(app.conversations().await.len(), 1);
    let told = done(&app.folder, &["delete", "Ann"], "Ann\n").await;
    assert!(told.contains("1 conversation") && told.contains("The running server deletes the rest"), "{told}");
    // The server, for which the command is another process, knows the browser for up to a second more.
    let refused = async { while app.get("/api/v1/conversations").await.status() != 401 {} };
    tokio::time::timeout(Duration::from_secs(20), refused).await.expect("it is let in for ever");
    problem(app.get("/api/v1/conversations").await, 401).await;
    crate::server::accounts::resume_deletions(&app.state).await;
    assert!(app.state.store.account(id).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_all_of_an_account_is_deleted_at_once() {
    let folder = Folder::new();
    done(&folder, &["make", "Root", "--role", "admin"], "").await;
    done(&folder, &["make", "Ann"], "").await;
    assert!(done(&folder, &["delete", "Ann"], "Ann\n").await.contains("Ann is deleted.\n"));
    assert!(!done(&folder, &["list"], "").await.contains("Ann"));
    let none = Folder::new();
    assert!(refusal(&none, &["list"], "").await.contains("there is no database at"));
    let old = Folder::new();
    upgrades::fill(&old, upgrades::FIXTURES[1].1).await;
    assert!(refusal(&old, &["role", "Ann", "member"], "").await.contains("Start Rivulet once"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_the_log_does_not_take_is_not_made() {
    let app = App::start().await;
    sqlx::query(
        "create trigger refused before insert on audit when new.action = 'made the account'
         begin select raise(abort, 'not taken'); end",
    )
    .execute(&mut SqliteConnectOptions::from_str(&app.folder.database()).unwrap().connect().await.unwrap())
    .await
    .unwrap();
    assert!(refusal(&app.folder, &["make", "Ann"], "").await.contains("not taken"));
    assert!(!done(&app.folder, &["list"], "").await.contains("Ann"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_root_makes_before_the_first_start_belongs_to_the_owner_of_the_folder() {
    /// Of a user that no machine has.
    const OWNER: u32 = 61_234;
    let folder = Folder::new();
    if std::os::unix::fs::chown(&folder.0, Some(OWNER), Some(OWNER)).is_err() {
        let name = "what_root_makes_before_the_first_start_belongs_to_the_owner_of_the_folder";
        return not_run(name, "only root can give a folder away");
    }
    done(&folder, &["make", "Ann", "--role", "admin"], "").await;
    let files: Vec<_> = folder.0.read_dir().unwrap().map(|entry| entry.unwrap()).collect();
    assert!(files.iter().any(|file| file.file_name() == "rivulet.db"), "{files:?}");
    for file in files {
        let found = file.metadata().unwrap();
        assert_eq!((found.uid(), found.gid()), (OWNER, OWNER), "{}", file.path().display());
    }
}
