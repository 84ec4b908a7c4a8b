//! Back-pressure for pages that are being drawn or wait to be read: how many there may be, and how much memory they
//! take.
//!
//! A page takes many times its text while it is drawn, on the threads that relay everybody's replies. So everything
//! that shows whole conversations takes a slot here first, reports the length of its text once that is known, and frees
//! the slot when its answer was read. Beyond that callers wait briefly, and are then told to retry.

use super::limits::Sender;
use super::metrics::Metrics;
use super::sync::lock;
use crate::error::Problem;
use crate::model::Message;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Pages of one account: a browser that restores its tabs loads them one after the other.
const MAX_OF_ACCOUNT: usize = 4;
/// Pages of guests and of readers with a public link at one network address: an office may open one link together.
const MAX_OF_NETWORK: usize = 8;
/// Memory that all pages may take, in work and unread.
const MAX_BYTES: usize = 64 << 20;
/// Memory that the pages of one account, or of one network, may take: others always find room.
const MAX_BYTES_OF_ONE: usize = MAX_BYTES / 2;
/// What a page without conversation text takes: the list, the forms, the scripts.
const LEAST_BYTES: usize = 128 << 10;
/// Bytes sent for each byte of text: as HTML with its escapes and colours, and as data.
const BYTES_OF_TEXT: usize = 6;
/// Pages with more text than this take long enough to draw that others would notice ...
const LARGE_TEXT_BYTES: usize = 128 << 10;
/// ... so that one of them is drawn at a time: the other threads stay free.
const LARGE_AT_ONCE: usize = 1;
/// How long a caller waits for a slot before it is told to retry: a slot is usually free within milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// `Retry-After` for a caller that found no slot.
const RETRY_AFTER_SECONDS: u64 = 5;

/// The slots.
pub struct Drawing {
    held: Mutex<Held>,
    freed: Notify,
    large: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Held {
    by: HashMap<Sender, Share>,
    bytes: usize,
}

/// The share of one account or network.
#[derive(Clone, Copy, Default)]
struct Share {
    pages: usize,
    bytes: usize,
}

/// Whom a request counts for, as an extension of a request for a stream.
#[derive(Clone)]
pub struct Senders(pub Vec<Sender>);

/// One page's slot; dropping it frees the slot.
pub struct Place {
    drawing: Arc<Drawing>,
    of: Vec<Sender>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    bytes: usize,
    large: Option<OwnedSemaphorePermit>,
}

impl Drawing {
    pub fn new(metrics: Arc<Metrics>) -> Arc<Self> {
        let large = Arc::new(Semaphore::new(LARGE_AT_ONCE));
        Arc::new(Self { held: Mutex::default(), freed: Notify::new(), large, metrics })
    }

    /// A slot for a page that counts for each of these senders.
    ///
    /// # Errors
    /// 503 where none becomes free in time.
    pub async fn place(self: &Arc<Self>, of: Vec<Sender>) -> Result<Arc<Place>, Problem> {
        self.in_time(|| self.try_place(&of)).await
    }

    /// The result of `attempt`, now or as soon as a slot was freed.
    async fn in_time<T>(&self, attempt: impl Fn() -> Option<T>) -> Result<T, Problem> {
        let end = Instant::now() + PATIENCE;
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Subscribed before the attempt, so that no release is missed.
            freed.as_mut().enable();
            if let Some(got) = attempt() {
                return Ok(got);
            }
            timeout_at(end, freed).await.map_err(|_| self.refused())?;
        }
    }

    fn refused(&self) -> Problem {
        self.metrics.refused("pages");
        let message = "Too many pages are being opened at the moment, here or from your network. Open this one again in a moment.";
        Problem::Unavailable { message: message.into(), retry_after_seconds: RETRY_AFTER_SECONDS }
    }

    fn try_place(self: &Arc<Self>, of: &[Sender]) -> Option<Arc<Place>> {
        let mut held = lock(&self.held);
        let has_place = |sender: &Sender| held.share(*sender).pages < most(*sender);
        if !of.iter().all(has_place) || !held.has_room(of, LEAST_BYTES) {
            return None;
        }
        of.iter().for_each(|sender| held.by.entry(*sender).or_default().pages += 1);
        held.change(of, 0, LEAST_BYTES);
        let taken = Mutex::new(Taken { bytes: LEAST_BYTES, large: None });
        Some(Arc::new(Place { drawing: Arc::clone(self), of: of.to_vec(), taken }))
    }

