//! The content of `/metrics`: counters, and gauges that are read when it is asked for. No user text.

mod histogram;

use histogram::Histogram;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Seconds: from a local model's first token to the longest silence that is waited for.
const FIRST_TOKEN: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0];
/// Seconds: pieces are merged over 20 ms, and a provider that is silent for 120 s has failed.
const GAP: [f64; 11] = [0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 10.0, 30.0, 120.0];
/// Seconds: a quick disk, a slow one, a locked file.
const CHECKPOINT: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0];

/// Seconds: on this machine, in this network, on a busy server, and what counts as none.
const REDIS: [f64; 10] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0];

/// A counter for each value of one label.
type ByLabel = Family<[(&'static str, &'static str); 1], Counter>;

/// What is counted where it happens.
pub struct Metrics {
    pub first_token: Histogram,
    pub token_gap: Histogram,
    pub checkpoint: Histogram,
    pub checkpoint_failures: Counter,
    pub backup_failures: Counter,
    pub accept_failures: Counter,
    /// 1 while joined to the other nodes by Redis.
    pub redis_joined: Gauge,
    /// How often Redis was lost.
    pub redis_losses: Counter,
    pub redis_call: Histogram,
    replies: ByLabel,
    provider_errors: ByLabel,
    refused: ByLabel,
    panics: ByLabel,
    gauges: Gauges,
    registry: Registry,
}

/// Gauges, read at each request.
#[derive(Default)]
pub struct Readings {
    pub open_replies: usize,
    pub stateless_answers: usize,
    pub unsaved_replies: usize,
    pub followers: usize,
    pub sockets: usize,
    pub journals: usize,
    pub journal_entries: usize,
    pub journal_bytes: usize,
    /// The id of this process, where several nodes work on the database.
    pub node: Option<String>,
}

/// The [`Readings`] as they are registered.
#[derive(Default)]
struct Gauges {
    open_replies: Gauge,
    stateless_answers: Gauge,
    unsaved_replies: Gauge,
    followers: Gauge,
    sockets: Gauge,
    journals: Gauge,
    journal_entries: Gauge,
    journal_bytes: Gauge,
    node: Family<[(&'static str, String); 1], Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            first_token: Histogram::new(&FIRST_TOKEN),
            token_gap: Histogram::new(&GAP),
            checkpoint: Histogram::new(&CHECKPOINT),
            checkpoint_failures: Counter::default(),
            backup_failures: Counter::default(),
            accept_failures: Counter::default(),
            redis_joined: Gauge::default(),
            redis_losses: Counter::default(),
            redis_call: Histogram::new(&REDIS),
            replies: ByLabel::default(),
            provider_errors: ByLabel::default(),
            refused: ByLabel::default(),
            panics: ByLabel::default(),
            gauges: Gauges::default(),
            registry: Registry::with_prefix("rivulet"),
        };
        metrics.register_times();
        metrics.register_counts();
        metrics.register_gauges();
        metrics
    }
}

impl Metrics {
    /// A reply has ended, as `done`, `stopped`, `interrupted` or `failed`.
    pub fn reply(&self, ending: &'static str) {
        self.replies.get_or_create(&[("ending", ending)]).inc();
    }

    /// A provider has failed a reply; `kind` is the kind of the error event.
    pub fn provider_error(&self, kind: &'static str) {
        self.provider_errors.get_or_create(&[("kind", kind)]).inc();
    }

    /// A caller met a limit: `sends`, `replies`, `streams`, `tokens`, `guests`, `uploads`, `exports` or `searches` of an
    /// account or network; `capacity`, `memory` or `connections` of the server.
    pub fn refused(&self, limit: &'static str) {
        self.refused.get_or_create(&[("limit", limit)]).inc();
    }

    /// A `request`, a `reply` or a round of a loop panicked, and only that ended.
    pub fn panic(&self, task: &'static str) {
        self.panics.get_or_create(&[("task", task)]).inc();
    }

