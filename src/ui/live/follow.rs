//! The loop that follows the server: one stream for the open conversation and the list, or a look at both every two
//! seconds where this browser's streams are taken.
//!
//! Browsers give six HTTP/1.1 connections per host to all tabs together. So a tab holds a stream only while it is
//! visible or its reply is open, and only with one of four locks that the tabs share: two connections stay free for
//! everything else.

use super::fold::{Change, Fold, Gap, Place};
use super::pace::{End, Nudge, Pause, SETTLED_MS, SILENCE_MS, SLOW_MS};
use super::{Link, Live};
use crate::browser::{self, Listener, Lock};
use crate::error::Problem;
use crate::event::Event;
use crate::model::MessageId;
use crate::wire::{Line, Lines};
use crate::{api, browser::now_ms};
use bytes::Bytes;
use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::future::{self, Either, Fuse, LocalBoxFuture};
use futures::stream::FusedStream;
use futures::{FutureExt, StreamExt, TryFutureExt, select_biased};
use leptos::prelude::*;
use leptos::server_fn::codec::ByteStream;
use std::pin::pin;
use wasm_bindgen::JsCast;
use web_sys::PageTransitionEvent;

/// Streams that one browser holds at a time, out of six connections.
const STREAMS: usize = 4;
/// How long text waits to be drawn where the browser draws no frames, as in a hidden tab.
const HIDDEN_FRAME_MS: u32 = 250;

/// Follows for as long as it is polled.
pub(super) async fn run(live: Live) {
    let (nudge, nudges) = mpsc::unbounded();
    let _listeners = listen(&nudge);
    live.nudge.set_value(Some(nudge));
    let follower =
        Follower { live, nudges, lock: None, failures: 0, not_before_ms: 0.0, frame: Fuse::terminated(), round: Round::begin(Place::default()) };
    follower.run().await;
}

fn listen(nudge: &UnboundedSender<Nudge>) -> Vec<Listener> {
    let (window, document) = (browser::window(), browser::document());
    let on = |target: &web_sys::EventTarget, name, hear: fn(&web_sys::Event) -> Option<Nudge>| {
        let nudge = nudge.clone();
        Listener::new(target, name, move |event| {
            if let Some(heard) = hear(&event) {
                let _ = nudge.unbounded_send(heard);
            }
        })
    };
    vec![
        on(&document, "visibilitychange", |_| {
            Some(if browser::is_visible() { Nudge::Visible } else { Nudge::Hidden })
        }),
        // Page Lifecycle: a frozen tab runs again.
        on(&document, "resume", |_| Some(Nudge::Woken)),
        on(&window, "pageshow", |event| {
            let from_cache = event.dyn_ref::<PageTransitionEvent>().is_some_and(PageTransitionEvent::persisted);
            from_cache.then_some(Nudge::Woken)
        }),
        on(&window, "online", |_| Some(Nudge::Online)),
        on(&window, "offline", |_| Some(Nudge::Offline)),
    ]
}

struct Follower {
    live: Live,
    nudges: UnboundedReceiver<Nudge>,
    /// One of the locks that allow a stream.
    lock: Option<Lock>,
    failures: u32,
    /// The server asked not to be asked before.
    not_before_ms: f64,
    /// Comes when the draft is to be drawn; ended while there is nothing to draw.
    frame: Fuse<LocalBoxFuture<'static, ()>>,
    round: Round,
}

/// One attempt to follow.
struct Round {
    place: Place,
    began_ms: f64,
    first_byte_ms: Option<f64>,
    last_byte_ms: f64,
    has_progress: bool,
}

impl Round {
    fn begin(place: Place) -> Self {
        let now = now_ms();
        Self { place, began_ms: now, first_byte_ms: None, last_byte_ms: now, has_progress: false }
    }
}

/// What a stream's loop wakes up for.
enum Step {
    Nudge(Nudge),
    Frame,
    /// The next bytes, a failure, or the end.
    Chunk(Option<Result<Bytes, Problem>>),
    /// Nothing came in time.
    Late,
}

impl Follower {
    async fn run(mut self) {
        loop {
            self.catch_up_on_nudges();
            if !self.is_wanted() {
                self.lock = None;
                self.nudged().await;
                continue;
            }
            let wait = self.not_before_ms - now_ms();
            if 0.0 < wait {
                self.rest(wait, false).await;
                continue;
            }
            self.round = Round::begin(self.place());
            let end = if self.has_lock().await { self.stream().await } else { self.poll().await };
            self.draw_now();
            self.after(end).await;
        }
    }

    /// Whether anybody looks, or waits for a reply.
    fn is_wanted(&self) -> bool {
        browser::is_visible() || self.live.fold.with_value(|fold| fold.draft().is_some())
    }

    fn place(&self) -> Place {
        self.live.fold.with_value(Fold::place)
    }

