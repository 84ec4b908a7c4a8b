//! The logs in Redis: for each topic a stream and a hash about it, changed by scripts, so that each step is done or not.

use super::call::{self, Call, Failure};
use super::code::{decode, encode, name, topic};
use super::{Kind, Redis, Script, Wake, Wakes};
use crate::event::Cursor;
use crate::model::MessageId;
use crate::server::backplane::{self, Append, Backplane, Down, Fence, Look, OpenReply, Placed, Topic, Turn, What};
use ::redis::{FromRedisValue, Value, from_redis_value};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

pub(super) static APPEND: Script = Script::new(include_str!("append.lua"));
pub(super) static LOOK: Script = Script::new(include_str!("look.lua"));
pub(super) static FENCE: Script = Script::new(include_str!("fence.lua"));
pub(super) static START_OVER: Script = Script::new(include_str!("start_over.lua"));

/// A log that nobody writes to or looks at is kept for so long at least: its epoch is what cursors rest on.
const SHORTEST_WINDOW: Duration = Duration::from_secs(60);

/// The logs of this server's conversations and lists.
pub struct Logs {
    redis: Redis,
    window: Duration,
    joined: watch::Sender<bool>,
}

/// Where a topic is in Redis.
struct Keys {
    meta: String,
    log: String,
    turn: String,
    life: String,
    cancel: String,
    channel: String,
}

impl Logs {
    /// `window`: how long an event can still be read after it happened.
    pub fn new(redis: Redis, window: Duration) -> Arc<Self> {
        let joined = watch::Sender::new(redis.is_joined());
        let logs = Arc::new(Self { redis, window: window.max(SHORTEST_WINDOW), joined });
        tokio::spawn(stand(Arc::downgrade(&logs), logs.redis.standing()));
        logs
    }

    fn keys(&self, topic: Topic) -> Keys {
        let (name, key) = (name(topic), |name: String| self.redis.key(&name));
        let cancel = match topic {
            Topic::Conversation(id) => format!("cancel:{id}"),
            Topic::Account(id) => format!("cancel:{id}"),
        };
        Keys {
            meta: key(format!("{name}:m")),
            log: key(format!("{name}:l")),
            turn: key(format!("{name}:t")),
            life: key("life".into()),
            cancel,
            channel: key(name),
        }
    }

    /// Runs a script that begins with the life, again where another life was meant.
    async fn run(&self, make: impl Fn(&str) -> Call) -> Result<Vec<Value>, NotRun> {
        for _ in 0..2 {
            let answer = self.redis.call(make(&self.redis.life())).await.map_err(|failure| self.failed(failure))?;
            let answer: Vec<Value> = read(answer)?;
            if !is_of_another_life(&answer) {
                return Ok(answer);
            }
            self.redis.learn_life().await.map_err(|failure| self.failed(failure))?;
        }
        Err(NotRun::Down)
    }

    /// Takes note of a full memory.
    fn failed(&self, failure: Failure) -> NotRun {
        match failure {
            Failure::Refused(words) if call::is_full(&words) => {
                self.redis.refused();
                NotRun::Full
            }
            failure => down(failure).into(),
        }
    }

    fn look_call(&self, life: &str, topic: Topic, known: Option<Cursor>) -> Call {
        let keys = self.keys(topic);
        let (epoch, seq) = position(known);
        let call = LOOK.call(&[&keys.meta, &keys.log, &keys.life]).arg(life).arg(fresh());
        call.arg(self.window_ms()).arg(epoch).arg(seq)
    }

    fn window_ms(&self) -> u64 {
        self.window.as_millis() as u64
    }

    fn append_call(&self, life: &str, topic: Topic, batch: &Append) -> Call {
        let keys = self.keys(topic);
        let (epoch, seq) = position(batch.known);
        let Mode { mode, owner, reply, batch: number, expected } = mode(&batch.what);
        let call = APPEND.call(&[&keys.meta, &keys.log, &keys.turn, &keys.life, &keys.cancel]);
        let call = call.arg(life).arg(fresh()).arg(self.window_ms()).arg(epoch).arg(seq).arg(batch.floor);
        let call = call.arg(&keys.channel).arg(mode).arg(owner).arg(reply).arg(number).arg(expected);
        let call = call.arg(batch.turn.as_deref().unwrap_or_default());
        batch.events.iter().fold(call, |call, event| call.arg(encode(event)))
    }
}

/// Passes on whether this process is joined.
async fn stand(logs: std::sync::Weak<Logs>, mut standing: watch::Receiver<super::Standing>) {
    loop {
        let is_joined = standing.borrow_and_update().joined;
        {
            let Some(logs) = logs.upgrade() else { return };
            logs.joined.send_if_modified(|joined| std::mem::replace(joined, is_joined) != is_joined);
        }
        if standing.changed().await.is_err() {
            return;
        }
    }
}

