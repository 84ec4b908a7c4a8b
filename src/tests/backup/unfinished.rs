//! A restore beside others, and one that was killed: what stands in between is made by hand here, as a killed process
//! leaves it.

use super::super::app::Folder;
use super::super::upgrades::{FIXTURES, fill};
use super::copies::{command, refusal};
use crate::server::store::Store;
use crate::server::store::backup;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The files of a database that was killed, in the order in which a restore sets them aside.
const FILES: [&str; 3] = ["rivulet.db-wal", "rivulet.db-shm", "rivulet.db"];
/// The name under which the restore that was killed keeps them.
const KEPT: &str = "rivulet.db-before-restore-20200101T000000Z";

/// A backup, in a folder of its own.
async fn backup_of_another() -> (Folder, PathBuf) {
    let (live, there) = (Folder::new(), Folder::new());
    fill(&live, FIXTURES[3].1).await;
    let file = there.0.join("copy.db");
    backup::copy(&live.0.join("rivulet.db"), &file, false).await.unwrap();
    (there, file)
}

async fn not_opened(folder: &Folder) -> String {
    let Err(error) = Store::open(&folder.database()).await else { panic!("it was opened") };
    let line = format!("{error:#}");
    assert!(line.starts_with("DATABASE_URL: ") && line.lines().count() == 1, "{line}");
    line
}

fn kept(name: &str) -> String {
    name.replacen("rivulet.db", KEPT, 1)
}

/// What a restore leaves that is killed after this many steps: the marker, each file that is set aside, and the new file.
fn kill(folder: &Path, step: usize, backup: &Path) {
    for name in FILES {
        std::fs::write(folder.join(name), name).unwrap();
    }
    std::fs::write(folder.join("rivulet.db-restoring"), format!("{KEPT}\n")).unwrap();
    for name in FILES.iter().take(step) {
        std::fs::rename(folder.join(name), folder.join(kept(name))).unwrap();
    }
    if FILES.len() < step {
        std::fs::copy(backup, folder.join("rivulet.db")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_killed_at_any_step_goes_on_when_it_is_run_again() {
    let (_there, file) = backup_of_another().await;
    let to = file.to_str().unwrap();
    for step in 0..=FILES.len() + 1 {
        let folder = Folder::new();
        kill(&folder.0, step, &file);
        let before = names(&folder.0);
        assert!(not_opened(&folder).await.contains("A restore was not finished: run it again"), "{step}");
        let copied = refusal(command(&folder, &["backup", folder.0.join("x.db").to_str().unwrap()]).await.1);
        assert!(copied.contains("was not finished") || copied.contains("there is no database"), "{step}: {copied}");
        let after: Vec<_> = names(&folder.0).into_iter().filter(|name| name != "rivulet.db-lock").collect();
        assert_eq!(after, before, "{step}: nothing is made by who is refused");

        let (told, done) = command(&folder, &["restore", to]).await;
        assert!(done.unwrap() && told.contains(KEPT), "{step}: {told}");
        for name in FILES {
            assert_eq!(std::fs::read_to_string(folder.0.join(kept(name))).unwrap(), name, "{step}: they stay together");
        }
        let found = backup::contents(&folder.0.join("rivulet.db")).await.unwrap();
        assert_eq!((found.version, found.messages), (FIXTURES[3].0, 4), "{step}");
        assert_eq!(names(&folder.0).len(), FILES.len() + 2, "{step}: {:?}", names(&folder.0));
        Store::open(&folder.database()).await.unwrap().close().await;
    }
}

fn names(folder: &Path) -> Vec<String> {
    let all = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = all.collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_that_was_not_written_out_is_of_a_restore_that_had_changed_nothing() {
    let (_there, file) = backup_of_another().await;
    let folder = Folder::new();
    for name in FILES {
        std::fs::write(folder.0.join(name), name).unwrap();
    }
    std::fs::write(folder.0.join("rivulet.db-restoring"), "rivulet.db-before-res").unwrap();
    assert!(not_opened(&folder).await.contains("run it again"));
    let (told, done) = command(&folder, &["restore", file.to_str().unwrap()]).await;
    assert!(done.unwrap() && told.contains("is kept as"), "{told}");
    Store::open(&folder.database()).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_starts_while_a_restore_replaces_its_files() {
    let folder = Folder::new();
    let lock = File::create(folder.0.join("rivulet.db-lock")).unwrap();
    lock.lock().unwrap();
    assert!(not_opened(&folder).await.contains("is being restored"));
    assert!(!folder.0.join("rivulet.db").exists(), "no empty database is made in the gap");
    drop(lock);
    Store::open(&folder.database()).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_still_starting_counts_and_two_may_run() {
    let (_there, file) = backup_of_another().await;
    let folder = Folder::new();
    fill(&folder, FIXTURES[3].1).await;
    // It copies its database and changes the tables, and has not said yet that it lives.
    let starting = File::create(folder.0.join("rivulet.db-lock")).unwrap();
    starting.lock_shared().unwrap();
    let before = std::fs::read(folder.0.join("rivulet.db")).unwrap();
    let told = refusal(command(&folder, &["restore", file.to_str().unwrap()]).await.1);
    assert!(told.contains("Rivulet is running"), "{told}");
    assert_eq!(std::fs::read(folder.0.join("rivulet.db")).unwrap(), before);

    let one = Store::open(&folder.database()).await.unwrap();
    let other = Store::open(&folder.database()).await.unwrap();
    drop(starting);
    one.close().await;
    assert!(refusal(command(&folder, &["restore", file.to_str().unwrap()]).await.1).contains("Rivulet is running"));
    other.close().await;
    assert!(command(&folder, &["restore", file.to_str().unwrap()]).await.1.unwrap());
}
