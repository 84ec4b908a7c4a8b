//! A process that is killed while it copies the database, or changes its tables: itself once more, as another process.

use super::super::alone;
use super::super::app::{App, Folder};
use super::super::rng::Dice;
use super::super::upgrades;
use super::super::upstream::script::Script;
use crate::server::store::Store;
use crate::server::store::backup;
use crate::server::store::schema::Schema;
use crate::server::store::updating;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// In the environment of the process that is to be killed: the folder that it works in.
const WORKS_IN: &str = "RIVULET_TEST_KILLED_IN";
/// `make soak` kills more often.
const KILLS: u64 = 8;

/// This test binary with one test in it, which does its work for ever.
pub(crate) struct Victim(Child);

impl Victim {
    /// `test` with the modules that it is in.
    pub(crate) fn start(test: &str, folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test]);
        command.env(WORKS_IN, folder).env(alone::INSIDE, "yes");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// SIGKILL, `after` the file that it makes first is there. How it ended: it may have been done.
    pub(crate) fn kill(mut self, after: Duration, begun: &Path) -> ExitStatus {
        while !begun.exists() {
            assert!(self.0.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(after);
        self.0.kill().unwrap();
        let ended = self.0.wait().unwrap();
        std::fs::remove_file(begun).unwrap();
        ended
    }
}

/// None: this process is no victim. A victim whose parent is killed ends when the pipe to it is closed.
pub(crate) fn victims_folder() -> Option<PathBuf> {
    let folder = std::env::var_os(WORKS_IN)?;
    std::thread::spawn(|| {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
        std::process::exit(1);
    });
    Some(folder.into())
}

fn partials(folder: &Path) -> usize {
    let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().contains(".partial-")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_until_it_is_killed() {
    let Some(folder) = victims_folder() else { return };
    std::fs::write(folder.join("begun"), "").unwrap();
    loop {
        backup::copy(&folder.join("rivulet.db"), &folder.join("copy.db"), true).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_whole_whenever_its_maker_is_killed() {
    let app = App::start().await;
    for _ in 0..4 {
        let conversation = app.conversation().await;
        let sent = app.send(&conversation, &Script { pieces: 20_000, ..Script::default() }).await;
        app.rest_of(&conversation, &sent).await;
    }
    let (folder, copy) = (&app.folder.0, app.folder.0.join("copy.db"));
    let mut dice = Dice::new(17);
    let mut left = 0;
    for _ in 0..KILLS {
        let victim = Victim::start("tests::backup::killed::copies_until_it_is_killed", folder);
        let after = Duration::from_micros(dice.below(60_000));
        let begun = folder.join("begun");
        tokio::task::spawn_blocking(move || victim.kill(after, &begun)).await.unwrap();
        left += partials(folder);
        if copy.exists() {
            let contents = backup::contents(&copy).await.unwrap();
            assert_eq!((contents.conversations, contents.messages), (4, 8));
        }
    }
    assert!(0 < left, "some were killed half-way");
    backup::copy(&folder.join("rivulet.db"), &copy, true).await.unwrap();
    assert_eq!(partials(folder), 0, "the next one removes what they left");
}

#[tokio::test(flavor = "multi_thread")]
async fn brings_tables_up_to_date_until_it_is_killed() {
    let Some(folder) = victims_folder() else { return };
    std::fs::write(folder.join("begun"), "").unwrap();
    let copies = folder.join("backups");
    let store = Store::open_with(&format!("sqlite:{}", folder.join("rivulet.db").display()), Some(&copies)).await;
    store.unwrap().close().await;
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_the_tables_can_be_killed_at_any_moment() {
    let mut dice = Dice::new(17);
    let mut half_way = 0;
    // The first is killed at once, and the last when a slow machine may still be at work.
    for kill in 0..KILLS {
        let folder = Folder::new();
        upgrades::fill(&folder, upgrades::FIXTURES[0].1).await;
        let victim = Victim::start("tests::backup::killed::brings_tables_up_to_date_until_it_is_killed", &folder.0);
        let (after, begun) = (Duration::from_micros(dice.below(1 + 15_000 * kill)), folder.0.join("begun"));
        tokio::task::spawn_blocking(move || victim.kill(after, &begun)).await.unwrap();
        let database = folder.0.join("rivulet.db");
        half_way += u32::from(updating::look(&database).await.unwrap() != Schema::Current);
        let store = Store::open_with(&folder.database(), Some(&folder.0.join("backups"))).await.unwrap();
        upgrades::assert_is_all_there(&store).await;
        store.close().await;
        assert_eq!(partials(&folder.0.join("backups")), 0);
    }
    assert!(0 < half_way, "none was killed before the end");
}
