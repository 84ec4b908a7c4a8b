//! Channels over all nodes: what is said is passed on, and the members that a backend has signed for are those of all.

use super::{ChannelMessage, Member, Name, SocketId, Sockets};
use crate::server::backplane::redis::{Call, Here, Kind, People, Redis, Rooms, There, Wake, Wakes};
use crate::server::channels::PusherApp;
use crate::server::sync::lock;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Messages that wait to be passed on. Where more are said than Redis takes, the newest reach this node alone: the protocol
/// promises none of them.
const MOST_WAITING: usize = 4_096;
/// Messages that are sent together.
const AT_ONCE: usize = 64;

/// Passes on what is said at this node.
pub(super) struct Passing {
    redis: Redis,
    /// What its messages begin with: those that come back from Redis have been heard here.
    name: String,
    waiting: mpsc::Sender<(String, Vec<u8>)>,
    _end: DropGuard,
}

impl Sockets {
    /// The sockets of this node, whose channels are those of all nodes where there is Redis.
    pub fn shared(app: PusherApp, redis: Option<&Redis>) -> Arc<Self> {
        let sockets = Arc::new(Self::new(app));
        if let Some(redis) = redis {
            let (waiting, said) = mpsc::channel(MOST_WAITING);
            let end = CancellationToken::new();
            tokio::spawn(end.clone().run_until_cancelled_owned(pass_on(redis.clone(), said)));
            let name = uuid::Uuid::new_v4().to_string();
            let hearing = hear(Arc::downgrade(&sockets), name.clone(), redis.listen(Kind::Said));
            tokio::spawn(end.clone().run_until_cancelled_owned(hearing));
            let passing = Passing { redis: redis.clone(), name, waiting, _end: end.drop_guard() };
            // They are the first to be set.
            sockets.passing.set(passing).ok();
            sockets.joined.set(People::join(redis, Kind::Members, &sockets)).ok();
        }
        sockets
    }

    /// Waits until what others say on the channel is heard here, for a bounded time.
    pub async fn hear_others(&self, channel: &Name) {
        if let Some(passing) = self.passing.get() {
            // Alone, it is subscribed to when this node is joined again.
            passing.redis.subscribe(&said_on(channel)).await.ok();
        }
    }

    /// Nobody here listens to the channel any more.
    pub(super) fn leave(&self, channel: &Name) {
        if let Some(passing) = self.passing.get() {
            passing.redis.unsubscribe(&said_on(channel));
        }
    }

    /// Tells other nodes that a channel's members have changed here.
    pub(super) fn tell(&self, channel: &Name, is_news: bool) {
        if is_news
            && has_members(channel)
            && let Some(joined) = self.joined.get()
        {
            joined.changed(channel.as_str().to_owned());
        }
    }

    /// [`Sockets::people`], also where nobody at this node has subscribed.
    pub async fn people_anywhere(&self, channel: &Name) -> Vec<Member> {
        let (None, true, Some(joined)) = (self.room(channel), has_members(channel), self.joined.get()) else {
            return self.people(channel);
        };
        members(&joined.look(channel.as_str()).await.unwrap_or_default())
    }
}

/// Whether it has members that a backend signs for; those of a conversation are its audience, and most of them.
fn has_members(channel: &Name) -> bool {
    channel.is_presence()
}

fn said_on(channel: &Name) -> String {
    format!("{}{}", Kind::Said.prefix(), channel.as_str())
}

impl Passing {
    /// Passes a message on, after those before it.
    pub(super) fn pass_on(&self, channel: &Name, said: &ChannelMessage) {
        let except = said.except.map(|socket| socket.to_string()).unwrap_or_default();
        let payload = format!("{}\n{except}\n{}", self.name, said.message.as_str());
        if self.redis.is_joined() && self.waiting.try_send((said_on(channel), payload.into_bytes())).is_err() {
            tracing::debug!("More is said on channels than Redis takes; the rest reaches this node alone");
        }
    }
}

async fn pass_on(redis: Redis, mut said: mpsc::Receiver<(String, Vec<u8>)>) {
    let mut waiting = Vec::new();
    while said.recv_many(&mut waiting, AT_ONCE).await != 0 {
        let publish =
            |(channel, payload): (String, Vec<u8>)| Call::command("PUBLISH").arg(redis.key(&channel)).arg(payload);
        let calls = waiting.drain(..).map(publish).collect();
        // The protocol promises nothing, and the subscribers of this node have it.
        redis.calls(calls).await.ok();
    }
}

/// Hands on what is said at other nodes.
async fn hear(sockets: Weak<Sockets>, own: String, mut wakes: Wakes) {
    loop {
        let Wake::Message { channel, payload } = wakes.next().await else { continue };
        let Some(sockets) = sockets.upgrade() else { return };
        let Some(channel) = Name::parse(&channel) else { continue };
        let Ok(text) = String::from_utf8(payload) else { continue };
        let mut parts = text.splitn(3, '\n');
        let (Some(name), Some(except), Some(message)) = (parts.next(), parts.next(), parts.next()) else { continue };
        if name != own {
            let except = SocketId::parse(except, &sockets.app);
            sockets.say_here(&channel, ChannelMessage { except, message: message.into() });
        }
    }
}

impl Rooms for Sockets {
    fn names(&self) -> Vec<String> {
        lock(&self.rooms).keys().filter(|name| has_members(name)).map(|name| name.as_str().to_owned()).collect()
    }

    fn here(&self, name: &str) -> Option<Vec<Here>> {
        let room = self.room(&Name::parse(name)?)?;
        let here = |member: &Member| Here {
            id: member.id.clone(),
            about: member.info.to_string(),
            since: Duration::ZERO,
            typing: Duration::ZERO,
        };
        Some(lock(&room.inside).people.iter().map(|(member, _)| here(member)).collect())
    }

    fn there(&self, name: &str, people: Vec<There>) {
        let Some(room) = Name::parse(name).and_then(|name| self.room(&name)) else { return };
        let others = members(&people);
        let mut inside = lock(&room.inside);
        let is_news = inside.elsewhere != others;
        inside.elsewhere = others;
        drop(inside);
        if is_news {
            room.changed.give();
        }
    }

    fn said(&self, _name: &str, _words: &str) {}

    fn alone(&self) {
        self.names().iter().for_each(|name| self.there(name, Vec::new()));
    }
}

/// Each once, in an order that does not depend on who tells it.
fn members(people: &[There]) -> Vec<Member> {
    let by_id: HashMap<_, _> = people.iter().map(|one| (one.id.as_str(), one)).collect();
    let mut members: Vec<_> = by_id
        .into_values()
        .filter_map(|one| Some(Member { id: one.id.clone(), info: serde_json::from_str(&one.about).ok()? }))
        .collect();
    members.sort_by(|one, other| one.id.cmp(&other.id));
    members
}
