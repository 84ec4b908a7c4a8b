//! What is said once and goes to many connections.
//!
//! A fan belongs to one log and one encoding. It has its viewers in shards, and each shard is written to by one task: no
//! wake-up for each viewer, and the bytes are made once for all in a shard that are at the same place. A viewer that is not
//! ready is left to its own task, which reads on from its cursor: no queue, here either.

use super::Outlet;
use crate::server::sync::lock;
use bytes::Bytes;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Viewers of one shard: all of them are written to in about a quarter of a millisecond, in which their worker does nothing
/// else.
const SHARD: usize = 64;

/// A log as the bytes of one encoding.
pub trait Source: Send + Sync {
    /// What comes after `seq`.
    fn after(&self, seq: u64) -> Next;
}

/// What comes next for a viewer.
#[derive(Clone)]
pub enum Next {
    Nothing,
    /// These bytes, after which it has seen everything up to `seq`.
    Bytes {
        bytes: Bytes,
        seq: u64,
    },
    /// Something that its task has to read itself.
    Other,
}

/// The viewers of one log in one encoding.
pub struct Fan {
    source: Box<dyn Source>,
    /// How often a viewer was written to directly.
    written: Arc<AtomicU64>,
    shards: Mutex<Vec<Arc<Shard>>>,
}

#[derive(Default)]
struct Shard {
    seats: Mutex<Vec<Arc<Seat>>>,
    /// How often it was to be written to since its task last began. While it is not 0 there is such a task.
    calls: AtomicUsize,
}

/// What has to hold for a viewer to be written to.
pub type Still = Box<dyn Fn() -> bool + Send + Sync>;

struct Seat {
    outlet: Outlet,
    still: Still,
    at: Mutex<At>,
    /// The viewer's task has to read on.
    called: Notify,
}

struct At {
    seq: u64,
    /// Whether it is written to directly. Otherwise its task reads.
    is_direct: bool,
    written: Option<Instant>,
}

/// A viewer's place in a fan. Dropped, it is given up: nothing is written directly from then on.
pub struct Place {
    fan: Arc<Fan>,
    shard: Arc<Shard>,
    seat: Arc<Seat>,
}

impl Fan {
    /// `written` counts the direct writes.
    pub fn new(source: impl Source + 'static, written: &Arc<AtomicU64>) -> Arc<Self> {
        let written = Arc::clone(written);
        Arc::new(Self { source: Box::new(source), written, shards: Mutex::default() })
    }

    /// A place for a viewer who has seen everything up to `seq`. Its task reads until [`Place::rest`].
    pub fn enter(self: &Arc<Self>, outlet: Outlet, still: Still, seq: u64) -> Place {
        let at = Mutex::new(At { seq, is_direct: false, written: None });
        let seat = Arc::new(Seat { outlet, still, at, called: Notify::new() });
        let mut shards = lock(&self.shards);
        let shard = match shards.iter().rev().find(|shard| lock(&shard.seats).len() < SHARD) {
            Some(shard) => Arc::clone(shard),
            None => {
                shards.push(Arc::default());
                Arc::clone(&shards[shards.len() - 1])
            }
        };
        lock(&shard.seats).push(Arc::clone(&seat));
        Place { fan: Arc::clone(self), shard, seat }
    }

    /// Something was added to the log.
    pub fn call(self: &Arc<Self>) {
        for shard in lock(&self.shards).iter() {
            // A task that has begun sees what was added before it begins again.
            if shard.calls.fetch_add(1, Ordering::AcqRel) == 0 {
                tokio::spawn(Arc::clone(self).serve(Arc::clone(shard)));
            }
        }
    }

    async fn serve(self: Arc<Self>, shard: Arc<Shard>) {
        loop {
            let calls = shard.calls.load(Ordering::Acquire);
            let unfinished = Unfinished(&shard);
            self.write(&shard);
            std::mem::forget(unfinished);
            if shard.calls.fetch_sub(calls, Ordering::AcqRel) == calls {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Writes what is new to all viewers of the shard.
    fn write(&self, shard: &Shard) {
        let (now, mut last, mut count) = (Instant::now(), None, 0);
        let seats = lock(&shard.seats).clone();
        for seat in seats {
            let mut at = lock(&seat.at);
            let seq = at.seq;
            let (_, next) = match &last {
                Some(found @ (of, _)) if *of == seq => found,
                _ => &*last.insert((seq, self.source.after(seq))),
            };
            match next {
                Next::Nothing if at.is_direct => {}
                Next::Bytes { bytes, seq } if at.is_direct && (seat.still)() && seat.outlet.write(bytes) => {
                    at.seq = *seq;
                    at.written = Some(now);
                    count += 1;
                }
                _ => {
                    at.is_direct = false;
                    seat.called.notify_one();
                }
            }
        }
        self.written.fetch_add(count, Ordering::Relaxed);
    }
}

/// A pass over a shard. Dropped by a panic in it: the viewers read for themselves, and the next call begins a new task.
struct Unfinished<'a>(&'a Shard);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.calls.store(0, Ordering::Release);
        for seat in lock(&self.0.seats).iter() {
            lock(&seat.at).is_direct = false;
            seat.called.notify_one();
        }
    }
}

