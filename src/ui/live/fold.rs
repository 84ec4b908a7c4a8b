//! The page's data, without signals: the fold of the two journals that it follows, and the messages that were sent here
//! and are not confirmed yet. The signals in `ui/live` show it.

use super::list::Recent;
use crate::contract::{Earlier, Sent};
use crate::event::{Cursor, Draft, Event, List, Snapshot, Thread};
use crate::markdown;
use crate::model::{Access, Conversation, ConversationId, Message, MessageId, Role};
use crate::wire::{Line, Order, Topic};
use std::collections::BTreeSet;
use std::ops::BitOrAssign;

/// All data of a page.
#[derive(Debug, Default)]
pub struct Fold {
    /// The open conversation, exactly as its journal tells it.
    thread: Option<Thread>,
    cursor: Option<Cursor>,
    /// The conversation was begun here and the server has not answered yet.
    begun: bool,
    pending: Vec<Pending>,
    list: Recent,
    /// Replies whose highlighted code is loaded, was requested, or is not needed.
    settled: BTreeSet<MessageId>,
}

/// A message that was sent here and that is not in the journal's events yet.
#[derive(Debug)]
struct Pending {
    message: Message,
    /// Set once the server has it: after reading the journal up to this cursor, the journal decides where the message
    /// is.
    until: Option<Cursor>,
}

/// What is to be drawn again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub thread: bool,
    pub draft: bool,
    pub list: bool,
}

impl Change {
    /// A thread and its draft are drawn together, so that a reply's text is always in exactly one of them.
    const THREAD: Self = Self { thread: true, draft: true, list: false };
    const DRAFT: Self = Self { thread: false, draft: true, list: false };
    const LIST: Self = Self { thread: false, draft: false, list: true };
    const NONE: Self = Self { thread: false, draft: false, list: false };
}

impl BitOrAssign for Change {
    fn bitor_assign(&mut self, other: Self) {
        self.thread |= other.thread;
        self.draft |= other.draft;
        self.list |= other.list;
    }
}

/// A line leaves a gap: follow again from the last cursors.
#[derive(Debug, PartialEq, Eq)]
pub struct Gap;

/// What to follow, and from which cursors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Following {
    pub conversation: Option<ConversationId>,
    pub cursor: Option<Cursor>,
    pub list: Option<Cursor>,
}

/// Reading the data.
impl Fold {
    /// The conversation that is shown.
    pub fn conversation(&self) -> Option<ConversationId> {
        self.thread.as_ref().map(|thread| thread.conversation.id)
    }

    pub fn place(&self) -> Following {
        let there = |thread: &&Thread| !thread.deleted && !self.begun;
        let conversation = self.thread.as_ref().filter(there).map(|thread| thread.conversation.id);
        let cursor = self.cursor.filter(|_| conversation.is_some());
        Following { conversation, cursor, list: self.list.cursor }
    }

    /// The conversation as it is drawn: with messages that are not confirmed yet, without the draft.
    pub fn thread(&self) -> Option<Thread> {
        let Thread { conversation, access, messages, earlier, deleted, .. } = self.thread.as_ref()?;
        let pending = self.pending.iter().map(|pending| &pending.message);
        Some(Thread {
            conversation: conversation.clone(),
            access: *access,
            messages: messages.iter().chain(pending).cloned().collect(),
            earlier: *earlier,
            draft: None,
            assignment: None,
            deleted: *deleted,
        })
    }

    pub fn draft(&self) -> Option<&Draft> {
        self.thread.as_ref()?.draft.as_ref()
    }

    pub fn list(&self) -> &Recent {
        &self.list
    }

    pub fn has_message(&self, id: MessageId) -> bool {
        self.thread.iter().flat_map(|thread| &thread.messages).any(|message| message.id == id)
    }
}

/// The server's data.
impl Fold {
    /// Opens a loaded page. A page that is older than the data changes nothing, so that no text
    /// ever gets shorter.
    pub fn show(&mut self, page: Option<Snapshot>) -> Change {
        let Some(snapshot) = page else {
            let change = if self.thread.is_some() { Change::THREAD } else { Change::NONE };
            self.close();
            return change;
        };
        let same = self.conversation() == Some(snapshot.conversation.id);
        if same && !is_news(snapshot.cursor, self.cursor) {
            return Change::NONE;
        }
        if !same {
            self.close();
        }
        self.restart(snapshot);
        // A page includes its highlighted code.
        self.unhighlighted();
        Change::THREAD
    }