    /// Bytes that all pages take.
    pub fn bytes(&self) -> usize {
        lock(&self.held).bytes
    }
}

fn most(sender: Sender) -> usize {
    match sender {
        Sender::Account(_) => MAX_OF_ACCOUNT,
        Sender::Network(_) | Sender::Site(_) | Sender::NewOnSite(..) => MAX_OF_NETWORK,
    }
}

impl Held {
    fn share(&self, sender: Sender) -> Share {
        self.by.get(&sender).copied().unwrap_or_default()
    }

    fn has_room(&self, of: &[Sender], more: usize) -> bool {
        let fits = |sender: &Sender| self.share(*sender).bytes + more <= MAX_BYTES_OF_ONE;
        self.bytes + more <= MAX_BYTES && of.iter().all(fits)
    }

    fn change(&mut self, of: &[Sender], before: usize, after: usize) {
        self.bytes = self.bytes - before + after;
        for sender in of {
            let share = self.by.entry(*sender).or_default();
            share.bytes = share.bytes - before + after;
        }
    }
}

impl Place {
    /// Takes the memory for a page with this length of text and, for a long one, the turn to draw it.
    ///
    /// # Errors
    /// 503 where there is no room in time.
    pub async fn weigh(&self, text_bytes: usize) -> Result<(), Problem> {
        // A message that is longer than messages become takes all of its senders' share.
        let all = LEAST_BYTES.saturating_add(text_bytes.saturating_mul(BYTES_OF_TEXT)).min(MAX_BYTES_OF_ONE);
        self.drawing.in_time(|| self.grow(all)).await?;
        if text_bytes <= LARGE_TEXT_BYTES {
            return Ok(());
        }
        let turn = Arc::clone(&self.drawing.large).acquire_owned();
        let turn = timeout_at(Instant::now() + PATIENCE, turn).await.map_err(|_| self.drawing.refused())?;
        lock(&self.taken).large = turn.ok();
        Ok(())
    }

    fn grow(&self, all: usize) -> Option<()> {
        let (mut held, mut taken) = (lock(&self.drawing.held), lock(&self.taken));
        let more = all.saturating_sub(taken.bytes);
        if !held.has_room(&self.of, more) {
            return None;
        }
        held.change(&self.of, taken.bytes, taken.bytes + more);
        taken.bytes += more;
        Some(())
    }

    /// The page is drawn and has this length in bytes; from here on it only waits to be read.
    ///
    /// # Errors
    /// 503 where it has become longer than expected, and there is no room for it: drop it. It fits where nothing else of
    /// its senders waits.
    pub fn drawn(&self, bytes: usize) -> Result<(), Problem> {
        let (mut held, mut taken) = (lock(&self.drawing.held), lock(&self.taken));
        taken.large = None;
        let counted = bytes.min(MAX_BYTES_OF_ONE);
        let fits = held.has_room(&self.of, counted.saturating_sub(taken.bytes));
        if fits {
            held.change(&self.of, taken.bytes, counted);
            taken.bytes = counted;
        }
        drop((held, taken));
        self.drawing.freed.notify_waiters();
        if fits { Ok(()) } else { Err(self.drawing.refused()) }
    }
}

/// The length of what these messages say and think.
pub fn text_bytes(messages: &[Message]) -> usize {
    messages.iter().map(|message| message.text.len() + message.thinking.len()).sum()
}

