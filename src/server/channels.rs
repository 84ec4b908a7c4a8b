//! The open sockets, and the channels that have subscribers.
//!
//! Messages on a channel besides a journal's events (whispers of clients, a backend's messages) are kept briefly in a
//! bounded ring that all subscribers read, each from its own position: no queue per subscriber, as with the journal.
//! Slow subscribers delay no other. A subscriber that falls more than the ring's length behind loses the oldest
//! messages. With Redis, what is said at one node is passed on to those that have subscribers (`shared`).

mod direct;
mod grantee;
mod id;
mod name;
mod shared;
mod sign;

pub use super::channels::sign::PusherApp;
pub use grantee::{Beginning, Grantee};
pub use id::SocketId;
pub use name::{Channel, Name};

use super::backplane::redis::Joined;
use super::outlet::Outlet;
use super::outlet::fan::{Fan, Place};
use super::signal::{Signal, Watcher};
use super::sync::lock;
use crate::error::Problem;
use axum::extract::ws::Utf8Bytes;
use serde_json::Value;
use shared::Passing;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// What a channel keeps for its slowest subscriber: some seconds of whispers ...
const MAX_KEPT: usize = 64;
/// ... and little memory.
const MAX_KEPT_BYTES: usize = 64 << 10;
/// Channels that are not Rivulet's, over all clients: bounds what strangers who know the key can make the server
/// remember.
const MAX_OTHERS: usize = 20_000;

/// All open sockets and their channels.
pub struct Sockets {
    pub app: PusherApp,
    open: Mutex<HashSet<SocketId>>,
    rooms: Mutex<HashMap<Name, Arc<Room>>>,
    /// How often a socket was written to directly with what was said on a channel.
    written: Arc<AtomicU64>,
    /// Never set: this node is alone.
    passing: OnceLock<Passing>,
    joined: OnceLock<Joined>,
}

/// A channel with subscribers.
struct Room {
    name: Name,
    inside: Mutex<Inside>,
    changed: Signal,
    /// Of the subscribers that are written to directly.
    fan: OnceLock<Arc<Fan>>,
}

#[derive(Default)]
struct Inside {
    subscriptions: usize,
    /// Members by a backend's signature; accounts are in the audience.
    people: Vec<(Member, usize)>,
    /// Those at other nodes.
    elsewhere: Vec<Member>,
    said: VecDeque<Arc<ChannelMessage>>,
    bytes: usize,
    /// How many messages were dropped before those that are kept.
    before: u64,
}

/// A member of a presence channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub id: String,
    pub info: Value,
}

/// A message that goes out to all subscribers but one.
pub struct ChannelMessage {
    pub except: Option<SocketId>,
    /// Shared by all of them.
    pub message: Utf8Bytes,
}

/// A channel in a list.
pub struct Occupied {
    pub name: Name,
    pub subscriptions: usize,
}

impl Sockets {
    pub fn new(app: PusherApp) -> Self {
        let (open, rooms, written) = (Mutex::default(), Mutex::default(), Arc::default());
        Self { app, open, rooms, written, passing: OnceLock::new(), joined: OnceLock::new() }
    }

    /// Gives a new socket an id, until the result is dropped.
    pub fn open(self: &Arc<Self>, outlet: Option<Outlet>) -> Result<Open, Problem> {
        let id = SocketId::new(&self.app)?;
        lock(&self.open).insert(id);
        Ok(Open { sockets: Arc::clone(self), id, outlet })
    }

    /// How many sockets are open.
    pub fn count(&self) -> usize {
        lock(&self.open).len()
    }

    /// Publishes on a channel, to its subscribers at all nodes.
    pub fn say(&self, channel: &Name, said: ChannelMessage) {
        if let Some(passing) = self.passing.get() {
            passing.pass_on(channel, &said);
        }
        self.say_here(channel, said);
    }

    /// Publishes on a channel, if it has subscribers here.
    fn say_here(&self, channel: &Name, said: ChannelMessage) {
        let Some(room) = self.room(channel) else { return };
        lock(&room.inside).keep(said);
        room.changed.give();
        room.fan.get().iter().for_each(|fan| fan.call());
    }