/// Why a script has not run.
enum NotRun {
    /// The memory is full: nothing was written.
    Full,
    Down,
}

impl From<Down> for NotRun {
    fn from(Down: Down) -> Self {
        Self::Down
    }
}

impl From<NotRun> for Down {
    fn from(_: NotRun) -> Self {
        Self
    }
}

/// What an append says besides its events.
struct Mode<'a> {
    mode: &'static str,
    owner: &'a str,
    reply: String,
    batch: u64,
    expected: String,
}

fn mode(what: &What) -> Mode<'_> {
    let none = |mode| Mode { mode, owner: "", reply: String::new(), batch: 0, expected: String::new() };
    match what {
        What::Plain => none("plain"),
        What::Quiet => none("quiet"),
        What::Gone => none("gone"),
        What::Open { reply, owner } => Mode { owner, reply: reply.to_string(), ..none("open") },
        What::Reopen { reply, owner } => Mode { owner, reply: reply.to_string(), ..none("reopen") },
        What::Pieces { reply, owner, epoch, batch } => {
            Mode { mode: "piece", owner, reply: reply.to_string(), batch: *batch, expected: epoch.to_string() }
        }
        What::End { reply, owner, epoch, batch } => {
            Mode { mode: "end", owner, reply: reply.to_string(), batch: *batch, expected: epoch.to_string() }
        }
    }
}

/// Numbers of Lua end at 2^53: an epoch is text there.
fn fresh() -> String {
    ((uuid::Uuid::new_v4().as_u128() >> 64) as u64).to_string()
}

fn position(known: Option<Cursor>) -> (String, u64) {
    known.map_or((String::new(), 0), |known| (known.epoch.to_string(), known.seq))
}

fn down(failure: Failure) -> Down {
    if let Failure::Refused(why) = failure {
        tracing::error!(why, "Redis does not take what this server tells");
    }
    Down
}

fn read<T: FromRedisValue>(value: Value) -> Result<T, Down> {
    from_redis_value(value).map_err(|error| {
        tracing::error!(%error, "Redis answers what no script of this server does");
        Down
    })
}

fn is_of_another_life(answer: &[Value]) -> bool {
    matches!(answer.first(), Some(Value::BulkString(word)) if word == b"life")
}

/// The numbers behind an answer's first word: epoch, last, and so on.
fn numbers<const N: usize>(answer: &[Value]) -> Result<[u64; N], Down> {
    let mut found = [0; N];
    for (index, number) in found.iter_mut().enumerate() {
        *number = read(answer.get(index + 1).cloned().unwrap_or(Value::Nil))?;
    }
    Ok(found)
}

fn placed(answer: &[Value]) -> Result<Placed, Down> {
    let word: String = read(answer.first().cloned().unwrap_or(Value::Nil))?;
    let at = || numbers::<2>(answer).map(|[epoch, seq]| Cursor { epoch, seq });
    Ok(match word.as_str() {
        "ok" => Placed::At { last: at()?, cancel: false },
        "cancel" => Placed::At { last: at()?, cancel: true },
        "again" => Placed::Again { last: at()?, first: numbers::<3>(answer)?[2] },
        "open" => {
            let reply: String = read(answer.get(1).cloned().unwrap_or(Value::Nil))?;
            Placed::Open(reply.parse().map_err(|_| Down)?)
        }
        "fenced" => Placed::Fenced,
        "lost" => Placed::Lost,
        "late" => Placed::Late,
        _ => return Err(Down),
    })
}

fn looked(answer: &[Value]) -> Result<Look, Down> {
    let [epoch, seq] = numbers(answer)?;
    let text = |index: usize| read::<String>(answer.get(index).cloned().unwrap_or(Value::Nil));
    let (reply, owner) = (text(3)?, text(4)?);
    let first: u64 = read(answer.get(5).cloned().unwrap_or(Value::Nil))?;
    let open = (!reply.is_empty()).then(|| Some(OpenReply { reply: reply.parse().ok()?, owner, first })).flatten();
    let entries: Vec<(String, Vec<Vec<u8>>)> = read(answer.get(6).cloned().unwrap_or(Value::Nil))?;
    let entry = |(id, fields): (String, Vec<Vec<u8>>)| {
        let seq = id.split_once('-')?.0.parse().ok()?;
        Some((seq, decode(fields.get(1)?)?))
    };
    // What cannot be read is as good as gone: the mirror starts over behind it.
    let events = entries.into_iter().filter_map(entry).collect();
    Ok(Look { cursor: Cursor { epoch, seq }, open, events })
}

