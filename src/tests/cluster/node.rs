//! One node: a process of its own, which is the built program, or this test binary once more with a server in it.

use super::story::Story;
use crate::app::shell;
use crate::server::settings::Settings;
use crate::server::{State, logging, routes, serve};
use crate::tests::alone;
use clap::Parser;
use leptos_axum::LeptosRoutes;
use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// In the environment of a process that is a node.
const IS_NODE: &str = "RIVULET_TEST_NODE";
/// The built program, where it is to be tested (`make soak`), and not the code in this binary.
const PROGRAM: &str = "RIVULET_TEST_PROGRAM";
/// The built program of another version, which nodes are updated to (`scripts/two-versions`).
const NEWER: &str = "RIVULET_TEST_NEWER";
/// A node that does not answer for this long does not start.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How often a starting node is asked.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// Lines of a node's log in a report.
const LAST_LINES: usize = 40;

/// A node, running or not.
pub(super) struct Node {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) address: SocketAddr,
    program: Option<OsString>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
}

impl Node {
    pub(super) fn new(number: usize, environment: &[(String, String)], folder: &Path) -> Self {
        let address = free_address();
        let mut environment = environment.to_vec();
        environment.push(("RIVULET_LISTEN".into(), address.to_string()));
        let log = folder.join(format!("node-{number}.log"));
        Self { number, address, program: std::env::var_os(PROGRAM), environment, log, child: None }
    }

    /// It starts as the newer version from now on, where there is one.
    pub(super) fn update(&mut self) {
        self.program = std::env::var_os(NEWER).or_else(|| self.program.take());
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// Starts its process, and returns before that answers.
    pub(super) fn start(&mut self) {
        let log = File::options().append(true).create(true).open(&self.log).unwrap();
        let mut command = match &self.program {
            Some(program) => Command::new(program),
            None => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                let test = format!("{}::serves_until_it_is_killed", module_path!().split_once("::").unwrap().1);
                command.args(["--exact", &test, "--nocapture"]);
                command
            }
        };
        // No other variables: a key in the developer's environment would change the test.
        command.env_clear().envs(self.environment.iter().cloned()).env(IS_NODE, "yes").env(alone::INSIDE, "yes");
        command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// Waits until it is ready.
    pub(super) async fn answers(&mut self, client: &reqwest::Client) {
        let began = Instant::now();
        loop {
            let asked = client.get(format!("{}/readyz", self.url())).send().await;
            if asked.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "node {} ended: {ended:?}\n{}", self.number, self.said());
            assert!(began.elapsed() < START_LIMIT, "node {} does not start\n{}", self.number, self.said());
            sleep(ASK_EVERY).await;
        }
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self, story: &Story) {
        let Some(mut child) = self.child.take() else { return };
        child.kill().unwrap();
        story.tell(format!("node {} is KILLED", self.number));
        child.wait().unwrap();
    }

    /// SIGTERM, and its exit code.
    pub(super) async fn end(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        // Open until it has ended: `wait` would close it, which says that its parent is gone.
        let pipe = child.stdin.take();
        Command::new("kill").arg(child.id().to_string()).status().unwrap();
        let code = tokio::task::spawn_blocking(move || child.wait().unwrap().code()).await.unwrap();
        drop(pipe);
        code
    }

    /// The end of its log.
    pub(super) fn said(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// An address on which no process listens. Not 127.0.0.1: from there connections are made, and one of them could have the
/// port of a node that is to start again.
pub(super) fn free_address() -> SocketAddr {
    static NUMBER: AtomicU8 = AtomicU8::new(2);
    let [high, low, ..] = std::process::id().to_le_bytes();
    let ip = Ipv4Addr::new(127, high.max(1), low, NUMBER.fetch_add(1, Ordering::Relaxed));
    TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap()
}

/// Not a test: a node, where it is started as one. As `main` does it.
#[tokio::test(flavor = "multi_thread")]
async fn serves_until_it_is_killed() {
    if std::env::var_os(IS_NODE).is_none() {
        return;
    }
    // A node whose parent is killed ends when the pipe to it is closed.
    std::thread::spawn(|| {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
        std::process::exit(1);
    });
    rustls::crypto::ring::default_provider().install_default().ok();
    let settings = Settings::try_parse_from(["rivulet"]).unwrap();
    logging::start(&settings).unwrap();
    let listener = serve::listen(settings.listen).unwrap();
    let state = State::start(settings).await.unwrap();
    let router = routes::router(state.clone(), |router| {
        let options = state.leptos.clone();
        let draw = move || shell(options.clone());
        router.leptos_routes_with_context(&state, routes::page_routes(), routes::page_policy, draw)
    });
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let mut signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
    tokio::spawn(async move {
        signal.recv().await;
        stopped.cancel();
    });
    serve::run(listener, router, state, stop).await;
}