    /// How often a socket was written to directly, without being woken.
    pub fn written_directly(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// The channels that have subscribers.
    pub fn occupied(&self) -> Vec<Occupied> {
        let rooms = lock(&self.rooms);
        let mut occupied: Vec<_> = rooms
            .values()
            .map(|room| Occupied { name: room.name.clone(), subscriptions: lock(&room.inside).subscriptions })
            .collect();
        occupied.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        occupied
    }

    pub fn subscriptions(&self, channel: &Name) -> usize {
        self.room(channel).map_or(0, |room| lock(&room.inside).subscriptions)
    }

    /// The members of a presence channel by a backend's signature.
    pub fn people(&self, channel: &Name) -> Vec<Member> {
        self.room(channel).map_or_else(Vec::new, |room| room.people())
    }

    /// Subscribes to messages from now on. `None`: there are too many channels already.
    pub fn enter(self: &Arc<Self>, channel: &Name, person: Option<Member>) -> Option<Listener> {
        let mut rooms = lock(&self.rooms);
        let is_new = !rooms.contains_key(channel);
        if is_new && channel.channel() == Channel::Other && MAX_OTHERS <= rooms.len() {
            return None;
        }
        let new = || {
            let (name, changed) = (channel.clone(), Signal::default());
            Arc::new(Room { name, inside: Mutex::default(), changed, fan: OnceLock::new() })
        };
        let room = Arc::clone(rooms.entry(channel.clone()).or_insert_with(new));
        let mut inside = lock(&room.inside);
        inside.subscriptions += 1;
        if let Some(person) = &person {
            inside.welcome(person);
        }
        let seen = inside.before + inside.said.len() as u64;
        drop(inside);
        drop(rooms);
        room.changed.give();
        self.tell(channel, is_new || person.is_some());
        let changed = room.changed.watcher();
        let person = person.map(|person| person.id);
        Some(Listener { sockets: Arc::clone(self), room, changed, seen, person, place: None })
    }

    fn room(&self, channel: &Name) -> Option<Arc<Room>> {
        lock(&self.rooms).get(channel).map(Arc::clone)
    }
}

impl Inside {
    fn welcome(&mut self, person: &Member) {
        match self.people.iter_mut().find(|(known, _)| known.id == person.id) {
            Some((_, connections)) => *connections += 1,
            None => self.people.push((person.clone(), 1)),
        }
    }

    fn part_from(&mut self, id: &str) {
        let Some(index) = self.people.iter().position(|(known, _)| known.id == id) else { return };
        self.people[index].1 -= 1;
        if self.people[index].1 == 0 {
            self.people.remove(index);
        }
    }

    fn keep(&mut self, said: ChannelMessage) {
        self.bytes += said.message.len();
        self.said.push_back(Arc::new(said));
        // The newest stays, however long it is.
        while MAX_KEPT < self.said.len() || MAX_KEPT_BYTES < self.bytes && 1 < self.said.len() {
            let Some(oldest) = self.said.pop_front() else { return };
            self.bytes -= oldest.message.len();
            self.before += 1;
        }
    }
}

impl Room {
    fn people(&self) -> Vec<Member> {
        let inside = lock(&self.inside);
        let mut people: Vec<_> = inside.people.iter().map(|(person, _)| person.clone()).collect();
        let others = inside.elsewhere.iter().filter(|other| !inside.people.iter().any(|(one, _)| one.id == other.id));
        people.extend(others.cloned());
        people
    }
}

/// An open socket. Dropping it removes it.
pub struct Open {
    sockets: Arc<Sockets>,
    pub id: SocketId,
    /// Its connection, where it may be written to directly.
    pub outlet: Option<Outlet>,
}

impl Drop for Open {
    fn drop(&mut self) {
        lock(&self.sockets.open).remove(&self.id);
    }
}

/// A subscriber's position on a channel. Dropping it unsubscribes.
pub struct Listener {
    sockets: Arc<Sockets>,
    room: Arc<Room>,
    changed: Watcher,
    /// How many messages it has read.
    seen: u64,
    person: Option<String>,
    place: Option<Place>,
}

impl Listener {
    /// The messages since the last call.
    pub fn said(&mut self) -> Vec<Arc<ChannelMessage>> {
        // Before the check, so that no wake-up is lost.
        self.changed.see();
        let inside = lock(&self.room.inside);
        let skip = self.seen.saturating_sub(inside.before) as usize;
        self.seen = inside.before + inside.said.len() as u64;
        inside.said.iter().skip(skip).cloned().collect()
    }

