//! What is said on a channel, written to its subscribers directly (`outlet`).

use super::{Inside, Listener, Room};
use crate::server::outlet::fan::{Fan, Next, Source, Still};
use crate::server::outlet::{Outlet, framing};
use crate::server::sync::lock;
use std::sync::{Arc, Weak};

/// A channel as WebSocket frames.
struct Said(Weak<Room>);

impl Source for Said {
    fn after(&self, seq: u64) -> Next {
        let Some(room) = self.0.upgrade() else { return Next::Other };
        let inside = lock(&room.inside);
        let last = inside.last();
        if last <= seq {
            return Next::Nothing;
        }
        let skip = seq.checked_sub(inside.before).map(|skip| inside.said.iter().skip(skip as usize));
        match skip {
            Some(said) if said.clone().all(|said| said.except.is_none()) => {
                let bytes = framing::messages(said.map(|said| said.message.as_str()));
                Next::Bytes { bytes, seq: last }
            }
            // Some were dropped, or are not for everybody.
            _ => Next::Other,
        }
    }
}

impl Inside {
    /// How many messages there were.
    pub(super) fn last(&self) -> u64 {
        self.before + self.said.len() as u64
    }
}

impl Listener {
    /// While it waits, its socket is written to directly as long as `still` holds. Not where members are to be announced.
    pub fn go_direct(&mut self, outlet: Outlet, still: Still) {
        let fan = self.room.fan.get_or_init(|| Fan::new(Said(Arc::downgrade(&self.room)), &self.sockets.written));
        self.place = Some(fan.enter(outlet, still, self.seen));
    }

    /// Completes when there is a message that was not written.
    pub(super) async fn more(&mut self) {
        let Some(place) = &self.place else { return };
        loop {
            self.seen = self.seen.max(place.take_over());
            if self.seen < lock(&self.room.inside).last() {
                return;
            }
            place.rest(self.seen);
            // Once more: what came before that is not written by others.
            if lock(&self.room.inside).last() <= self.seen {
                place.called().await;
            }
        }
    }
}
