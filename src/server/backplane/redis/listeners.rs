//! Who in this process hears what is published.
//!
//! Each listener has a bounded queue. One that does not keep up is told so in one word: everything may have changed.

use crate::server::sync::lock;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};
use tokio::sync::Notify;

/// A listener that is behind by more looks at everything anew.
const MOST: usize = 8_192;
/// How a request to stop begins on the channel of a process.
pub(super) const STOP: &str = "stop:";
/// The channel that every process hears, and how it begins that a process is dead.
pub(super) const EVERYBODY: &str = "n:";
pub(super) const DEAD: &str = "dead:";
/// What a process publishes to itself, to know that it hears.
pub(super) const PING: &str = "ping";

/// What something is published about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The log of a topic has grown. The channel is the topic: `{c:…}`.
    Topic,
    /// A reply of this process is to end. The payload is its id.
    Stop,
    /// Who looks at a conversation has changed. The channel is its id.
    People,
    /// The members of a Pusher channel have changed. The channel is its name.
    Members,
    /// Something was said on a Pusher channel. The channel is its name.
    Said,
}

impl Kind {
    /// How its channels begin.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Topic => "",
            Self::Stop => "n:",
            Self::People => "p:",
            Self::Members => "q:",
            Self::Said => "say:",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wake {
    Message {
        channel: String,
        payload: Vec<u8>,
    },
    /// Something may have been missed.
    Everything,
}

/// All listeners of this process.
#[derive(Default)]
pub(super) struct Listeners(Mutex<Vec<(Kind, Weak<Queue>)>>);

#[derive(Default)]
struct Queue {
    inside: Mutex<Inside>,
    changed: Notify,
}

#[derive(Default)]
struct Inside {
    wakes: VecDeque<Wake>,
    everything: bool,
}

/// What one listener hears.
pub struct Wakes(Arc<Queue>);

/// What a channel is about, by its name without the prefix; none for the channel of a process.
fn parts(channel: &str) -> Option<(Kind, &str)> {
    if channel.starts_with('{') {
        return Some((Kind::Topic, channel));
    }
    let kinds = [Kind::People, Kind::Members, Kind::Said].into_iter();
    kinds.filter_map(|kind| Some((kind, channel.strip_prefix(kind.prefix())?))).next()
}

impl Listeners {
    pub(super) fn add(&self, kind: Kind) -> Wakes {
        let queue = Arc::<Queue>::default();
        let mut all = lock(&self.0);
        all.retain(|(_, queue)| queue.strong_count() != 0);
        all.push((kind, Arc::downgrade(&queue)));
        Wakes(queue)
    }

    /// Hands on what was published on a channel, its name without the prefix.
    pub(super) fn hear(&self, channel: &str, payload: Vec<u8>) {
        if let Some((kind, name)) = parts(channel) {
            return self.tell(kind, &Wake::Message { channel: name.into(), payload });
        }
        if let Some(reply) = payload.strip_prefix(STOP.as_bytes()) {
            self.tell(Kind::Stop, &Wake::Message { channel: channel.into(), payload: reply.to_vec() });
        }
    }

    pub(super) fn tell(&self, kind: Kind, wake: &Wake) {
        let all = lock(&self.0);
        let queues = all.iter().filter(|(other, _)| *other == kind).filter_map(|(_, queue)| queue.upgrade());
        queues.for_each(|queue| queue.push(wake.clone()));
    }

    /// Tells all of them that they may have missed something.
    pub(super) fn everything(&self) {
        let all = lock(&self.0);
        all.iter().filter_map(|(_, queue)| queue.upgrade()).for_each(|queue| queue.push(Wake::Everything));
    }
}

impl Queue {
    fn push(&self, wake: Wake) {
        let mut inside = lock(&self.inside);
        if wake == Wake::Everything || MOST <= inside.wakes.len() {
            inside.wakes.clear();
            inside.everything = true;
        } else {
            inside.wakes.push_back(wake);
        }
        drop(inside);
        self.changed.notify_one();
    }
}

impl Wakes {
    /// Waits for the next. Cancel-safe.
    pub async fn next(&mut self) -> Wake {
        loop {
            if let Some(wake) = self.now() {
                return wake;
            }
            self.0.changed.notified().await;
        }
    }

    /// The next, if there is one.
    pub fn now(&mut self) -> Option<Wake> {
        let mut inside = lock(&self.0.inside);
        if std::mem::take(&mut inside.everything) {
            return Some(Wake::Everything);
        }
        inside.wakes.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(channel: &str, payload: &str) -> Wake {
        Wake::Message { channel: channel.into(), payload: payload.into() }
    }

    #[tokio::test]
    async fn a_listener_hears_its_kind_in_order() {
        let listeners = Listeners::default();
        let (mut topics, mut stops) = (listeners.add(Kind::Topic), listeners.add(Kind::Stop));
        listeners.hear("{c:1}", b"7:1".to_vec());
        listeners.hear("n:me", b"ping".to_vec());
        listeners.hear("n:me", b"stop:abc".to_vec());
        listeners.hear("{c:1}", b"7:2".to_vec());
        assert_eq!(topics.next().await, message("{c:1}", "7:1"));
        assert_eq!(topics.next().await, message("{c:1}", "7:2"));
        assert_eq!(stops.next().await, message("n:me", "abc"));
        assert_eq!((topics.now(), stops.now()), (None, None));
    }

    #[tokio::test]
    async fn a_listener_that_is_far_behind_looks_at_everything() {
        let listeners = Listeners::default();
        let mut people = listeners.add(Kind::People);
        for _ in 0..=MOST {
            listeners.hear("p:1", Vec::new());
        }
        listeners.hear("p:2", Vec::new());
        assert_eq!(people.next().await, Wake::Everything);
        assert_eq!(people.next().await, message("2", ""));
        assert_eq!(people.now(), None);
    }
}