    pub fn people(&self) -> Vec<Member> {
        self.room.people()
    }

    /// Completes when there is a message, or members came or left. Cancel-safe.
    pub async fn changed(&mut self) {
        if self.place.is_some() {
            return self.more().await;
        }
        self.changed.next().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut rooms = lock(&self.sockets.rooms);
        let mut inside = lock(&self.room.inside);
        inside.subscriptions -= 1;
        if let Some(person) = &self.person {
            inside.part_from(person);
        }
        let is_last = inside.subscriptions == 0;
        drop(inside);
        if is_last {
            rooms.remove(&self.room.name);
            // While nobody can come, so that who does is subscribed after this.
            self.sockets.leave(&self.room.name);
        }
        drop(rooms);
        self.room.changed.give();
        self.sockets.tell(&self.room.name, is_last || self.person.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets() -> Arc<Sockets> {
        Arc::new(Sockets::new(PusherApp::new("app", "key", "secret")))
    }

    fn say(sockets: &Sockets, channel: &Name, message: &str) {
        sockets.say(channel, ChannelMessage { except: None, message: message.into() });
    }

    #[test]
    fn what_is_said_is_heard_once_and_kept_for_a_moment_only() {
        let (sockets, name) = (sockets(), Name::parse("orders").unwrap());
        say(&sockets, &name, "before anybody came");
        let mut listener = sockets.enter(&name, None).unwrap();
        assert!(listener.said().is_empty());
        say(&sockets, &name, "one");
        let mut late = sockets.enter(&name, None).unwrap();
        say(&sockets, &name, "two");
        let heard =
            |listener: &mut Listener| listener.said().iter().map(|said| said.message.clone()).collect::<Vec<_>>();
        assert_eq!(heard(&mut listener), ["one", "two"]);
        assert_eq!(heard(&mut late), ["two"]);
        assert!(listener.said().is_empty());
        for count in 0..200 {
            say(&sockets, &name, &format!("{count} {}", "x".repeat(9_000)));
        }
        let rest = heard(&mut listener);
        assert!((5..=MAX_KEPT).contains(&rest.len()), "{}", rest.len());
        assert!(rest.last().unwrap().starts_with("199 "), "the newest are kept");
        assert_eq!(sockets.subscriptions(&name), 2);
        drop((listener, late));
        assert!(sockets.occupied().is_empty(), "nothing is left of a channel without subscribers");
    }

    #[test]
    fn somebody_is_there_once_however_often() {
        let (sockets, name) = (sockets(), Name::parse("presence-room").unwrap());
        let person = |id: &str| Some(Member { id: id.into(), info: Value::Null });
        let ids = || sockets.people(&name).into_iter().map(|person| person.id).collect::<Vec<_>>();
        let first = sockets.enter(&name, person("1")).unwrap();
        let second = sockets.enter(&name, person("1")).unwrap();
        let other = sockets.enter(&name, person("2")).unwrap();
        assert_eq!(ids(), ["1", "2"]);
        drop(first);
        assert_eq!(ids(), ["1", "2"]);
        drop(second);
        assert_eq!(ids(), ["2"]);
        drop(other);
        assert!(ids().is_empty());
    }

    #[test]
    fn strangers_cannot_fill_the_memory_with_channels() {
        let sockets = sockets();
        let enter = |count: usize| sockets.enter(&Name::parse(&format!("c{count}")).unwrap(), None);
        let held: Vec<_> = (0..MAX_OTHERS).map_while(enter).collect();
        assert_eq!(held.len(), MAX_OTHERS);
        assert!(enter(MAX_OTHERS).is_none());
        let ours = format!("private-conversations.{}", crate::model::ConversationId::new());
        assert!(sockets.enter(&Name::parse(&ours).unwrap(), None).is_some());
    }
}