impl Backplane for Logs {
    fn append(&self, topic: Topic, batch: Append) -> BoxFuture<'_, Result<Placed, Down>> {
        async move {
            match self.run(|life| self.append_call(life, topic, &batch)).await {
                Ok(answer) => placed(&answer),
                Err(NotRun::Full) => Ok(Placed::Full),
                Err(NotRun::Down) => Err(Down),
            }
        }
        .boxed()
    }

    fn look(&self, topics: Vec<(Topic, Option<Cursor>)>) -> BoxFuture<'_, Result<Vec<Option<Look>>, Down>> {
        async move {
            for _ in 0..2 {
                let life = self.redis.life();
                let calls = topics.iter().map(|(topic, known)| self.look_call(&life, *topic, *known)).collect();
                let answers = self.redis.calls(calls).await.map_err(down)?;
                let answers = answers
                    .into_iter()
                    .map(|answer| read::<Vec<Value>>(answer.map_err(|failure| self.failed(failure)).ok()?).ok());
                let answers: Vec<Option<Vec<Value>>> = answers.collect();
                if !answers.iter().flatten().any(|answer| is_of_another_life(answer)) {
                    return Ok(answers.iter().map(|answer| looked(answer.as_ref()?).ok()).collect());
                }
                self.redis.learn_life().await.map_err(down)?;
            }
            Err(Down)
        }
        .boxed()
    }

    fn fence(&self, topic: Topic, reply: MessageId, owner: String) -> BoxFuture<'_, Result<Option<Fence>, Down>> {
        async move {
            let keys = self.keys(topic);
            let call = |life: &str| FENCE.call(&[&keys.meta, &keys.life]).arg(life).arg(&owner).arg(reply.to_string());
            let answer = self.run(call).await?;
            if read::<String>(answer.first().cloned().unwrap_or(Value::Nil))? != "ok" {
                return Ok(None);
            }
            let [epoch, seq, first] = numbers(&answer)?;
            Ok(Some(Fence { end: Cursor { epoch, seq }, first }))
        }
        .boxed()
    }

    fn start_over(&self, topic: Topic) -> BoxFuture<'_, Result<bool, Down>> {
        async move {
            let keys = self.keys(topic);
            let call = |life: &str| {
                let call = START_OVER.call(&[&keys.meta, &keys.log, &keys.life]).arg(life).arg(fresh());
                call.arg(self.window_ms()).arg(&keys.channel)
            };
            let answer = self.run(call).await?;
            Ok(read::<String>(answer.first().cloned().unwrap_or(Value::Nil))? == "ok")
        }
        .boxed()
    }

    fn turn(&self, topic: Topic) -> BoxFuture<'_, Result<Box<dyn Turn>, Down>> {
        async move {
            let turn = self.redis.turn(&name(topic)).await.map_err(|failure| {
                tracing::warn!(%failure, ?topic, "A turn is gone on without");
                Down
            })?;
            Ok(Box::new(turn) as Box<dyn Turn>)
        }
        .boxed()
    }

    fn follow(&self, topic: Topic) -> BoxFuture<'_, Result<(), Down>> {
        async move { self.redis.subscribe(&name(topic)).await.map_err(down) }.boxed()
    }

    fn leave(&self, topic: Topic) {
        self.redis.unsubscribe(&name(topic));
    }

    fn wakes(&self) -> mpsc::UnboundedReceiver<backplane::Wake> {
        let (heard, wakes) = mpsc::unbounded_channel();
        tokio::spawn(hear(self.redis.listen(Kind::Topic), heard));
        wakes
    }

    fn joined(&self) -> watch::Receiver<bool> {
        self.joined.subscribe()
    }

    fn is_refusing(&self) -> bool {
        self.redis.is_refusing()
    }

    fn is_short(&self) -> bool {
        self.redis.is_short()
    }
}

impl Turn for super::Turn {
    fn value(&self) -> &str {
        Self::value(self)
    }
}

/// Hands on what is heard of topics. Bounded by the queue before it and the number of topics: the reader only notes what
/// there is to look at.
async fn hear(mut wakes: Wakes, heard: mpsc::UnboundedSender<backplane::Wake>) {
    loop {
        let wake = match wakes.next().await {
            Wake::Everything => Some(backplane::Wake::Everything),
            Wake::Message { channel, payload } => grown(&channel, &payload),
        };
        if wake.is_some_and(|wake| heard.send(wake).is_err()) {
            return;
        }
    }
}

fn grown(channel: &str, payload: &[u8]) -> Option<backplane::Wake> {
    let (epoch, seq) = std::str::from_utf8(payload).ok()?.split_once(':')?;
    let cursor = Cursor { epoch: epoch.parse().ok()?, seq: seq.parse().ok()? };
    Some(backplane::Wake::Topic(topic(channel)?, cursor))
}
