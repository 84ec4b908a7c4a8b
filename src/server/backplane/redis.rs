//! Redis, as this process is connected to it: two connections, one for commands and one for what is published.
//!
//! A process is *joined* to the others or *alone*. It is alone as soon as Redis does not answer for 1.2 seconds, and joined
//! again after answers have come for two seconds. Alone, every call fails at once, so that nobody waits for a Redis that
//! is away; what then holds is the caller's to know.
//!
//! `life` is a random word in Redis that goes with the server's run: whatever was counted or numbered under another life
//! is void. `heart` keeps the connection for commands and says who is joined, `pushes` keeps the other one.

mod address;
mod call;
mod code;
mod echo;
mod heart;
mod life;
mod line;
mod listeners;
mod logs;
mod people;
mod pushes;
mod rates;
mod room;
mod script;
mod server;
mod turn;

pub use address::RedisUrl;
pub use call::{Call, Failure};
pub use line::Standing;
pub use listeners::{Kind, Wake, Wakes};
pub use logs::Logs;
pub use people::{Here, Joined, People, Rooms, There};
pub use rates::{PLACES_ARE_TOLD, Rate, Tried, Tries};
pub use script::Script;
pub use server::{Server, look};
pub use turn::Turn;

use super::super::metrics::Metrics;
use crate::model::{ConversationId, MessageId};
use crate::server::sync::lock;
use ::redis::Value;
use heart::NotConnected;
use line::Line;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Without an answer for this long, Redis counts as away. More than a second, so that a stall of nearly a second is none.
pub const PATIENCE: Duration = Duration::from_millis(1_200);
/// What is said of it then.
const SILENT: &str = "no answer for 1.2 seconds";
/// The start waits for Redis this long, and then goes on alone.
const START: Duration = Duration::from_secs(2);
/// A stop is remembered for this long, for the owner that does not hear it: it writes at least once a second.
const STOP_IS_KEPT: Duration = Duration::from_secs(60);

/// The scripts that are loaded with each connection.
static SCRIPTS: &[&Script] = &[
    &logs::APPEND,
    &logs::LOOK,
    &logs::FENCE,
    &logs::START_OVER,
    &rates::RATE,
    &rates::TRIES,
    &rates::PLACE,
    &turn::RELEASE,
    &turn::RENEW,
    &people::PEOPLE,
];

/// Where Redis is, and how its keys begin.
#[derive(Clone, Debug)]
pub struct Options {
    pub url: RedisUrl,
    pub prefix: String,
}

impl Options {
    /// Channels are those of all databases of a server, so the number of another one than the first is in each name.
    fn with_number(mut self) -> Self {
        if let number @ 1.. = self.url.number() {
            self.prefix = format!("{}{number}:", self.prefix);
        }
        self
    }
}

/// Tells the id of this process, which may become another one (`store/presence`).
pub type Process = Arc<dyn Fn() -> String + Send + Sync>;

/// The connections to Redis. Cheap to clone; they are closed with the last clone.
#[derive(Clone)]
pub struct Redis(Arc<Handle>);

struct Handle {
    line: Arc<Line>,
    _end: DropGuard,
}

impl Redis {
    /// Connects. Where Redis cannot be reached, this process begins alone, and it is tried on.
    ///
    /// # Errors
    /// A sentence: Redis answers, and is of no use.
    pub async fn start(options: Options, process: Process, metrics: Arc<Metrics>) -> anyhow::Result<Self> {
        let (line, asks) = Line::new(options, process, metrics);
        let line = Arc::new(line);
        let first = match heart::connect(&line).await {
            Ok(link) => Some(link),
            Err(NotConnected::Unfit(why)) => anyhow::bail!("REDIS_URL: {why}"),
            Err(NotConnected::Unreachable(why)) => {
                tracing::warn!(why, "Redis cannot be reached: this server begins alone");
                None
            }
        };
        let is_connected = first.is_some();
        let url = line.options.url.clone();
        tokio::spawn(async move {
            let server = look(&url).await;
            server.iter().flat_map(Server::advice).for_each(|advice| tracing::warn!("{advice}"));
        });
        let end = CancellationToken::new();
        tokio::spawn(end.clone().run_until_cancelled_owned(pushes::keep(Arc::clone(&line), asks)));
        tokio::spawn(end.clone().run_until_cancelled_owned(heart::keep(Arc::clone(&line), first)));
        let redis = Self(Arc::new(Handle { line, _end: end.drop_guard() }));
        if is_connected {
            let mut standing = redis.standing();
            timeout(START, standing.wait_for(|standing| standing.joined)).await.ok();
        }
        Ok(redis)
    }

