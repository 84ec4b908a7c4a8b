//! Several nodes: complete servers on one database of PostgreSQL, in one process.
//!
//! Each has a thread and a runtime of its own, so that a test can stop all of a node in one moment ([`Node::pause`], as
//! SIGSTOP does) or end it without a farewell ([`Node::kill`], as SIGKILL does). What a test wants of a node it asks by HTTP:
//! a task that it begins itself, on the node's state, would be on the test's runtime and outlive the node.

mod dying;
mod holes;
mod late;
mod seen;
mod services;
mod withdrawn;

pub(crate) use holes::{conversation, open};

use super::app::{App, Folder};
use super::services::{Database, postgres};
use super::upstream::Upstream;
use crate::server::bounds::Bounds;
use std::ops::{Deref, DerefMut, Index, IndexMut};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// What one node does is seen at the others within this: four looks.
pub(crate) const SOON: Duration = Duration::from_secs(1);
/// Within this a node is dead for the others that was killed, and its replies are interrupted.
pub(crate) const DEATH: Duration = Duration::from_secs(10);
/// Longer than anything that will succeed takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Nodes on one database, and one browser that all of them know.
pub(crate) struct Nodes {
    nodes: Vec<Node>,
    more: Vec<String>,
    bounds: Bounds,
    /// Last, so that it is deleted after the nodes have ended.
    pub(crate) database: Database,
}

/// One node. It is asked as every test asks its server; its models are an upstream of its own.
pub(crate) struct Node {
    app: App,
    runtime: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// A node that stands still until this is dropped.
pub(crate) struct Paused {
    _resume: mpsc::Sender<()>,
}

impl Nodes {
    /// Starts this number of nodes. None where PostgreSQL is not installed, which is said.
    pub(crate) async fn start(count: usize) -> Option<Self> {
        Self::with(count, &[], Bounds::default()).await
    }

    /// [`Nodes::start`], with flags that add to, or replace, those of every test, and with other limits.
    pub(crate) async fn with(count: usize, more: &[&str], bounds: Bounds) -> Option<Self> {
        let database = postgres()?.database().await;
        Some(Self::on(database, count, more, bounds).await)
    }

    async fn on(database: Database, count: usize, more: &[&str], bounds: Bounds) -> Self {
        let more = more.iter().map(|&flag| flag.to_owned()).collect();
        let mut nodes = Self { nodes: Vec::new(), more, bounds, database };
        for _ in 0..count {
            nodes.add().await;
        }
        nodes
    }

    /// From here on, the browser at hand has this cookie at all of them.
    pub(crate) fn be(&mut self, cookie: &str) {
        self.nodes.iter_mut().for_each(|node| node.app.cookie = cookie.to_owned());
    }

    /// Signs up at the first node, as a new browser, which is at hand at all of them from then on. Returns its cookie.
    pub(crate) async fn sign_up(&mut self, name: &str) -> String {
        let first = &mut self.nodes[0].app;
        first.cookie = first.new_cookie().await;
        first.sign_up(name).await;
        let cookie = first.cookie.clone();
        self.be(&cookie);
        cookie
    }

    /// Starts one more, and returns its number.
    pub(crate) async fn add(&mut self) -> usize {
        let mut flags = self.more.clone();
        flags.push(format!("--database-url={}", self.database.url));
        let mut node = Node::start(flags, self.bounds).await;
        if let Some(first) = self.nodes.first() {
            node.app.cookie.clone_from(&first.app.cookie);
        }
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Ends a node without a farewell: the others are those before it, and those behind it with the next smaller number.
    pub(crate) fn kill(&mut self, number: usize) {
        self.nodes.remove(number).kill();
    }

    /// Those that are added later have these flags.
    pub(crate) fn start_with(&mut self, more: &[&str]) {
        self.more = more.iter().map(|&flag| flag.to_owned()).collect();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }
}

/// What has to come within this time.
pub(crate) async fn within<T>(limit: Duration, what: &str, came: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, came).await.unwrap_or_else(|_| panic!("after {limit:?} there is no {what}"))
}

impl Index<usize> for Nodes {
    type Output = Node;

    fn index(&self, number: usize) -> &Node {
        &self.nodes[number]
    }
}

impl IndexMut<usize> for Nodes {
    fn index_mut(&mut self, number: usize) -> &mut Node {
        &mut self.nodes[number]
    }
}

impl Deref for Node {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl DerefMut for Node {
    fn deref_mut(&mut self) -> &mut App {
        &mut self.app
    }
}

impl Node {
    async fn start(flags: Vec<String>, bounds: Bounds) -> Self {
        // Not on the node's runtime: it lives on when the node does not.
        let (folder, upstream) = (Folder::new(), Upstream::start().await);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let (started, start) = oneshot::channel();
        let thread = thread::spawn(move || {
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            let app = runtime.block_on(App::at(folder, upstream, &flags, bounds));
            started.send(app).ok().unwrap();
            // It goes with its sender as well.
            runtime.block_on(ended).ok();
            runtime.shutdown_background();
        });
        let app = start.await.unwrap();
        Self { app, runtime: handle, end: Some(end), thread: Some(thread) }
    }

    /// Its id among the processes that work on the database, as of now.
    pub(crate) fn process(&self) -> String {
        self.app.state.store.process().to_owned()
    }

    /// Stops all of it, between two steps of its tasks.
    pub(crate) async fn pause(&self) -> Paused {
        let (resume, resumed) = mpsc::channel();
        let (stands, stood) = oneshot::channel();
        self.runtime.spawn(async move {
            stands.send(()).ok();
            // It blocks the only thread.
            resumed.recv().ok();
        });
        stood.await.unwrap();
        Paused { _resume: resume }
    }

    /// Ends all of it without a farewell, between two steps of its tasks.
    fn kill(mut self) {
        self.end_thread();
    }

    fn end_thread(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end_thread();
    }
}