    async fn has_lock(&mut self) -> bool {
        for number in 0..STREAMS {
            if self.lock.is_some() {
                break;
            }
            self.lock = Lock::take(&format!("rivulet-stream-{number}")).await;
        }
        self.lock.is_some()
    }

    /// Says how it ended, and waits until it is worth trying again.
    async fn after(&mut self, end: End) {
        let end = self.unless_gone(end);
        if end.is_failure() {
            self.tell_failure(&end);
        }
        let settled = self.round.first_byte_ms.is_some_and(|first| SETTLED_MS < now_ms() - first);
        if settled || end == End::Polled {
            self.failures = 0;
        }
        let pause = end.pause(self.failures, browser::random());
        if end.is_failure() {
            self.failures += 1;
        }
        match pause {
            Pause::None => {}
            Pause::Soft(ms) => self.rest(ms, true).await,
            Pause::Firm(ms) => self.not_before_ms = now_ms() + ms,
            Pause::UntilNudged => self.rest(f64::INFINITY, true).await,
        }
    }

    /// A conversation that is not there is followed no more; the list still is.
    fn unless_gone(&mut self, end: End) -> End {
        let asked = self.round.place.conversation;
        if end != End::Refused(Problem::NotFound) || asked.is_none() {
            return end;
        }
        // Where something else is open by now, the answer says nothing about it.
        if self.place().conversation == asked {
            self.live.change(Fold::is_gone);
        }
        End::Again
    }

    fn tell_failure(&self, end: &End) {
        if let End::Refused(problem) = end {
            self.live.problem.set(Some(problem.clone()));
        }
        self.tell(if browser::is_online() { Link::Reconnecting } else { Link::Offline });
    }

    fn tell(&self, link: Link) {
        if self.live.link.get_untracked() != link {
            self.live.link.set(link);
        }
    }

    fn tell_live(&self) {
        self.tell(Link::Live);
        if self.live.problem.with_untracked(Option::is_some) {
            self.live.problem.set(None);
        }
    }
}

/// Nudges and waiting.
impl Follower {
    /// The next nudge, and what it means whatever else goes on.
    async fn nudged(&mut self) -> Nudge {
        // The sender lives in `live`, longer than this loop.
        let Some(nudge) = self.nudges.next().await else { return future::pending().await };
        self.note(nudge);
        nudge
    }

    fn note(&mut self, nudge: Nudge) {
        if nudge == Nudge::Offline {
            self.tell(Link::Offline);
        }
        if nudge.forgives() {
            self.failures = 0;
        }
    }

    fn catch_up_on_nudges(&mut self) {
        while let Ok(nudge) = self.nudges.try_recv() {
            self.note(nudge);
        }
    }

    async fn rest(&mut self, ms: f64, may_be_cut: bool) {
        let until = now_ms() + ms;
        loop {
            let left = until - now_ms();
            if left <= 0.0 {
                return;
            }
            let nudge = match future::select(pin!(self.nudged()), pin!(browser::sleep(whole(left)))).await {
                Either::Left((nudge, _)) => nudge,
                Either::Right(_) => continue,
            };
            if may_be_cut && nudge.hurries() || !self.is_wanted() {
                return;
            }
        }
    }
}

/// With a stream.
impl Follower {
    async fn stream(&mut self) -> End {
        let Place { conversation, cursor, list } = self.round.place;
        let chunks = api::follow(conversation, cursor, list).map_ok(ByteStream::into_inner).try_flatten_stream();
        let mut chunks = pin!(chunks.fuse());
        let mut lines = Lines::default();
        loop {
            let ended = match self.step(&mut chunks).await {
                Step::Nudge(nudge) => self.is_outdated(nudge).then_some(End::Again),
                Step::Frame => {
                    self.live.draw(Change { draft: true, ..Change::default() });
                    None
                }
                Step::Late => self.late(),
                Step::Chunk(Some(Ok(bytes))) => self.heard(&bytes, &mut lines),
                Step::Chunk(Some(Err(Problem::Offline)) | None) => Some(End::Lost),
                Step::Chunk(Some(Err(problem))) => Some(End::Refused(problem)),
            };
            if let Some(end) = ended {
                return end;
            }
        }
    }

    async fn step<S>(&mut self, chunks: &mut S) -> Step
    where
        S: FusedStream<Item = Result<Bytes, Problem>> + Unpin,
    {
        let mut late = pin!(browser::sleep(whole(self.deadline_ms() - now_ms())).fuse());
        select_biased! {
            nudge = self.nudges.select_next_some() => {
                self.note(nudge);
                Step::Nudge(nudge)
            }
            () = &mut self.frame => Step::Frame,
            chunk = chunks.next() => Step::Chunk(chunk),
            () = late => Step::Late,
        }
    }

    fn deadline_ms(&self) -> f64 {
        let is_slow = self.round.first_byte_ms.is_none() && now_ms() < self.round.began_ms + SLOW_MS;
        self.round.last_byte_ms + if is_slow { SLOW_MS } else { SILENCE_MS }
    }

