//! Real servers for tests that need one: PostgreSQL and Redis, each started once, by the first test that asks.
//!
//! They listen on a socket in a folder of their own, and not on the network. A shell watches each of them: when the
//! tests' process ends, however it does, the pipe to that shell is closed, and it ends the server and removes the folder.
//! (A signal at the parent's death would come too early: the parent is the thread, and each test has its own.)
//!
//! Where a server is not installed, tests that need it say so and are not run.

mod chosen;
mod cut;
mod postgres;
mod proxies;
mod redis;
mod valve;
mod way;

pub(crate) use chosen::{database_of, forget};
pub(crate) use cut::Cut;
pub(crate) use postgres::{Database, Postgres, postgres, postgres_of_its_own};
pub(crate) use proxies::{Proxy, haproxy, nginx};
pub(crate) use redis::{Redis, certificate, options as redis_options, own_redis, redis, redis_with_tls};
pub(crate) use valve::Valve;
pub(crate) use way::Way;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What the shell says when the server takes connections.
const READY: &str = "ready";

/// The beginning of each script. It makes the folder itself, for its own user alone, as those who may open the socket may do
/// anything. No signal ends the shell and no broken pipe: only the end of its input does, or a failure, and on both ways out
/// it ends the server (by the signal in `ending`) and removes the folder.
const BEGIN: &str = r#"
folder=$1; programs=$2; ending=KILL; server=
trap '' HUP INT TERM PIPE
umask 077; mkdir "$folder" && cd "$folder" || exit 1
trap '[ -z "$server" ] || { kill -s "$ending" "$server"; wait "$server"; } 2>/dev/null; cd /; rm -rf "$folder"' EXIT
failed() { cat log; exit 1; }
"#;

/// The end of each script. Where nobody listens any more, the first line fails and the second is done at once.
const END: &str = "\necho ready 2>/dev/null; cat >/dev/null";

/// A server that runs until this process ends.
struct Server {
    folder: PathBuf,
    /// Its standard input is the pipe that says that this process lives.
    watcher: Child,
}

impl Server {
    /// Runs a script between `BEGIN` and `END`, and waits until it says that the server is ready.
    fn start(name: &str, script: &str, programs: &Path, user: Option<&str>) -> Self {
        let (folder, mut watcher) = watch(name, script, programs, user);
        let mut output = BufReader::new(watcher.stdout.take().unwrap());
        let mut said = String::new();
        output.read_line(&mut said).unwrap();
        if said.trim() != READY {
            // The log.
            output.read_to_string(&mut said).unwrap();
            panic!("{name} did not start: {said}");
        }
        Self { folder, watcher }
    }
}

/// Starts a script with a folder of its own in `$1` and the program's in `$2`.
fn watch(name: &str, script: &str, programs: &Path, user: Option<&str>) -> (PathBuf, Child) {
    // Not in the folder for temporary files that the environment names: the path of a socket has a hundred letters.
    let folder = PathBuf::from(format!("/tmp/rivulet-{name}-{}", std::process::id()));
    // Left by a process of the same number whose shell was killed as well.
    std::fs::remove_dir_all(&folder).ok();
    let mut command = match user {
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups", "sh"]);
            command
        }
        None => Command::new("sh"),
    };
    let command = command.args(["-c", &format!("{BEGIN}{script}{END}"), name]).arg(&folder).arg(programs);
    // In a group of its own, so that ctrl-c ends the tests, and the shell in its turn.
    let watcher = command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    (folder, watcher)
}

/// Whether what this process makes is root's.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The folders of `PATH` with this program, and these of others.
fn folders_of(program: &str, others: Vec<PathBuf>) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).chain(others).collect();
    folders.into_iter().filter(move |folder| folder.join(program).exists())
}

/// Says that a test was not run. Written past what the tests' harness catches, so that it is read.
///
/// # Panics
/// In CI, where nobody reads it.
fn say_missing(program: &str, package: &str) {
    let line = format!(
        "NOT RUN: tests that need {program}, which is not installed (scripts/setup tests, or Debian's {package})\n"
    );
    assert!(std::env::var_os("CI").is_none_or(|value| value.is_empty()), "{line}");
    std::io::stderr().write_all(line.as_bytes()).ok();
}

/// In CI a test that was not run is a failure, so the machine's set-up has to know of each package.
#[test]
fn set_up_installs_every_package_whose_lack_is_said() {
    let setup = include_str!("../../scripts/setup");
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/services")).unwrap().flatten();
    let code = files.map(|file| file.path()).filter(|path| path.is_file());
    let texts: String = code.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let calls = texts.lines().filter_map(|line| line.trim().strip_prefix("say_missing(")?.rsplit('"').nth(1));
    let packages: std::collections::BTreeSet<_> = calls.collect();
    assert!(packages.contains("haproxy") && 4 <= packages.len(), "{packages:?}");
    for package in packages {
        assert!(setup.contains(&format!("|| lacks {package} ")), "scripts/setup does not install {package}");
    }
}

/// Whether a process has this folder in its command line.
fn is_used(folder: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| String::from_utf8_lossy(&line).contains(folder.to_str().unwrap()))
}

/// Each server that is installed: its name, its script, the folder of its programs, and its user.
fn installed() -> Vec<(&'static str, &'static str, PathBuf, Option<&'static str>)> {
    let postgres = postgres::programs().map(|programs| ("PostgreSQL", postgres::SCRIPT, programs, postgres::user()));
    let redis = redis::programs().map(|programs| ("Redis", redis::SCRIPT, programs, None));
    postgres.into_iter().chain(redis).collect()
}

#[test]
fn a_server_is_open_to_its_user_alone_and_goes_with_its_folder_when_the_tests_process_does() {
    for (name, script, programs, user) in installed() {
        let mut server = Server::start(&format!("ending-{name}"), script, &programs, user);
        assert_eq!(std::fs::metadata(&server.folder).unwrap().mode() & 0o777, 0o700, "{name}");
        assert!(is_used(&server.folder), "{name}");
        // As the kernel does at this process's end.
        drop(server.watcher.stdin.take());
        server.watcher.wait().unwrap();
        assert!(!server.folder.exists() && !is_used(&server.folder), "{name}");
    }
}

#[test]
fn a_server_goes_also_when_the_tests_process_ends_before_it_is_ready() {
    for (name, script, programs, user) in installed() {
        let (folder, mut watcher) = watch(&format!("early-{name}"), script, &programs, user);
        drop((watcher.stdin.take(), watcher.stdout.take()));
        watcher.wait().unwrap();
        assert!(!folder.exists() && !is_used(&folder), "{name}");
    }
}

#[test]
fn a_server_that_does_not_start_says_why_and_leaves_nothing() {
    let script = "echo no room >log; failed";
    let failed = std::panic::catch_unwind(|| Server::start("failing", script, Path::new("/"), None));
    let why = *failed.map(|server| server.folder).unwrap_err().downcast::<String>().unwrap();
    assert_eq!(why, "failing did not start: no room\n");
    assert!(!Path::new(&format!("/tmp/rivulet-failing-{}", std::process::id())).exists());
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