    /// All metrics in Prometheus' text format (OpenMetrics 1.0). `readings` are the gauges at this moment.
    pub fn text(&self, readings: &Readings) -> String {
        let read = |gauge: &Gauge, count: usize| gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        read(&self.gauges.open_replies, readings.open_replies);
        read(&self.gauges.stateless_answers, readings.stateless_answers);
        read(&self.gauges.unsaved_replies, readings.unsaved_replies);
        read(&self.gauges.followers, readings.followers);
        read(&self.gauges.sockets, readings.sockets);
        read(&self.gauges.journals, readings.journals);
        read(&self.gauges.journal_entries, readings.journal_entries);
        read(&self.gauges.journal_bytes, readings.journal_bytes);
        self.gauges.node.clear();
        if let Some(node) = &readings.node {
            self.gauges.node.get_or_create(&[("process", node.clone())]).set(1);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String takes everything");
        text
    }

    fn register_times(&mut self) {
        let mut time = |name: &str, help: &str, histogram: &Histogram| {
            self.registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        };
        time("first_token", "From the start of a reply to its first text or thinking", &self.first_token);
        let gap = "Between two pieces of a reply as its viewers get them: merged over 20 ms";
        time("token_gap", gap, &self.token_gap);
        let checkpoint = "One write of what all open replies have so far, its wait for a turn included";
        time("checkpoint", checkpoint, &self.checkpoint);
        time("redis_call", "One request to Redis, until its answer", &self.redis_call);
    }

    fn register_counts(&mut self) {
        let mut family = |name: &str, help: &str, counts: &ByLabel| self.registry.register(name, help, counts.clone());
        family("replies", "Replies by ending: done, stopped, interrupted, failed", &self.replies);
        let errors = "Replies and stateless answers that failed at the provider, retries included, by kind";
        family("provider_errors", errors, &self.provider_errors);
        family(
            "refused",
            "Refused by limit: sends, replies, streams, tokens, guests, uploads, exports, searches and test streams of an account or network, capacity (open replies), memory (of journals) and connections in all",
            &self.refused,
        );
        family("panics", "Bugs that ended one request, one reply or one round of a loop, by task", &self.panics);
        let mut count = |name: &str, help: &str, count: &Counter| self.registry.register(name, help, count.clone());
        count("checkpoint_failures", "Checkpoints that the store did not take", &self.checkpoint_failures);
        count(
            "backup_failures",
            "Scheduled backups that could not be made; each is tried again",
            &self.backup_failures,
        );
        let accept = "Connections that could not be accepted: no file descriptors left, mostly";
        count("accept_failures", accept, &self.accept_failures);
        let losses = "How often Redis went away and this node went on alone";
        count("redis_losses", losses, &self.redis_losses);
    }

    fn register_gauges(&mut self) {
        let mut gauge = |name: &str, help: &str, gauge: &Gauge| self.registry.register(name, help, gauge.clone());
        let gauges = &self.gauges;
        gauge("open_replies", "Replies in conversations that are being written", &gauges.open_replies);
        gauge("stateless_answers", "Answers to POST /chat/stream that are running", &gauges.stateless_answers);
        gauge("unsaved_replies", "Ended replies whose end is not written yet", &gauges.unsaved_replies);
        gauge("followers", "Open streams of viewers: tabs and programs", &gauges.followers);
        gauge("sockets", "Open WebSockets of Pusher clients", &gauges.sockets);
        gauge("journals", "Journals in memory, one per conversation or list", &gauges.journals);
        gauge("journal_entries", "Events in all journals", &gauges.journal_entries);
        gauge("redis_joined", "1 while this node shares limits and live text with others by Redis", &self.redis_joined);
        gauge("journal_bytes", "Memory that all journals take, as estimated for their limit", &gauges.journal_bytes);
        let node = "1 for this process by its id, where several work on one database of PostgreSQL";
        self.registry.register("node", node, gauges.node.clone());
    }
}
