//! The sidebar's conversations as plain data: newest first, as far as they were loaded.

use crate::event::{Cursor, Event, List};
use crate::model::{Conversation, ConversationId};
use std::cmp::Ordering;

/// The account's newest conversations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recent {
    pub items: Vec<Conversation>,
    /// Where the next page starts; none when all are here.
    pub next: Option<String>,
    /// The cursor up to which the list's journal was read.
    pub cursor: Option<Cursor>,
}

impl Recent {
    /// Starts over from the first page. Later pages that were loaded stay; a conversation that was deleted from them is
    /// noticed when it is opened.
    pub fn restart(&mut self, list: List) {
        let former = std::mem::replace(&mut self.items, list.items);
        self.cursor = Some(list.cursor);
        let Some(last) = self.items.last().filter(|_| list.next.is_some()).cloned() else {
            self.next = list.next;
            return;
        };
        let later = |item: &Conversation| newest_first(item, &last) == Ordering::Greater;
        let kept: Vec<_> = former.into_iter().filter(later).collect();
        if kept.is_empty() {
            self.next = list.next;
        }
        kept.into_iter().for_each(|item| self.put(item));
    }

    /// Adds the next page.
    pub fn extend(&mut self, list: List) {
        self.next = list.next;
        for item in list.items {
            // Events are newer than a page that was requested before them.
            if !self.items.iter().any(|known| known.id == item.id) {
                self.put(item);
            }
        }
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Conversation { conversation } => self.put((**conversation).clone()),
            Event::Deleted { conversation } => self.remove(*conversation),
            Event::List(list) => self.restart((**list).clone()),
            _ => {}
        }
    }

    fn put(&mut self, conversation: Conversation) {
        self.remove(conversation.id);
        let place = self.items.partition_point(|known| newest_first(known, &conversation) == Ordering::Less);
        self.items.insert(place, conversation);
    }

    fn remove(&mut self, id: ConversationId) {
        self.items.retain(|known| known.id != id);
    }
}

/// The order of the list. RFC 3339 times of one form compare as text.
fn newest_first(one: &Conversation, other: &Conversation) -> Ordering {
    (&other.updated_at, other.id).cmp(&(&one.updated_at, one.id))
}