impl Place {
    /// Nothing is written directly from here on, until [`Self::rest`]. Returns how far the viewer has been written to.
    pub fn take_over(&self) -> u64 {
        let mut at = lock(&self.seat.at);
        at.is_direct = false;
        at.seq
    }

    /// From here on the viewer, who has seen everything up to `seq`, is written to directly. To be followed by a look at the
    /// log: what was added before is not.
    pub fn rest(&self, seq: u64) {
        let mut at = lock(&self.seat.at);
        (at.seq, at.is_direct) = (seq, true);
    }

    /// As [`Self::rest`], once the connection's task has flushed what it has to write.
    pub fn rest_once_flushed(&self, seq: u64) {
        self.seat.outlet.hold();
        self.rest(seq);
    }

    /// Completes when the viewer's task has to look. Cancel-safe.
    pub async fn called(&self) {
        self.seat.called.notified().await;
    }

    /// When the viewer was last written to directly.
    pub fn written(&self) -> Option<Instant> {
        lock(&self.seat.at).written
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.take_over();
        let mut shards = lock(&self.fan.shards);
        let mut seats = lock(&self.shard.seats);
        if let Some(index) = seats.iter().position(|seat| Arc::ptr_eq(seat, &self.seat)) {
            seats.swap_remove(index);
        }
        if seats.is_empty() {
            shards.retain(|shard| !Arc::ptr_eq(shard, &self.shard));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::outlet::Line;
    use crate::server::outlet::tests::connection;
    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A log of numbers, each in one byte.
    struct Numbers(Arc<AtomicUsize>);

    impl Source for Numbers {
        fn after(&self, seq: u64) -> Next {
            match self.0.load(Ordering::SeqCst) as u64 {
                last if last <= seq => Next::Nothing,
                seq => Next::Bytes { bytes: Bytes::from(vec![b'n']), seq },
            }
        }
    }

    fn numbers() -> (Arc<AtomicUsize>, Arc<Fan>) {
        let last = Arc::new(AtomicUsize::new(0));
        (Arc::clone(&last), Fan::new(Numbers(last), &Arc::default()))
    }

    #[tokio::test]
    async fn who_waits_is_written_to_without_being_called() {
        let (last, fan) = numbers();
        let mut viewers = Vec::new();
        for _ in 0..2 * SHARD + 1 {
            let (outlet, far) = connection().await;
            viewers.push((fan.enter(outlet, Box::new(|| true), 0), far));
        }
        viewers.iter().for_each(|(place, _)| place.rest(0));
        last.store(1, Ordering::SeqCst);
        fan.call();
        for (place, far) in &mut viewers {
            assert_eq!(far.read_u8().await.unwrap(), b'n');
            assert!(place.called().now_or_never().is_none());
            assert_eq!(place.take_over(), 1);
            assert!(place.written().is_some());
        }
        assert_eq!(lock(&fan.shards).len(), 3);
        drop(viewers);
        assert_eq!(lock(&fan.shards).len(), 0, "nothing is left of viewers who are gone");
    }

    #[tokio::test]
    async fn a_pass_that_panics_leaves_its_viewers_to_their_tasks_and_the_next_one_works() {
        let (last, fan) = numbers();
        let ((first, mut first_far), (second, _second_far)) = (connection().await, connection().await);
        let panics = Arc::new(AtomicUsize::new(1));
        let first = fan.enter(first, Box::new(|| true), 0);
        let second =
            fan.enter(second, Box::new(move || panics.fetch_add(1, Ordering::SeqCst) != 1 || panic!("once")), 0);
        first.rest(0);
        second.rest(0);
        last.store(1, Ordering::SeqCst);
        fan.call();
        second.called().await;
        assert_eq!(second.take_over(), 0);
        first.called().await;
        assert_eq!(first.take_over(), 1, "it was written to before the panic");
        assert_eq!(first_far.read_u8().await.unwrap(), b'n');
        first.rest(1);
        last.store(2, Ordering::SeqCst);
        fan.call();
        assert_eq!(first_far.read_u8().await.unwrap(), b'n');
    }

    #[tokio::test]
    async fn who_reads_or_may_not_see_it_or_is_held_up_is_called_instead() {
        let (last, fan) = numbers();
        let (outlet, _far) = connection().await;
        let reads = fan.enter(outlet.clone(), Box::new(|| true), 0);
        let may_not = fan.enter(outlet.clone(), Box::new(|| false), 0);
        may_not.rest(0);
        let held = fan.enter(outlet.clone(), Box::new(|| true), 0);
        held.rest_once_flushed(0);
        last.store(1, Ordering::SeqCst);
        fan.call();
        for place in [&reads, &may_not, &held] {
            place.called().await;
            assert_eq!(place.take_over(), 0);
        }
        let mut line = Line::new(outlet);
        line.flush().await.unwrap();
        held.rest(0);
        fan.call();
        // In the same pass, before this one.
        reads.called().await;
        assert_eq!(held.take_over(), 1);
    }
}