    pub fn listed(&mut self, list: List) -> Change {
        if !is_news(list.cursor, self.list.cursor) {
            return Change::NONE;
        }
        self.list.restart(list);
        Change::LIST
    }

    pub fn listed_event(&mut self, event: &Event) -> Change {
        self.list.apply(event);
        Change::LIST
    }

    pub fn listed_more(&mut self, list: List) -> Change {
        self.list.extend(list);
        Change::LIST
    }

    pub fn put_before(&mut self, earlier: Earlier) -> Change {
        let Some(thread) = &mut self.thread else { return Change::NONE };
        let first = thread.messages.first().and_then(|message| message.parent);
        // Requested twice, or for another conversation: it no longer fits.
        if first.is_none() || earlier.messages.last().map(|message| message.id) != first {
            return Change::NONE;
        }
        self.settled.extend(earlier.messages.iter().map(|message| message.id));
        thread.messages.splice(0..0, earlier.messages);
        thread.earlier = earlier.earlier;
        Change::THREAD
    }

    /// Folds a line of the stream, if it is the next (promise S2).
    pub fn take(&mut self, line: Line) -> Result<Change, Gap> {
        let cursor = match line.topic {
            Topic::Conversation => self.cursor,
            Topic::List => self.list.cursor,
        };
        match (line.order(cursor), line.topic) {
            (Order::Old, _) => Ok(Change::NONE),
            (Order::Gap, _) => Err(Gap),
            (Order::Next, Topic::Conversation) => self.converse(line.id, line.event),
            (Order::Next, Topic::List) => Ok(self.relist(line.id, &line.event)),
        }
    }

    /// Drops the cursors, so that the next follow starts from snapshots. What is shown stays meanwhile.
    pub fn forget_cursors(&mut self) {
        self.cursor = None;
        self.list.cursor = None;
    }

    /// The server says that the conversation does not exist, or is no longer this user's.
    pub fn is_gone(&mut self) -> Change {
        let Some(thread) = &mut self.thread else { return Change::NONE };
        thread.deleted = true;
        Change::THREAD
    }

    /// A deleted conversation was brought back: it is followed again, from a snapshot.
    fn is_back(&mut self) -> Change {
        match &mut self.thread {
            Some(thread) if thread.deleted => {
                thread.deleted = false;
                self.cursor = None;
                Change::THREAD
            }
            _ => Change::NONE,
        }
    }

    /// Finished replies whose code is not highlighted yet. Each is returned once.
    pub fn unhighlighted(&mut self) -> Vec<MessageId> {
        let Some(thread) = &self.thread else { return Vec::new() };
        let ended = |message: &&Message| message.role == Role::Assistant && !message.status.is_open();
        let settled = &mut self.settled;
        let new = thread.messages.iter().filter(ended).filter(|message| settled.insert(message.id));
        new.filter(|message| markdown::is_unfinished(&message.text)).map(|message| message.id).collect()
    }

    fn converse(&mut self, id: Cursor, event: Event) -> Result<Change, Gap> {
        if let Event::Snapshot(snapshot) = event {
            self.restart(*snapshot);
            return Ok(Change::THREAD);
        }
        let Some(thread) = &mut self.thread else { return Err(Gap) };
        if !fits(thread, &event) {
            self.cursor = None;
            return Err(Gap);
        }
        thread.apply(&event);
        self.cursor = Some(id);
        if matches!(event, Event::Token { .. } | Event::Thinking { .. } | Event::Waiting { model: None, .. }) {
            return Ok(Change::DRAFT);
        }
        self.confirm();
        Ok(Change::THREAD)
    }

    fn relist(&mut self, id: Cursor, event: &Event) -> Change {
        self.list.apply(event);
        self.list.cursor = Some(id);
        let mut change = Change::LIST;
        match event {
            Event::Deleted { conversation } if self.conversation() == Some(*conversation) => change |= self.is_gone(),
            Event::Conversation { conversation } if self.conversation() == Some(conversation.id) => {
                change |= self.is_back();
            }
            _ => {}
        }
        change
    }