impl Drop for Place {
    fn drop(&mut self) {
        let (mut held, taken) = (lock(&self.drawing.held), lock(&self.taken));
        held.change(&self.of, taken.bytes, 0);
        for sender in &self.of {
            if let Some(share) = held.by.get_mut(sender) {
                share.pages -= 1;
                if share.pages == 0 {
                    held.by.remove(sender);
                }
            }
        }
        drop((held, taken));
        self.drawing.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AccountId;
    use crate::server::address::network;

    fn drawing() -> Arc<Drawing> {
        Drawing::new(Arc::default())
    }

    fn at(last: u8) -> Sender {
        Sender::Network(network([203, 0, 113, last].into()))
    }

    fn is_refused<T>(got: Result<T, Problem>) -> bool {
        matches!(got, Err(Problem::Unavailable { .. }))
    }

    #[tokio::test(start_paused = true)]
    async fn z34_an_account_has_four_pages_and_a_network_eight() {
        let (drawing, account) = (drawing(), Sender::Account(AccountId::new()));
        let mut places = Vec::new();
        for _ in 0..4 {
            places.push(drawing.place(vec![account, at(1)]).await.unwrap());
        }
        assert!(is_refused(drawing.place(vec![account, at(2)]).await));
        for _ in 0..4 {
            places.push(drawing.place(vec![Sender::Account(AccountId::new()), at(1)]).await.unwrap());
        }
        assert!(is_refused(drawing.place(vec![at(1)]).await));
        assert!(drawing.place(vec![at(2)]).await.is_ok(), "others do not wait for it");
        drop(places);
        assert_eq!(drawing.bytes(), 0);
        assert!(lock(&drawing.held).by.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn z34_a_place_that_becomes_free_is_the_next_ones() {
        let drawing = drawing();
        let mut places = Vec::new();
        for _ in 0..8 {
            places.push(drawing.place(vec![at(1)]).await.unwrap());
        }
        let next = tokio::spawn({
            let drawing = Arc::clone(&drawing);
            async move { drawing.place(vec![at(1)]).await.map(drop) }
        });
        tokio::time::sleep(PATIENCE / 2).await;
        places.pop();
        assert_eq!(next.await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn z34_pages_take_so_much_memory_and_one_network_half_of_it() {
        let (drawing, text) = (drawing(), 2 << 20);
        let mut unread = Vec::new();
        for network in 1..=2 {
            loop {
                let place = drawing.place(vec![at(network)]).await.unwrap();
                if is_refused(place.weigh(text).await) {
                    break;
                }
                place.drawn(12 << 20).unwrap();
                unread.push(place);
            }
        }
        assert_eq!(unread.len(), 4);
        assert!(drawing.bytes() <= MAX_BYTES, "{}", drawing.bytes());
        let place = drawing.place(vec![at(3)]).await.unwrap();
        assert!(place.weigh(10_000).await.is_ok(), "a small page of somebody else finds room");
    }

    #[tokio::test(start_paused = true)]
    async fn z34_a_page_that_became_too_long_is_dropped_unless_it_is_the_only_one() {
        let drawing = drawing();
        let first = drawing.place(vec![at(1)]).await.unwrap();
        first.weigh(100_000).await.unwrap();
        assert_eq!(first.drawn(40 << 20), Ok(()), "it can be read at all");
        let second = drawing.place(vec![at(1)]).await;
        assert!(is_refused(second), "its network has no room left");
        let other = drawing.place(vec![at(2)]).await.unwrap();
        other.weigh(2 << 20).await.unwrap();
        assert_eq!(other.drawn(20 << 20), Ok(()), "others have theirs");
        let another = drawing.place(vec![at(2)]).await.unwrap();
        another.weigh(100_000).await.unwrap();
        assert!(is_refused(another.drawn(13 << 20)));
        drop((first, other, another));
        assert_eq!(drawing.bytes(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn z34_a_text_that_no_share_has_room_for_takes_all_of_one() {
        let place = drawing().place(vec![at(1)]).await.unwrap();
        assert_eq!(place.weigh(usize::MAX).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn z34_one_large_page_is_drawn_at_a_time_and_small_ones_do_not_wait() {
        let drawing = drawing();
        let (large, small) = (LARGE_TEXT_BYTES + 1, LARGE_TEXT_BYTES);
        let first = drawing.place(vec![at(1)]).await.unwrap();
        first.weigh(large).await.unwrap();
        let second = drawing.place(vec![at(2)]).await.unwrap();
        assert!(is_refused(second.weigh(large).await));
        assert_eq!(drawing.place(vec![at(3)]).await.unwrap().weigh(small).await, Ok(()));
        first.drawn(1).unwrap();
        assert_eq!(second.weigh(large).await, Ok(()));
    }
}
