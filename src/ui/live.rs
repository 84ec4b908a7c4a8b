//! The page's connection: follows the server and folds its events into the signals that the components draw.
//!
//! `live/fold` is the page's data, `live/follow` the loop that keeps it up to date, `live/pace` when it reconnects.
//! Components read the signals and call the methods; they change no thread, draft or list by themselves.

pub mod fold;
mod follow;
pub mod list;
pub mod pace;

use crate::contract::{Earlier, Page, Sent};
use crate::error::Problem;
use crate::event::{Draft, Event, List, Thread};
use crate::model::{Conversation, ConversationId, Message, MessageId, Preferences};
use fold::{Change, Fold};
use futures::channel::mpsc::UnboundedSender;
use leptos::prelude::*;
use list::{News, Recent};
use pace::Nudge;
use std::collections::BTreeMap;

/// The state of the connection. Each state is entered after an observed event, never by assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// The first connection is being made.
    Connecting,
    /// Bytes arrive.
    Live,
    /// The connection was lost and is being made again.
    Reconnecting,
    /// The browser says that it has no network.
    Offline,
}

/// What the components read. One per page, provided as context by the app.
#[derive(Clone, Copy)]
pub struct Live {
    /// The open conversation without its draft (that field is always `None` here); none on the start page. The message
    /// of the open reply is among the messages, with the status `streaming` and stale text: `draft` has the text.
    pub thread: RwSignal<Option<Thread>>,
    /// The reply that is being generated. Set at most once per frame.
    pub draft: RwSignal<Option<Draft>>,
    /// The sidebar's conversations, newest first.
    pub list: RwSignal<Vec<Conversation>>,
    /// What goes on in conversations of the list, or has gone on unseen.
    pub news: RwSignal<Vec<(ConversationId, News)>>,
    /// Where the list's next page starts.
    pub list_next: RwSignal<Option<String>>,
    /// What the account has chosen for its browsers, where it has chosen anything.
    pub preferences: RwSignal<Option<Preferences>>,
    /// Who else has the conversation open, as a sentence; empty if there is no one else.
    pub company: RwSignal<String>,
    pub link: RwSignal<Connection>,
    /// The problem that the server answered a follow with. `Problem::Unknown` leads to the sign-in page.
    /// `None` as soon as bytes arrive.
    pub problem: RwSignal<Option<Problem>>,
    /// The HTML of finished messages whose code the server highlighted.
    pub highlighted: RwSignal<BTreeMap<MessageId, String>>,
    fold: StoredValue<Fold>,
    /// Wakes the loop that follows, once it runs.
    nudge: StoredValue<Option<UnboundedSender<Nudge>>>,
}

impl Live {
    pub fn new() -> Self {
        Self {
            thread: RwSignal::new(None),
            draft: RwSignal::new(None),
            list: RwSignal::new(Vec::new()),
            news: RwSignal::new(Vec::new()),
            list_next: RwSignal::new(None),
            preferences: RwSignal::new(None),
            company: RwSignal::new(String::new()),
            link: RwSignal::new(Connection::Connecting),
            problem: RwSignal::new(None),
            highlighted: RwSignal::new(BTreeMap::new()),
            fold: StoredValue::new(Fold::default()),
            nudge: StoredValue::new(None),
        }
    }

    /// Follows the server from the moment the page is hydrated until its owner is disposed of. Once per page; on the
    /// server it does nothing.
    pub fn connect(self) {
        Effect::new(move |_| {
            let (following, ending) = futures::future::abortable(follow::run(self));
            leptos::task::spawn_local(async move {
                let _ = following.await;
            });
            on_cleanup(move || ending.abort());
        });
    }