    /// Starts over from a snapshot. Messages from before it that were loaded here stay.
    fn restart(&mut self, snapshot: Snapshot) {
        self.cursor = Some(snapshot.cursor);
        self.begun = false;
        let mut thread = Thread::from(snapshot);
        if let Some(former) = self.thread.take() {
            keep_earlier(&mut thread, former);
        }
        self.thread = Some(thread);
        self.confirm();
    }

    fn close(&mut self) {
        let list = std::mem::take(&mut self.list);
        *self = Self { list, ..Self::default() };
    }

    /// Drops the pending messages that are in the journal.
    fn confirm(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain(|pending| !self.has_message(pending.message.id) && !self.has_passed(pending.until));
        self.pending = pending;
    }

    fn has_passed(&self, until: Option<Cursor>) -> bool {
        let (Some(until), Some(cursor)) = (until, self.cursor) else { return false };
        cursor.epoch != until.epoch || until.seq <= cursor.seq
    }
}

/// Messages that are sent here.
impl Fold {
    /// Draws a conversation that the server does not have yet, with its first message.
    pub fn begin(&mut self, conversation: Conversation, message: Message) -> Change {
        self.close();
        self.begun = true;
        let (access, messages) = (Access::Owner, Vec::new());
        self.thread = Some(Thread {
            conversation,
            access,
            assignment: None,
            messages,
            earlier: false,
            draft: None,
            deleted: false,
        });
        self.say(message)
    }

    /// Draws a message before the server has it.
    pub fn say(&mut self, mut message: Message) -> Change {
        let Some(thread) = &self.thread else { return Change::NONE };
        if self.has_message(message.id) || self.pending.iter().any(|pending| pending.message.id == message.id) {
            return Change::NONE;
        }
        let last = self.pending.last().map(|pending| &pending.message).or(thread.messages.last());
        message.parent = message.parent.or(last.map(|last| last.id));
        self.pending.push(Pending { message, until: None });
        Change::THREAD
    }

    /// The server has the message. The journal's event decides where it is; until then it stays where it was drawn.
    pub fn accept(&mut self, sent: &Sent) -> Change {
        for pending in self.pending.iter_mut().filter(|pending| pending.message.id == sent.message.id) {
            pending.until = Some(sent.cursor);
            self.begun = false;
        }
        let before = self.pending.len();
        self.confirm();
        if self.pending.len() < before { Change::THREAD } else { Change::NONE }
    }

    /// Takes back a message that could not be sent, and the conversation that it would have begun.
    pub fn unsay(&mut self, id: MessageId) -> Change {
        self.pending.retain(|pending| pending.message.id != id);
        if self.begun && self.pending.is_empty() {
            self.close();
        }
        Change::THREAD
    }
}

/// Whether data as of `cursor` is newer than `known`. Data of another epoch counts as newer.
fn is_news(cursor: Cursor, known: Option<Cursor>) -> bool {
    known.is_none_or(|known| cursor.epoch != known.epoch || known.seq < cursor.seq)
}

/// Whether the event's message can be put behind its parent here. Otherwise it belongs to a branch that this page
/// does not hold, and only a snapshot can show it.
fn fits(thread: &Thread, event: &Event) -> bool {
    let (id, parent) = match event {
        Event::Message { message } => (message.id, message.parent),
        Event::Reply { reply, parent, .. } => (*reply, *parent),
        _ => return true,
    };
    let is_known = |id: MessageId| thread.messages.iter().any(|message| message.id == id);
    is_known(id) || parent.is_none_or(is_known)
}

/// Puts the messages of `former` from before the first of `thread` back in front of it.
fn keep_earlier(thread: &mut Thread, former: Thread) {
    let Some(first) = thread.messages.first() else { return };
    let at = |id: MessageId| former.messages.iter().position(|message| message.id == id);
    let end = at(first.id).or_else(|| Some(at(first.parent?)? + 1));
    let Some(end @ 1..) = end.filter(|_| former.conversation.id == thread.conversation.id) else {
        return;
    };
    thread.earlier = former.earlier;
    thread.messages.splice(0..0, former.messages.into_iter().take(end));
}
