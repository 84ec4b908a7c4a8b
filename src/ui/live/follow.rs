//! The loop that follows the server: one stream for the open conversation and the list, or a poll of both every two
//! seconds where all of this browser's streams are in use.
//!
//! Browsers give six HTTP/1.1 connections per host to all tabs together. So a tab holds a stream only while it is
//! visible or its reply is open, and only with one of four locks that the tabs share: two connections stay free for
//! everything else.

mod poll;
mod stream;

use super::Live;
use super::fold::Fold;
use super::pace::{End, Nudge, Pause, SETTLED_MS};
use crate::browser::{self, Listener, Lock, now_ms};
use crate::error::Problem;
use crate::ui::live::Connection;
use crate::ui::live::fold::Following;
use crate::ui::route::is_public;
use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::future::{self, Either, Fuse, LocalBoxFuture};
use leptos::prelude::*;
use std::pin::pin;
use wasm_bindgen::JsCast;
use web_sys::{Event, EventTarget, PageTransitionEvent};

/// Streams that one browser holds at a time, out of six connections.
const STREAMS: usize = 4;
/// Follows for as long as it is polled.
pub(super) async fn run(live: Live) {
    let (nudge, nudges) = mpsc::unbounded();
    let _listeners = listen(&nudge);
    live.nudge.set_value(Some(nudge));
    let follower = Follower {
        live,
        nudges,
        lock: None,
        failures: 0,
        not_before_ms: 0.0,
        frame: Fuse::terminated(),
        round: Round::begin(Following::default()),
    };
    follower.run().await;
}

fn listen(nudge: &UnboundedSender<Nudge>) -> Vec<Listener> {
    let (window, document) = (browser::window(), browser::document());
    let on = |target: &EventTarget, name, hear: fn(&Event) -> Option<Nudge>| {
        let nudge = nudge.clone();
        Listener::new(target, name, move |event| {
            if let Some(heard) = hear(&event) {
                let _ = nudge.unbounded_send(heard);
            }
        })
    };
    vec![
        on(&document, "visibilitychange", |_| Some(if browser::is_visible() { Nudge::Visible } else { Nudge::Hidden })),
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
    /// The earliest time of the next request, set by the server.
    not_before_ms: f64,
    /// Fires when the draft is to be drawn; ended while there is nothing to draw.
    frame: Fuse<LocalBoxFuture<'static, ()>>,
    round: Round,
}

/// One attempt to follow.
struct Round {
    place: Following,
    began_ms: f64,
    first_byte_ms: Option<f64>,
    last_byte_ms: f64,
    has_progress: bool,
}

impl Round {
    fn begin(place: Following) -> Self {
        let now = now_ms();
        Self { place, began_ms: now, first_byte_ms: None, last_byte_ms: now, has_progress: false }
    }
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
            let has_lock = self.has_lock().await;
            self.round = Round::begin(self.place());
            let end = if has_lock { self.stream().await } else { self.poll().await };
            self.draw_now();
            self.after(end).await;
        }
    }

    /// Whether the tab is visible, or waits for a reply. Under a public link there is only its conversation: once that
    /// is deleted, there is nothing to follow.
    fn is_wanted(&self) -> bool {
        let is_over = is_public() && self.place().conversation.is_none();
        !is_over && (browser::is_visible() || self.has_draft())
    }

    fn has_draft(&self) -> bool {
        self.live.fold.with_value(|fold| fold.draft().is_some())
    }

    fn place(&self) -> Following {
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

    /// Shows how the attempt ended, and waits for the next one.
    async fn after(&mut self, end: End) {
        if self.live.company.with_untracked(|words| !words.is_empty()) {
            self.live.company.set(String::new());
        }
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
        // If another conversation is open by now, the answer is not about it.
        if self.place().conversation == asked {
            self.live.change(Fold::is_gone);
            // An answer was received, so the connection is live.
            self.tell_live();
        }
        End::Again
    }

    fn tell_failure(&self, end: &End) {
        if *end == End::Refused(Problem::Unknown) {
            // Signed out, here or from another browser.
            browser::leave_for("/sign-in");
        }
        if let End::Refused(problem) = end {
            self.live.problem.set(Some(problem.clone()));
        }
        self.tell(if browser::is_online() { Connection::Reconnecting } else { Connection::Offline });
    }

    fn tell(&self, link: Connection) {
        if self.live.link.get_untracked() != link {
            self.live.link.set(link);
        }
    }

    fn tell_live(&self) {
        self.tell(Connection::Live);
        if self.live.problem.with_untracked(Option::is_some) {
            self.live.problem.set(None);
        }
    }
}

/// Nudges and pauses.
impl Follower {
    /// The next nudge, and its effect in every state.
    async fn nudged(&mut self) -> Nudge {
        // The sender lives in `live`, longer than this loop.
        let Some(nudge) = self.nudges.next().await else { return future::pending().await };
        self.note(nudge);
        nudge
    }

    fn note(&mut self, nudge: Nudge) {
        match nudge {
            Nudge::Offline => self.tell(Connection::Offline),
            Nudge::Online if self.live.link.get_untracked() == Connection::Offline => {
                self.tell(Connection::Reconnecting)
            }
            _ => {}
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

/// For a timer: never below zero, never for ever.
fn whole(ms: f64) -> u32 {
    ms.clamp(0.0, f64::from(i32::MAX)).ceil() as u32
}