    /// Shows a conversation as it was loaded, or none. To be called where the page's resource is read, on both sides:
    /// the signals are set at once, so that the server's HTML holds the text. Showing the same page again, or one that
    /// is older than what has arrived since, changes nothing.
    pub fn show(self, page: Option<Page>) {
        let (snapshot, highlighted) = match page {
            Some(page) => (Some(page.snapshot), page.highlighted),
            None => (None, BTreeMap::new()),
        };
        let open = |fold: &Fold| (fold.conversation(), fold.place().conversation);
        let (former, followed) = self.fold.with_value(open);
        let change = self.change(|fold| fold.show(snapshot));
        let (shown, to_follow) = self.fold.with_value(open);
        if shown != former {
            self.highlighted.set(highlighted);
        } else if change.thread {
            self.highlighted.update(|known| known.extend(highlighted));
        }
        if to_follow != followed {
            self.nudge(Nudge::Turned);
        }
    }

    /// Shows the first page of the list.
    pub fn listed(self, list: List) {
        self.change(|fold| fold.listed(list));
    }

    /// Adds the page of the list that `list_next` led to.
    pub fn listed_more(self, list: List) {
        self.change(|fold| fold.listed_more(list));
    }

    /// Shows what has changed in the list by an action of this page. The list's journal tells it again.
    pub fn listed_event(self, event: &Event) {
        self.change(|fold| fold.listed_event(event));
    }

    /// Adds the messages from before those that are shown.
    pub fn put_before(self, mut earlier: Earlier) {
        let highlighted = std::mem::take(&mut earlier.highlighted);
        if self.change(|fold| fold.put_before(earlier)).thread {
            self.highlighted.update(|known| known.extend(highlighted));
        }
    }

    /// Draws a message that is being sent. Without a parent it is put behind the last one.
    pub fn sent(self, message: Message) {
        self.change(|fold| fold.say(message));
    }

    /// Draws a conversation that is being started, and its first message.
    pub fn begun(self, conversation: Conversation, message: Message) {
        self.highlighted.set(BTreeMap::new());
        self.change(|fold| fold.begin(conversation, message));
        self.nudge(Nudge::Turned);
    }

    /// The server has what was sent. A conversation that was started is followed from here on.
    pub fn accepted(self, sent: &Sent) {
        self.change(|fold| fold.accept(sent));
        self.nudge(Nudge::Sent);
    }

    /// Takes back a message that could not be sent. Where the server has it after all, it stays.
    pub fn unsent(self, id: MessageId) {
        self.change(|fold| fold.unsay(id));
    }

    /// Replies that have ended and whose code is to be highlighted. Each is returned once.
    pub fn unhighlighted(self) -> Vec<MessageId> {
        self.fold.try_update_value(Fold::unhighlighted).unwrap_or_default()
    }

    /// Shows the highlighted code of a message, if the conversation is still open.
    pub fn highlight(self, message: MessageId, html: String) {
        if self.fold.try_with_value(|fold| fold.has_message(message)) == Some(true) {
            self.highlighted.try_update(|known| known.insert(message, html));
        }
    }

    /// What a row of the list says of this conversation.
    pub fn news_of(self, id: ConversationId) -> Option<News> {
        self.news.with(|news| news.iter().find(|(of, _)| *of == id).map(|(_, news)| *news))
    }

    /// Changes the page's data and draws it.
    fn change(self, change: impl FnOnce(&mut Fold) -> Change) -> Change {
        let change = self.fold.try_update_value(change).unwrap_or_default();
        self.draw(change);
        change
    }

    /// Effects run after this, so that what is set here together is drawn together.
    fn draw(self, change: Change) {
        if change.thread {
            self.thread.set(self.fold.with_value(Fold::thread));
        }
        if change.draft {
            self.draft.set(self.fold.with_value(|fold| fold.draft().cloned()));
        }
        if change.list {
            let Recent { items, next, preferences, .. } = self.fold.with_value(|fold| fold.list().clone());
            let news = self.fold.with_value(|fold| fold.list().news());
            if self.news.with_untracked(|before| *before != news) {
                self.news.set(news);
            }
            if self.preferences.with_untracked(|before| *before != preferences) {
                self.preferences.set(preferences);
            }
            self.list.set(items);
            self.list_next.set(next);
        }
    }

    fn nudge(self, nudge: Nudge) {
        self.nudge.with_value(|loop_| {
            if let Some(sender) = loop_ {
                // Fails while the page is being closed.
                let _ = sender.unbounded_send(nudge);
            }
        });
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}
