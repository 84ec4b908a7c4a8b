//! Who is where, over all processes: each tells who is with it, and reads who is with others.
//!
//! A process tells again from time to time, so that the people of one that has died are forgotten. No clocks are compared:
//! what is told and read are spans, and the time is Redis'.

use super::{Call, Failure, Kind, Redis, Script, Wake, Wakes};
use crate::server::sync::lock;
use ::redis::{FromRedisValue, Value};
use futures::future::join_all;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::ops::Deref;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Who is with a process is believed this long without being told again ...
const BELIEVED: Duration = Duration::from_secs(60);
/// ... and told again this often.
const TOLD: Duration = Duration::from_secs(20);
/// Rooms that are told and read together.
const AT_ONCE: usize = 200;
/// The time between two rounds: where thousands come to a room at the same time, each node tells and reads it this often, and
/// not for each of them.
const ROUND: Duration = Duration::from_millis(250);
/// Of a room a process tells this many, those who type first: a page names three and counts the rest, and Pusher's own servers
/// have no more members in a channel.
const MOST_TOLD: usize = 100;

pub(super) static PEOPLE: Script = Script::new(include_str!("people.lua"));

/// Somebody who is with this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    pub id: String,
    pub about: String,
    pub since: Duration,
    /// For how much longer it types.
    pub typing: Duration,
}

/// Somebody who is with another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct There {
    pub process: String,
    pub id: String,
    pub about: String,
    pub since: Duration,
    pub typing: Duration,
}

/// The rooms of this process that people are in or that are watched.
pub trait Rooms: Send + Sync + 'static {
    fn names(&self) -> Vec<String>;
    /// Who is in the room here; none where it does not exist.
    fn here(&self, name: &str) -> Option<Vec<Here>>;
    /// Who is in it elsewhere.
    fn there(&self, name: &str, people: Vec<There>);
    /// Another process says something about somebody in the room.
    fn said(&self, name: &str, words: &str);
    /// This process is alone: nobody elsewhere is known.
    fn alone(&self);
}

/// How what is said about somebody begins; else it is the id of a process with news.
const SAID: &str = "said ";

/// Tells and reads who is in some rooms.
pub struct People {
    redis: Redis,
    kind: Kind,
    changed: Mutex<HashSet<String>>,
    /// What is to be said in which room.
    words: Mutex<Vec<(String, String)>>,
    call: Notify,
}

/// Rooms that are joined with those of other processes.
pub struct Joined {
    people: Arc<People>,
    _end: DropGuard,
}

impl People {
    /// Joins these rooms with those of other processes, until the result is dropped.
    pub fn join<R: Rooms>(redis: &Redis, kind: Kind, rooms: &Arc<R>) -> Joined {
        let (changed, words, call) = (Mutex::default(), Mutex::default(), Notify::new());
        let people = Arc::new(Self { redis: redis.clone(), kind, changed, words, call });
        let (wakes, end) = (redis.listen(kind), CancellationToken::new());
        let keeping = keep(Arc::clone(&people), Arc::downgrade(rooms), wakes);
        tokio::spawn(end.clone().run_until_cancelled_owned(keeping));
        Joined { people, _end: end.drop_guard() }
    }

    /// A room is new, is gone, or somebody came, left or types.
    pub fn changed(&self, name: String) {
        lock(&self.changed).insert(name);
        self.call.notify_one();
    }

    /// Says something about somebody to all processes that have the room.
    pub fn say(&self, name: String, words: String) {
        if self.redis.is_joined() {
            lock(&self.words).push((name, words));
            self.call.notify_one();
        }
    }

    async fn send_words(&self) {
        let words = std::mem::take(&mut *lock(&self.words));
        let publish = |(name, words): (String, String)| {
            let channel = self.redis.key(&self.channel(&name));
            Call::command("PUBLISH").arg(channel).arg(format!("{SAID}{words}"))
        };
        // It is about a few seconds, and is not said again.
        self.redis.calls(words.into_iter().map(publish).collect()).await.ok();
    }

