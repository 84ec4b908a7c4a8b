//! What the parts of the connection share: the link, the standing, and how a request is answered on it.

use super::call::{self, Call, Failure};
use super::echo::{Ask, Echo};
use super::listeners::{Kind, Listeners, Wake};
use super::room::Room;
use super::{Options, PATIENCE, Process, SCRIPTS};
use crate::server::metrics::Metrics;
use crate::server::sync::lock;
use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, Pipeline, RedisError, Value, cmd};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Calls that are sent together: what others ask on the same connection waits behind them.
const AT_ONCE: usize = 200;

/// By then all that a dead process has told has expired.
const REMEMBERED: Duration = Duration::from_secs(120);

/// Whether this process is joined to the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub joined: bool,
    /// How often that has changed: no change is missed by comparing it.
    pub changes: u64,
}

pub(super) struct Line {
    pub(super) options: Options,
    pub(super) process: Process,
    pub(super) link: Mutex<Option<Link>>,
    pub(super) life: Mutex<Arc<str>>,
    pub(super) standing: watch::Sender<Standing>,
    /// Why the link was lost, the last time.
    pub(super) why: Mutex<String>,
    /// Processes that have been declared dead, and since when.
    pub(super) dead: Mutex<Vec<(String, Instant)>>,
    pub(super) listeners: Listeners,
    pub(super) echo: Echo,
    pub(super) asks: mpsc::UnboundedSender<Ask>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) room: Room,
}

/// A connection for commands, until it is over.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) connection: MultiplexedConnection,
    pub(super) over: CancellationToken,
}

