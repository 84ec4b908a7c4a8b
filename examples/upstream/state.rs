//! The scripts to come and the requests that came.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout},
};

use super::{
    format::{self, Format},
    http::Request,
    images::{self, Image},
    script::Script,
    wire::Turn,
};

/// Requests beyond this many are forgotten, the oldest first: a long benchmark must not fill the memory.
const MAX_SEEN: usize = 10_000;

/// Long enough for any test that will succeed, short enough to tell what happened before the test's own time is up.
const WAIT_LIMIT: Duration = Duration::from_secs(15);

/// One request, and what became of it so far.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Seen {
    pub(crate) format: Format,
    pub(crate) path: String,
    /// All of them, names in lower case, keys not hidden.
    pub(crate) headers: BTreeMap<String, String>,
    /// Null if it was not JSON.
    pub(crate) body: Value,
    /// The images in it, in their order.
    pub(crate) images: Vec<Image>,
    /// Since the upstream started.
    pub(crate) started_ms: u64,
    /// Pieces of thinking written so far.
    pub(crate) thinking: usize,
    /// Pieces of text written so far.
    pub(crate) pieces: usize,
    /// The text of these pieces.
    pub(crate) text: String,
    /// None while it is being answered.
    pub(crate) ended: Option<Ended>,
    /// Since the request started.
    pub(crate) ended_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ended {
    /// Everything was written.
    Completed,
    /// An error was written, as a status or as an event.
    Failed,
    /// The body ended properly, but too early.
    Cut,
    /// The socket was closed in the middle of the body.
    Reset,
    /// The client closed the connection while it was being answered.
    ClosedByClient,
}

/// The handle to one request's record, which outlives [`State::reset`].
pub(super) struct Entry {
    seen: Mutex<Seen>,
    started: Instant,
}

pub(crate) struct State {
    scripts: Mutex<Scripts>,
    /// What Ollama would say it has.
    models: Mutex<Vec<String>>,
    entries: Mutex<VecDeque<Arc<Entry>>>,
    /// Counts requests, for their ids.
    arrived: Mutex<usize>,
    /// Each lets one answer go on that holds.
    goes: Semaphore,
    changed: watch::Sender<()>,
    started: Instant,
}

#[derive(Default)]
struct Scripts {
    default: Script,
    queue: VecDeque<Script>,
}

/// What was waited for did not happen; this did.
#[derive(Debug)]
pub(crate) struct NotYet {
    seen: Vec<Seen>,
}