    /// The id of this process.
    pub fn process(&self) -> String {
        (self.0.line.process)()
    }

    /// A process is dead: what it held and who was with it counts no more. The other processes are told.
    pub fn bury(&self, process: &str) {
        if self.0.line.bury(process) {
            let (redis, words) = (self.clone(), format!("{}{process}", listeners::DEAD));
            // Who does not hear it finds it out, or lets it expire.
            tokio::spawn(async move { redis.publish(listeners::EVERYBODY, words.as_bytes()).await.ok() });
        }
    }

    /// The processes of which nothing counts any more.
    pub(crate) fn dead(&self) -> Vec<String> {
        lock(&self.0.line.dead).iter().map(|(process, _)| process.clone()).collect()
    }

    /// A key or a channel with this server's prefix.
    pub fn key(&self, name: &str) -> String {
        self.0.line.key(name)
    }

    /// The life of what Redis has, as far as it is known here. Scripts compare it with what is there.
    pub fn life(&self) -> Arc<str> {
        self.0.line.life()
    }

    /// Asks for the life: a script found another one than it was called with.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn learn_life(&self) -> Result<Arc<str>, Failure> {
        let link = self.0.line.link()?;
        self.0.line.learn(&link).await?;
        Ok(self.0.line.life())
    }

    /// Runs one script or command.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn call(&self, call: Call) -> Result<Value, Failure> {
        let link = self.0.line.link()?;
        self.0.line.call(&link, call).await
    }

    /// Runs several in the order in which they are here, many of them sent at once.
    ///
    /// # Errors
    /// Redis is away. What it refuses is told for each.
    pub async fn calls(&self, calls: Vec<Call>) -> Result<Vec<Result<Value, Failure>>, Failure> {
        let link = self.0.line.link()?;
        self.0.line.calls(&link, calls).await
    }

    /// Publishes to all processes that listen to the channel.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn publish(&self, channel: &str, payload: &[u8]) -> Result<(), Failure> {
        self.call(Call::command("PUBLISH").arg(self.key(channel)).arg(payload)).await.map(drop)
    }

    /// Whether this process and the others share what they know.
    pub fn is_joined(&self) -> bool {
        self.0.line.standing.borrow().joined
    }

    /// Whether it is joined, and when that changes.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.0.line.standing.subscribe()
    }

    /// It has refused something because its memory is full.
    fn refused(&self) {
        self.0.line.room.refused();
    }

    /// Whether its memory was full a moment before.
    pub fn is_refusing(&self) -> bool {
        self.0.line.room.refuses()
    }

    /// Whether so much of its memory is used that no further reply is to be opened.
    pub fn is_short(&self) -> bool {
        self.0.line.room.is_short()
    }

    /// Whether what is published is not heard, although Redis answers.
    pub fn is_deaf(&self) -> bool {
        self.0.line.echo.is_deaf()
    }

    /// What is published of this kind, from now on.
    pub fn listen(&self, kind: Kind) -> Wakes {
        self.0.line.listeners.add(kind)
    }

    /// Subscribes to a channel, also after each loss of the connection, until [`Redis::unsubscribe`]. When it returns,
    /// Redis has confirmed it.
    ///
    /// # Errors
    /// Redis is away, or has not confirmed it in time. It will be subscribed to when Redis is back; then there is
    /// [`Wake::Everything`].
    pub async fn subscribe(&self, channel: &str) -> Result<(), Failure> {
        pushes::subscribe(&self.0.line, channel).await
    }

    pub fn unsubscribe(&self, channel: &str) {
        pushes::unsubscribe(&self.0.line, channel);
    }

    /// Asks the process that writes a reply to end it: at once where it listens, with its next piece where it does not.
    /// What makes it sure is what the store has; so there is no error.
    pub async fn stop(&self, conversation: ConversationId, reply: MessageId, owner: &str) {
        let (key, reply) = (format!("cancel:{conversation}"), reply.to_string());
        let milliseconds = STOP_IS_KEPT.as_millis() as u64;
        let note = Call::command("SET").arg(key).arg(&reply).arg("PX").arg(milliseconds);
        let channel = self.key(&format!("n:{owner}"));
        let call = Call::command("PUBLISH").arg(channel).arg(format!("{}{reply}", listeners::STOP));
        if let Err(failure) = self.calls(vec![note, call]).await {
            tracing::debug!(%failure, "The owner of a reply was not told of its stop, and reads it from the database");
        }
    }
}
