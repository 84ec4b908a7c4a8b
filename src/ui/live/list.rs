//! The sidebar's conversations as plain data: newest first, as far as they were loaded.

use crate::event::{Cursor, Event, List};
use crate::model::{Conversation, ConversationId, Preferences, Standing};
use std::cmp::Ordering;

/// What a row of the list says of its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A reply is being written.
    Running,
    /// A reply has ended, and the account has not seen it.
    Unread,
}

/// The account's newest conversations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recent {
    pub items: Vec<Conversation>,
    /// Where the next page starts; none when all are here.
    pub next: Option<String>,
    /// The cursor up to which the list's journal was read.
    pub cursor: Option<Cursor>,
    /// What the account has chosen for its browsers, where it has chosen anything.
    pub preferences: Option<Preferences>,
}

impl Recent {
    /// Starts over from the first page. Later pages that were loaded stay; a conversation that was deleted from them is
    /// noticed when it is opened.
    pub fn restart(&mut self, list: List) {
        if let Some(preferences) = list.preferences {
            self.prefer(*preferences);
        }
        let former = std::mem::replace(&mut self.items, list.items);
        self.cursor = Some(list.cursor);
        // All that are pinned are on the first page, wherever else they would be.
        let unpinned = self.items.iter().rfind(|item| item.standing.pinned != Some(true));
        let Some(last) = unpinned.filter(|_| list.next.is_some()).cloned() else {
            self.next = list.next;
            return;
        };
        let later = |item: &Conversation| newest_first(item, &last) == Ordering::Greater;
        let is_there = |item: &Conversation| self.items.iter().any(|known| known.id == item.id);
        let kept: Vec<_> = former.into_iter().filter(|item| later(item) && !is_there(item)).collect();
        if kept.is_empty() {
            self.next = list.next;
        }
        for mut item in kept {
            // What is pinned or running is on the first page.
            item.standing = Standing { unread: item.standing.unread, ..Standing::default() };
            self.put(item);
        }
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

    /// What goes on in conversations, or has gone on unseen.
    pub fn news(&self) -> Vec<(ConversationId, News)> {
        let news = |item: &Conversation| match item.standing {
            Standing { running: Some(true), .. } => Some((item.id, News::Running)),
            Standing { unread: Some(true), .. } => Some((item.id, News::Unread)),
            _ => None,
        };
        self.items.iter().filter_map(news).collect()
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Conversation { conversation } => self.put((**conversation).clone()),
            Event::Deleted { conversation } => self.remove(*conversation),
            Event::Preferences { preferences } => self.prefer((**preferences).clone()),
            Event::List(list) => self.restart((**list).clone()),
            _ => {}
        }
    }

    /// Events of other devices may come in another order than they were written.
    fn prefer(&mut self, preferences: Preferences) {
        if self.preferences.as_ref().is_none_or(|known| known.number < preferences.number) {
            self.preferences = Some(preferences);
        }
    }

    fn put(&mut self, mut conversation: Conversation) {
        if let Some(before) = self.items.iter().find(|known| known.id == conversation.id) {
            conversation.standing = conversation.standing.after(before.standing);
        }
        self.remove(conversation.id);
        if conversation.standing.archived == Some(true) {
            return;
        }
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