impl fmt::Display for NotYet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "It did not happen within {WAIT_LIMIT:?}. Seen: {:#?}", self.seen)
    }
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            scripts: Mutex::default(),
            models: Mutex::default(),
            entries: Mutex::default(),
            arrived: Mutex::default(),
            goes: Semaphore::new(0),
            changed: watch::Sender::new(()),
            started: Instant::now(),
        }
    }

    /// Sets what to answer when the queue is empty.
    pub(crate) fn script(&self, script: Script) {
        lock(&self.scripts).default = script;
    }

    /// Adds what to answer once, or `times` times.
    pub(crate) fn push(&self, script: Script) {
        lock(&self.scripts).queue.push_back(script);
    }

    /// Sets which models there are, where a format can be asked that.
    pub(crate) fn has(&self, models: &[&str]) {
        *lock(&self.models) = models.iter().map(|model| (*model).to_owned()).collect();
    }

    pub(super) fn models(&self) -> Vec<String> {
        lock(&self.models).clone()
    }

    /// Every request since the start or the last reset, in the order of arrival.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.entries).iter().map(|entry| lock(&entry.seen).clone()).collect()
    }

    /// Lets one answer go on that holds, or the next that would.
    pub(crate) fn go(&self) {
        self.goes.add_permits(1);
    }

    pub(super) async fn told_to_go(&self) {
        self.goes.acquire().await.expect("nobody closes it").forget();
    }

    /// Forgets requests, scripts, and who may go on. Answers under way go on.
    pub(crate) fn reset(&self) {
        self.goes.forget_permits(Semaphore::MAX_PERMITS);
        *lock(&self.scripts) = Scripts::default();
        lock(&self.entries).clear();
    }

    /// Waits until `count` requests have arrived.
    pub(crate) async fn arrived(&self, count: usize) -> Result<(), NotYet> {
        self.until(count, |_| true).await
    }

    /// Waits until `count` requests have ended, however.
    pub(crate) async fn ended(&self, count: usize) -> Result<(), NotYet> {
        self.until(count, |seen| seen.ended.is_some()).await
    }

    /// Waits until the client has closed the connection of `count` requests that were being answered.
    pub(crate) async fn closed(&self, count: usize) -> Result<(), NotYet> {
        self.until(count, |seen| seen.ended == Some(Ended::ClosedByClient)).await
    }

    /// Waits until `count` requests are as wanted.
    pub(crate) async fn until(&self, count: usize, wanted: impl Fn(&Seen) -> bool) -> Result<(), NotYet> {
        // Subscribed before counting: a change in between then wakes us.
        let mut changes = self.changed.subscribe();
        let enough = async {
            while self.count(&wanted) < count {
                changes.changed().await.expect("the sender lives as long as the state");
            }
        };
        timeout(WAIT_LIMIT, enough).await.map_err(|_| NotYet { seen: self.seen() })
    }

    fn count(&self, wanted: impl Fn(&Seen) -> bool) -> usize {
        lock(&self.entries).iter().filter(|entry| wanted(&lock(&entry.seen))).count()
    }

    /// Records a request and decides what to answer.
    pub(super) fn arrive(&self, format: Format, request: Request) -> (Turn, Arc<Entry>) {
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let script = match format::objection(format, &request, &body) {
            Some(objection) => Script::refusal(objection),
            None => self.choose(format, &body),
        };
        let turn = Turn::new(format, script, self.next_id(), &request.path, &body);
        let entry = self.record(format, request, body);
        self.notify();
        (turn, entry)
    }

    fn choose(&self, format: Format, body: &Value) -> Script {
        match format.asked(body).as_deref().and_then(Script::in_message) {
            None => lock(&self.scripts).next(),
            Some(Err(error)) => Script::refusal(format!("the script in the message is wrong: {error}")),
            Some(Ok(script)) => match script.times {
                Some(times) if self.count(|seen| seen.format == format && seen.body == *body) >= times => {
                    script.healthy()
                }
                _ => script,
            },
        }
    }

    fn next_id(&self) -> usize {
        let mut arrived = lock(&self.arrived);
        *arrived += 1;
        *arrived
    }

    fn record(&self, format: Format, request: Request, body: Value) -> Arc<Entry> {
        let started = Instant::now();
        let seen = Seen {
            format,
            images: images::of(format, &body),
            path: request.path,
            headers: request.headers,
            body,
            started_ms: millis(started - self.started),
            thinking: 0,
            pieces: 0,
            text: String::new(),
            ended: None,
            ended_ms: None,
        };
        let entry = Arc::new(Entry { seen: Mutex::new(seen), started });
        let mut entries = lock(&self.entries);
        if entries.len() == MAX_SEEN {
            entries.pop_front();
        }
        entries.push_back(Arc::clone(&entry));
        entry
    }

    pub(super) fn thought(&self, entry: &Entry) {
        lock(&entry.seen).thinking += 1;
        self.notify();
    }

    pub(super) fn wrote(&self, entry: &Entry, text: &str) {
        let mut seen = lock(&entry.seen);
        seen.pieces += 1;
        seen.text.push_str(text);
        drop(seen);
        self.notify();
    }

    pub(super) fn finish(&self, entry: &Entry, ended: Ended) {
        let mut seen = lock(&entry.seen);
        seen.ended = Some(ended);
        seen.ended_ms = Some(millis(entry.started.elapsed()));
        drop(seen);
        self.notify();
    }

    fn notify(&self) {
        // There is one change per piece and usually no waiter: counting is cheaper than notifying.
        if self.changed.receiver_count() > 0 {
            self.changed.send_replace(());
        }
    }
}

impl Scripts {
    fn next(&mut self) -> Script {
        let Some(first) = self.queue.front_mut() else {
            return self.default.clone();
        };
        if let Some(times @ 2..) = &mut first.times {
            *times -= 1;
            return first.clone();
        }
        self.queue.pop_front().unwrap_or_default()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding a lock")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