impl Line {
    pub(super) fn new(
        options: Options,
        process: Process,
        metrics: Arc<Metrics>,
    ) -> (Self, mpsc::UnboundedReceiver<Ask>) {
        let (asks, asked) = mpsc::unbounded_channel();
        let options = options.with_number();
        let line = Self {
            options,
            process,
            link: Mutex::default(),
            life: Mutex::new("".into()),
            standing: watch::Sender::new(Standing::default()),
            why: Mutex::default(),
            dead: Mutex::default(),
            listeners: Listeners::default(),
            echo: Echo::default(),
            asks,
            metrics,
            room: Room::default(),
        };
        (line, asked)
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.options.prefix)
    }

    /// The link, while this process is joined.
    pub(super) fn link(&self) -> Result<Link, Failure> {
        if !self.standing.borrow().joined {
            return Err(Failure::Away);
        }
        lock(&self.link).clone().ok_or(Failure::Away)
    }

    /// This process is joined from here on, if the link is not over.
    pub(super) fn join(&self, link: &Link) {
        let current = lock(&self.link);
        if link.over.is_cancelled() || current.is_none() {
            return;
        }
        let is_new = self.standing.send_if_modified(|standing| {
            let is_new = !standing.joined;
            standing.changes += u64::from(is_new);
            standing.joined = true;
            is_new
        });
        drop(current);
        if is_new {
            self.metrics.redis_joined.set(1);
            tracing::info!(redis = self.options.url.shown(), "Joined by Redis");
            self.listeners.everything();
        }
    }

    /// The link is over, and this process alone from here on.
    pub(super) fn lose(&self, link: &Link, why: &str) {
        if !link.over.is_cancelled() {
            why.clone_into(&mut lock(&self.why));
        }
        link.over.cancel();
        let mut current = lock(&self.link);
        // Another one may have taken its place.
        if current.as_ref().is_some_and(|current| !current.over.is_cancelled()) {
            return;
        }
        *current = None;
        let was_joined = self.standing.send_if_modified(|standing| {
            let was_joined = standing.joined;
            standing.changes += u64::from(was_joined);
            standing.joined = false;
            was_joined
        });
        if was_joined {
            self.metrics.redis_joined.set(0);
            self.metrics.redis_losses.inc();
            tracing::warn!(why, "Redis is away: this server goes on alone, and its limits are its own");
        }
    }

    /// A process is dead. `false`: that is known.
    pub(super) fn bury(&self, process: &str) -> bool {
        let mut dead = lock(&self.dead);
        dead.retain(|(_, since)| since.elapsed() < REMEMBERED);
        if dead.iter().any(|(known, _)| known == process) {
            return false;
        }
        dead.push((process.to_owned(), Instant::now()));
        drop(dead);
        self.listeners.tell(Kind::People, &Wake::Everything);
        self.listeners.tell(Kind::Members, &Wake::Everything);
        true
    }

    /// One command without a script.
    pub(super) async fn ask(&self, link: &Link, command: &Cmd) -> Result<Value, Failure> {
        let mut connection = link.connection.clone();
        let value = self.answered(link, connection.send_packed_command(command)).await?;
        let answer = call::answer(value);
        match call::as_good_as_none(&answer) {
            Some(words) => {
                self.lose(link, words);
                Err(Failure::Away)
            }
            None => answer,
        }
    }

    /// Several commands without scripts, sent at once.
    pub(super) async fn ask_all(
        &self,
        link: &Link,
        commands: &Pipeline,
        count: usize,
    ) -> Result<Vec<Result<Value, Failure>>, Failure> {
        let mut connection = link.connection.clone();
        let values = self.answered(link, connection.send_packed_commands(commands, 0, count)).await?;
        let answers: Vec<_> = values.into_iter().map(call::answer).collect();
        if answers.len() != count {
            let why = "it answers otherwise than it was asked";
            self.lose(link, why);
            return Err(Failure::Away);
        }
        match answers.iter().find_map(call::as_good_as_none) {
            Some(words) => {
                self.lose(link, words);
                Err(Failure::Away)
            }
            None => Ok(answers),
        }
    }

    /// Waits for the answer, for as long as it may take.
    async fn answered<T>(&self, link: &Link, asked: impl Future<Output = Result<T, RedisError>>) -> Result<T, Failure> {
        let since = Instant::now();
        let why = tokio::select! {
            biased;
            answer = timeout(PATIENCE, asked) => match answer {
                Ok(Ok(answer)) => {
                    self.metrics.redis_call.observe(since.elapsed());
                    return Ok(answer);
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => super::SILENT.into(),
            },
            () = link.over.cancelled() => "the connection was closed".into(),
        };
        self.lose(link, &why);
        Err(Failure::Away)
    }

    /// One script or command. A script that the server does not know is loaded, and called once more.
    pub(super) async fn call(&self, link: &Link, call: Call) -> Result<Value, Failure> {
        let answer = self.ask(link, &call.0).await;
        if !call::is_unknown_script(&answer) {
            return answer;
        }
        self.load(link).await?;
        self.ask(link, &call.0).await
    }

    /// Several of them. Each part of them has the time that one request has.
    pub(super) async fn calls(&self, link: &Link, calls: Vec<Call>) -> Result<Vec<Result<Value, Failure>>, Failure> {
        let mut answers = Vec::with_capacity(calls.len());
        for calls in calls.chunks(AT_ONCE) {
            answers.extend(self.part(link, calls).await?);
        }
        Ok(answers)
    }

    async fn part(&self, link: &Link, calls: &[Call]) -> Result<Vec<Result<Value, Failure>>, Failure> {
        let mut pipeline = Pipeline::with_capacity(calls.len());
        for call in calls {
            pipeline.add_command(call.0.clone());
        }
        let mut answers = self.ask_all(link, &pipeline, calls.len()).await?;
        let unknown: Vec<_> = (0..calls.len()).filter(|index| call::is_unknown_script(&answers[*index])).collect();
        if unknown.is_empty() {
            return Ok(answers);
        }
        self.load(link).await?;
        let mut again = Pipeline::with_capacity(unknown.len());
        for index in &unknown {
            again.add_command(calls[*index].0.clone());
        }
        let answered = self.ask_all(link, &again, unknown.len()).await?;
        for (index, answer) in unknown.into_iter().zip(answered) {
            answers[index] = answer;
        }
        Ok(answers)
    }

    /// The server may be another one, so first its life is asked for; then all scripts are loaded.
    pub(super) async fn load(&self, link: &Link) -> Result<(), Failure> {
        self.learn(link).await?;
        for script in SCRIPTS {
            let mut load = cmd("SCRIPT");
            load.arg("LOAD").arg(script.text);
            self.ask(link, &load).await?;
        }
        Ok(())
    }
}
