//! Real servers for tests that need one: PostgreSQL and Redis, each started once, by the first test that asks.
//!
//! They listen on a socket in a folder of their own, and not on the network. A shell watches each of them: when the
//! tests' process ends, however it does, the pipe to that shell is closed, and it ends the server and removes the folder.
//! (A signal at the parent's death would come too early: the parent is the thread, and each test has its own.)
//!
//! Where a server is not installed, tests that need it say so and are not run.

mod chosen;
mod postgres;
mod redis;
mod way;

pub(crate) use chosen::{database_of, forget};
pub(crate) use postgres::{Database, Postgres, postgres};
pub(crate) use redis::redis;
pub(crate) use way::Way;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What the shell says when the server takes connections.
const READY: &str = "ready";

/// A server that runs until this process ends.
struct Server {
    folder: PathBuf,
    /// Its standard input is the pipe that says that this process lives.
    watcher: Child,
}

impl Server {
    /// Runs a script, which has the folder in `$1` and the program's own folder in `$2`, and waits until it says that the
    /// server is ready.
    fn start(name: &str, script: &str, programs: &Path, user: Option<&str>) -> Self {
        // Not in the folder for temporary files that the environment names: the path of a socket has a hundred letters.
        let folder = PathBuf::from(format!("/tmp/rivulet-{name}-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir(&folder).unwrap();
        let mut command = match user {
            Some(user) => {
                give(&folder, user);
                let mut command = Command::new("setpriv");
                command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups", "sh"]);
                command
            }
            None => Command::new("sh"),
        };
        let command = command.args(["-c", script, name]).arg(&folder).arg(programs).current_dir(&folder);
        // In a group of its own, so that ctrl-c ends the tests, and the shell in its turn.
        let pipes = command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut watcher = pipes.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(watcher.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert_eq!(said.trim(), READY, "{name} did not start: {}", log());
        Self { folder, watcher }
    }
}

/// Only the user may look inside.
fn give(folder: &Path, user: &str) {
    let done = Command::new("chown").arg(format!("{user}:{user}")).arg(folder).status().unwrap();
    assert!(done.success());
}

/// Whether what this process makes is root's.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A program in the folders of `PATH`, or in one of these. Its folder.
fn folder_of(program: &str, others: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(others.iter().cloned());
    folders.find(|folder| folder.join(program).exists())
}

/// Says that a test was not run. Written past what the tests' harness catches, so that it is read.
fn say_missing(program: &str, package: &str) {
    let line = format!(
        "NOT RUN: tests that need {program}, which is not installed (scripts/setup tests, or Debian's {package})\n"
    );
    std::io::stderr().write_all(line.as_bytes()).ok();
}

#[tokio::test]
async fn a_server_and_its_folder_go_when_the_tests_process_does() {
    let Some(programs) = folder_of("redis-server", &[]) else { return say_missing("Redis", "redis-server") };
    let mut server = Server::start("ending", redis::SCRIPT, &programs, None);
    assert!(server.folder.join("redis.sock").exists());
    // As the kernel does at this process's end.
    drop(server.watcher.stdin.take());
    server.watcher.wait().unwrap();
    assert!(!server.folder.exists());
}

#[test]
fn redis_answers() {
    let Some(redis) = redis() else { return };
    let mut socket = std::os::unix::net::UnixStream::connect(redis.socket()).unwrap();
    socket.write_all(b"PING\r\n").unwrap();
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer).unwrap();
    assert_eq!(answer, "+PONG\r\n");
}
