//! Following with a stream: what is read, folded and drawn between two connections.

use super::{Connection, Follower};
use crate::api;
use crate::browser::{self, now_ms};
use crate::error::Problem;
use crate::event::Event;
use crate::ui::live::fold::Following;
use crate::ui::live::fold::{Change, Fold, Gap};
use crate::ui::live::pace::{End, Nudge, SILENCE_MS, SLOW_MS};
use crate::wire::{Line, Lines, Presence};
use bytes::Bytes;
use futures::future::{Fuse, FusedFuture};
use futures::stream::FusedStream;
use futures::{FutureExt, StreamExt, TryFutureExt, select_biased};
use leptos::prelude::*;
use server_fn::codec::ByteStream;
use std::pin::pin;

/// How long text waits to be drawn while the browser draws no frames, as in a hidden tab.
const HIDDEN_FRAME_MS: u32 = 250;

/// The events that wake a stream's loop.
enum Step {
    Nudge(Nudge),
    Frame,
    /// The next bytes, a failure, or the end.
    Chunk(Option<Result<Bytes, Problem>>),
    /// Nothing came in time.
    Late,
}

impl Follower {
    pub(super) async fn stream(&mut self) -> End {
        let Following { conversation, cursor, list } = self.round.place;
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
        let mut late = pin!(browser::sleep(super::whole(self.deadline_ms() - now_ms())).fuse());
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
        // The first connection is still being made; any other should have been established by now.
        if self.round.first_byte_ms.is_none() && self.live.link.get_untracked() == Connection::Live {
            self.tell(Connection::Reconnecting);
        }
        None
    }

    fn is_outdated(&self, nudge: Nudge) -> bool {
        let now = now_ms();
        nudge.renews(now - self.round.began_ms, now - self.round.last_byte_ms)
            || self.is_elsewhere()
            || !self.is_wanted()
    }

    /// Whether something else is to be followed by now.
    fn is_elsewhere(&self) -> bool {
        self.place().conversation != self.round.place.conversation
    }

    fn heard(&mut self, bytes: &[u8], lines: &mut Lines) -> Option<End> {
        if self.is_elsewhere() {
            return Some(End::Again);
        }
        self.round.last_byte_ms = now_ms();
        self.round.first_byte_ms.get_or_insert(self.round.last_byte_ms);
        self.tell_live();
        let (change, end) = self.fold(bytes, lines);
        self.draw(change);
        // The reply that this hidden tab waited for has ended, or what it followed is gone.
        let over = !self.is_wanted() || self.is_elsewhere();
        end.or_else(|| over.then_some(End::Again))
    }

    fn fold(&mut self, bytes: &[u8], lines: &mut Lines) -> (Change, Option<End>) {
        let mut change = Change::default();
        let Ok(lines) = lines.push(bytes) else { return (change, Some(End::Lost)) };
        for line in lines.iter().filter(|line| !line.trim().is_empty()) {
            if let Some(words) = Presence::words(line) {
                self.live.company.set(words);
                continue;
            }
            let Ok(line) = Line::read(line) else {
                // Perhaps of a newer server. A snapshot has its effect, as far as this page can show it.
                self.live.fold.update_value(Fold::forget_cursors);
                return (change, Some(End::Lost));
            };
            let starts = matches!(line.event, Event::Snapshot(_) | Event::List(_));
            match self.live.fold.try_update_value(|fold| fold.take(line)) {
                Some(Ok(more)) => {
                    change |= more;
                    self.round.has_progress |= !starts && more != Change::default();
                }
                // Immediately, unless the last attempt brought nothing either.
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
            return;
        }
        self.live.draw(Change { draft: false, ..change });
        if change.draft && self.frame.is_terminated() {
            self.frame = browser::frame_or(HIDDEN_FRAME_MS).boxed_local().fuse();
        }
    }

    /// Draws what waits for a frame.
    pub(super) fn draw_now(&mut self) {
        if !self.frame.is_terminated() {
            self.frame = Fuse::terminated();
            self.live.draw(Change { draft: true, ..Change::default() });
        }
    }
}