    fn late(&mut self) -> Option<End> {
        if SILENCE_MS <= now_ms() - self.round.last_byte_ms {
            return Some(End::Lost);
        }
        // The first connection is still being made; any other should have been there by now.
        if self.round.first_byte_ms.is_none() && self.live.link.get_untracked() == Link::Live {
            self.tell(Link::Reconnecting);
        }
        None
    }

    fn is_outdated(&self, nudge: Nudge) -> bool {
        let now = now_ms();
        let (followed, asked) = (self.place().conversation, self.round.place.conversation);
        nudge.renews(now - self.round.began_ms, now - self.round.last_byte_ms) || followed != asked || !self.is_wanted()
    }

    fn heard(&mut self, bytes: &[u8], lines: &mut Lines) -> Option<End> {
        self.round.last_byte_ms = now_ms();
        self.round.first_byte_ms.get_or_insert(self.round.last_byte_ms);
        self.tell_live();
        let (change, end) = self.fold(bytes, lines);
        self.draw(change);
        // The reply that this hidden tab waited for has ended, or what it followed is gone.
        let over = !self.is_wanted() || self.place().conversation != self.round.place.conversation;
        end.or_else(|| over.then_some(End::Again))
    }

    fn fold(&mut self, bytes: &[u8], lines: &mut Lines) -> (Change, Option<End>) {
        let mut change = Change::default();
        let Ok(lines) = lines.push(bytes) else { return (change, Some(End::Lost)) };
        for line in lines.iter().filter(|line| !line.trim().is_empty()) {
            let Ok(line) = serde_json::from_str::<Line>(line) else {
                // A newer server's, perhaps. A snapshot tells what it said, as far as this page can show it.
                self.live.fold.update_value(Fold::forget_cursors);
                return (change, Some(End::Lost));
            };
            let starts = matches!(line.event, Event::Snapshot(_) | Event::List(_));
            match self.live.fold.try_update_value(|fold| fold.take(line)) {
                Some(Ok(more)) => {
                    change |= more;
                    self.round.has_progress |= !starts && more != Change::default();
                }
                // At once, unless the last attempt brought nothing either.
                Some(Err(Gap)) if self.round.has_progress => return (change, Some(End::Again)),
                Some(Err(Gap)) | None => return (change, Some(End::Lost)),
            }
        }
        (change, None)
    }
}

/// Drawing.
impl Follower {
    fn draw(&mut self, change: Change) {
        if change.thread {
            self.frame = Fuse::terminated();
            self.live.draw(change);
            highlight(self.live);
            return;
        }
        self.live.draw(Change { draft: false, ..change });
        if change.draft && future::FusedFuture::is_terminated(&self.frame) {
            self.frame = browser::frame_or(HIDDEN_FRAME_MS).boxed_local().fuse();
        }
    }

    /// Draws what waits for a frame.
    fn draw_now(&mut self) {
        if !future::FusedFuture::is_terminated(&self.frame) {
            self.frame = Fuse::terminated();
            self.live.draw(Change { draft: true, ..Change::default() });
        }
    }
}

/// Without a stream.
impl Follower {
    async fn poll(&mut self) -> End {
        let fetch = fetch(self.live, self.round.place);
        match future::select(pin!(fetch), pin!(browser::sleep(whole(SILENCE_MS)))).await {
            Either::Left((Ok(()), _)) => {
                self.tell_live();
                End::Polled
            }
            Either::Left((Err(Problem::Offline), _)) | Either::Right(_) => End::Lost,
            Either::Left((Err(problem), _)) => End::Refused(problem),
        }
    }
}

/// One after the other: a tab without a stream is to use one connection.
async fn fetch(live: Live, place: Place) -> Result<(), Problem> {
    if let Some(conversation) = place.conversation {
        let page = api::open(conversation).await?;
        if live.fold.with_value(Fold::place).conversation == Some(conversation) {
            live.show(Some(page));
        }
    }
    live.listed(api::conversations(None).await?);
    Ok(())
}

/// Fetches the highlighted code of replies that have just ended. Not worth a second attempt: the code is there, plain.
fn highlight(live: Live) {
    let replies = live.fold.try_update_value(Fold::unhighlighted).unwrap_or_default();
    for reply in replies {
        leptos::task::spawn_local(highlight_one(live, reply));
    }
}

async fn highlight_one(live: Live, reply: MessageId) {
    let Ok(html) = api::highlighted(reply).await else { return };
    if live.fold.try_with_value(|fold| fold.has_message(reply)) == Some(true) {
        live.highlighted.try_update(|known| known.insert(reply, html));
    }
}

/// For a timer: never below zero, never for ever.
fn whole(ms: f64) -> u32 {
    ms.clamp(0.0, f64::from(i32::MAX)).ceil() as u32
}
