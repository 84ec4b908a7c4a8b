//! Backups and updates on a disk that is full, or can only be read: nothing is lost, and a sentence says why.

use super::alone::apart;
use super::app::{App, Folder};
use super::backup::copies::{command, refusal};
use super::upgrades::{FIXTURES, assert_is_all_there, fill};
use super::upstream::script::Script;
use crate::server::store::{Store, backup};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Every file of the test is on it.
const SMALL_DISK: &str = "mount -t tmpfs -o size=4m rivulet /mnt && export TMPDIR=/mnt";

/// Takes all room but this.
fn leave(bytes: u64) {
    let mut ballast = File::create("/mnt/ballast").unwrap();
    while ballast.write_all(&[0; 1 << 10]).is_ok() {}
    let length = ballast.metadata().unwrap().len();
    ballast.set_len(length - bytes.min(length)).unwrap();
}

/// What is left of copies that were not finished.
fn partials(folder: &Path) -> usize {
    let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().contains(".partial-")).count()
}

async fn not_opened(folder: &Folder) -> String {
    let copies = folder.0.join("backups");
    let Err(error) = Store::open_with(&folder.database(), Some(&copies)).await else { panic!("it was opened") };
    let line = format!("{error:#}");
    assert!(line.starts_with("DATABASE_URL: ") && line.lines().count() == 1, "{line}");
    line
}

#[test]
fn a_backup_that_has_no_room_leaves_the_one_before() {
    let name = "tests::small_disk::a_backup_that_has_no_room_leaves_the_one_before";
    apart(name, "-rm", &["mount"], SMALL_DISK, async {
        let app = App::start().await;
        let conversation = app.conversation().await;
        let sent = app.send(&conversation, &Script { pieces: 20_000, ..Script::default() }).await;
        app.rest_of(&conversation, &sent).await;
        let copy = app.folder.0.join("copy.db");
        let path = copy.to_str().unwrap();
        assert!(command(&app.folder, &["backup", path]).await.1.unwrap());
        let before = backup::contents(&copy).await.unwrap();
        leave(32 << 10);
        let told = refusal(command(&app.folder, &["backup", "--force", path]).await.1);
        assert!(told.contains("could not be copied") && told.contains("full"), "{told}");
        assert_eq!(partials(&app.folder.0), 0);
        assert_eq!(backup::contents(&copy).await.unwrap(), before);
    });
}

#[test]
fn a_scheduled_backup_takes_no_room_that_the_server_needs() {
    let name = "tests::small_disk::a_scheduled_backup_takes_no_room_that_the_server_needs";
    apart(name, "-rm", &["mount"], SMALL_DISK, async {
        let app = App::with(&["--backup-hours=1"]).await;
        let counted = async {
            while !app.metrics().contains("rivulet_backup_failures_total 1") {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), counted).await.expect("it is not counted");
        let backups = app.folder.0.join("backups");
        assert_eq!(backups.read_dir().unwrap().count(), 0, "the copy has room, and the server would have none");
        let series = backup::Series::new(&app.folder.0.join("rivulet.db"), &backups, 1);
        let told = format!("{:#}", series.add().await.unwrap_err());
        assert!(told.contains("There is no room for a backup at ") && told.contains("512.0 MiB are to stay"), "{told}");
        app.conversation().await;
    });
}

#[test]
fn an_update_that_has_no_room_changes_nothing_until_there_is() {
    let name = "tests::small_disk::an_update_that_has_no_room_changes_nothing_until_there_is";
    apart(name, "-rm", &["mount"], SMALL_DISK, async {
        let folder = Folder::new();
        fill(&folder, FIXTURES[0].1).await;
        // None for the copy; for the copy and not for the log; for some changes and not for the rest.
        for room in [0, 140 << 10, 200 << 10, 300 << 10] {
            leave(room);
            if let Ok(store) = Store::open_with(&folder.database(), Some(&folder.0.join("backups"))).await {
                store.close().await;
                continue;
            }
            let told = not_opened(&folder).await;
            let reasons = ["disk is full", "No space left", "There is no room for a backup"];
            assert!(reasons.iter().any(|reason| told.contains(reason)), "{told}");
        }
        std::fs::remove_file("/mnt/ballast").unwrap();
        let store = Store::open_with(&folder.database(), Some(&folder.0.join("backups"))).await.unwrap();
        assert_is_all_there(&store).await;
        store.close().await;
        assert_eq!(partials(&folder.0.join("backups")), 0);
    });
}

#[test]
fn a_disk_that_can_only_be_read_is_told() {
    let name = "tests::small_disk::a_disk_that_can_only_be_read_is_told";
    apart(name, "-rm", &["mount"], SMALL_DISK, async {
        let folder = Folder::new();
        fill(&folder, FIXTURES[0].1).await;
        let remount = |how: &str| {
            let done = Command::new("mount").args(["-o", how, "/mnt"]).status().unwrap();
            assert!(done.success(), "{how}");
        };
        remount("remount,ro");
        assert!(not_opened(&folder).await.contains("cannot be written"));
        let to = folder.0.join("copy.db");
        assert!(refusal(command(&folder, &["backup", to.to_str().unwrap()]).await.1).contains("No file can be made"));
        assert!(refusal(command(&folder, &["restore", to.to_str().unwrap()]).await.1).contains("cannot be read"));
        remount("remount,rw");
        Store::open(&folder.database()).await.unwrap().close().await;
    });
}
