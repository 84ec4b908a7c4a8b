//! How much was said on the way to a message, of long conversations that were counted before.
//!
//! What was said before a message does not change any more. So once the way to it is counted, the way to a later one takes
//! only the messages in between, and not a walk over thousands. Not kept of conversations with images: those of a deleted
//! account are taken out of its messages.

use crate::model::{ConversationId, MessageId};
use crate::server::store::history::{History, Reach};
use crate::server::store::messages::Told;
use crate::server::sync::lock;
use std::collections::HashMap;
use std::sync::Mutex;

/// As many long conversations as are talked in between two starts. Of more, some are counted again.
const MOST: usize = 10_000;

/// The way from a conversation's first message to `end`, which is without images.
#[derive(Clone, Copy, Debug)]
struct Way {
    end: MessageId,
    /// Messages that say something.
    said: u32,
    messages: i64,
}

#[derive(Default)]
pub(super) struct Ways(Mutex<HashMap<ConversationId, Way>>);

impl Ways {
    pub(super) fn knows(&self, conversation: ConversationId) -> bool {
        lock(&self.0).contains_key(&conversation)
    }

    /// Counts what is before the newest messages, from what is known of the way. None: it has to be read.
    pub(super) fn count(&self, conversation: ConversationId, newest: History, limit: i64) -> Option<History> {
        let way = *lock(&self.0).get(&conversation)?;
        let end = newest.told.iter().position(|told| told.id == way.end)?;
        let (known, later) = newest.told.split_at(end + 1);
        let messages = way.messages + later.len() as i64;
        // The messages before the oldest that a model is told are not counted.
        let earlier = way.said.checked_sub(said(known)).filter(|_| messages < limit)?;
        let reach = Reach::Counted(newest.reach.characters());
        Some(History { earlier, earlier_images: 0, messages, reach, ..newest })
    }

    /// Remembers a way that is counted and long.
    pub(super) fn remember(&self, conversation: ConversationId, counted: &History) {
        let has_images = 0 < counted.earlier_images || counted.told.iter().any(|told| !told.images.is_empty());
        let Some(end) = counted.told.last().filter(|_| !has_images) else { return };
        let way = Way { end: end.id, said: counted.earlier + said(&counted.told), messages: counted.messages };
        let mut ways = lock(&self.0);
        if MOST <= ways.len() {
            ways.clear();
        }
        ways.insert(conversation, way);
    }
}

fn said(told: &[Told]) -> u32 {
    let said = told.iter().filter(|told| !told.text.trim().is_empty()).count();
    u32::try_from(said).unwrap_or(u32::MAX)
}