    /// Who is in a room that this process does not have.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn look(&self, name: &str) -> Result<Vec<There>, Failure> {
        // Told by no process: nobody's people are changed by it.
        let value = self.redis.call(self.tell("", name, &[])).await?;
        Ok(self.read(value))
    }

    fn channel(&self, name: &str) -> String {
        format!("{}{name}", self.kind.prefix())
    }

    fn tell(&self, process: &str, name: &str, here: &[Here]) -> Call {
        let key = self.redis.key(&self.channel(name));
        let mut call = PEOPLE.call(&[&key]).arg(process);
        call = call.arg(milliseconds(BELIEVED)).arg(&key);
        for one in here {
            call = call.arg(&one.id).arg(&one.about).arg(milliseconds(one.since)).arg(milliseconds(one.typing));
        }
        call
    }

    /// Those who are with processes that live.
    fn read(&self, value: Value) -> Vec<There> {
        let Ok(values) = Vec::<Value>::from_redis_value(value) else { return Vec::new() };
        let dead = self.redis.dead();
        let there = values.chunks_exact(5).filter_map(there);
        there.filter(|one| !dead.contains(&one.process)).collect()
    }

    /// Tells and reads these rooms. What fails is done when Redis is back.
    async fn update<R: Rooms>(&self, rooms: &R, followed: &mut HashSet<String>, names: &[String]) {
        let is_there = |name: &String| rooms.here(name).is_some();
        let (there, gone): (Vec<_>, Vec<_>) = names.iter().cloned().partition(is_there);
        let new: Vec<_> = there.iter().filter(|name| !followed.contains(*name)).cloned().collect();
        join_all(new.iter().map(async |name| self.redis.subscribe(&self.channel(name)).await.ok())).await;
        followed.extend(new);
        let gone: Vec<_> = gone.into_iter().filter(|name| followed.remove(name)).collect();
        gone.iter().for_each(|name| self.redis.unsubscribe(&self.channel(name)));
        let process = self.redis.process();
        let told = |name: &String| self.tell(&process, name, &most(rooms.here(name).unwrap_or_default()));
        let calls = there.iter().chain(&gone).map(told).collect();
        let Ok(answers) = self.redis.calls(calls).await else { return };
        for (name, answer) in there.iter().zip(answers) {
            if let Ok(value) = answer {
                rooms.there(name, self.read(value));
            }
        }
    }
}

impl Deref for Joined {
    type Target = People;

    fn deref(&self) -> &People {
        &self.people
    }
}

/// Runs for as long as it is polled.
async fn keep<R: Rooms>(people: Arc<People>, rooms: Weak<R>, mut wakes: Wakes) {
    let mut followed = HashSet::new();
    let mut again = Instant::now() + TOLD;
    let mut standing = people.redis.standing();
    let mut next = Instant::now();
    loop {
        let mut everything = false;
        let mut woken = None;
        tokio::select! {
            () = people.call.notified() => {}
            wake = wakes.next() => woken = Some(wake),
            changed = standing.changed() => if changed.is_err() { return } else { standing.mark_changed() },
            () = sleep_until(again) => everything = true,
        }
        // What comes meanwhile is in the same round.
        sleep_until(next).await;
        next = Instant::now() + ROUND;
        let Some(rooms) = rooms.upgrade() else { return };
        if standing.has_changed().unwrap_or_default() && !standing.borrow_and_update().joined {
            lock(&people.words).clear();
            rooms.alone();
        }
        let own = people.redis.process();
        let mut changed = std::mem::take(&mut *lock(&people.changed));
        while let Some(wake) = woken.take().or_else(|| wakes.now()) {
            match wake {
                Wake::Message { payload, .. } if payload == own.as_bytes() => {}
                Wake::Message { channel, payload } => match payload.strip_prefix(SAID.as_bytes()) {
                    Some(words) => rooms.said(&channel, &String::from_utf8_lossy(words)),
                    None => drop(changed.insert(channel)),
                },
                Wake::Everything => everything = true,
            }
        }
        if everything {
            changed.extend(rooms.names());
            changed.extend(followed.iter().cloned());
            again = Instant::now() + TOLD;
        }
        // Alone, what has changed is told with everything when this process is joined again.
        if people.redis.is_joined() {
            people.send_words().await;
            let changed: Vec<_> = changed.into_iter().collect();
            for names in changed.chunks(AT_ONCE) {
                people.update(&*rooms, &mut followed, names).await;
            }
        }
    }
}

/// Those of them who are told.
fn most(mut here: Vec<Here>) -> Vec<Here> {
    if MOST_TOLD < here.len() {
        here.sort_by_key(|one| (one.typing.is_zero(), Reverse(one.since)));
        here.truncate(MOST_TOLD);
    }
    here
}

fn there(values: &[Value]) -> Option<There> {
    let text = |index: usize| String::from_redis_value(values[index].clone()).ok();
    let span = |index: usize| Some(Duration::from_millis(u64::from_redis_value(values[index].clone()).ok()?));
    Some(There { process: text(0)?, id: text(1)?, about: text(2)?, since: span(3)?, typing: span(4)? })
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
