//! What joins several processes: one log for each topic, numbered for all of them, and the sign that it has grown.
//!
//! The journals know what of it this process needs. It carries events and knows topics, and nothing of viewers, accounts
//! or the store.

#[cfg(test)]
pub(crate) mod memory;
pub mod redis;

use crate::event::{Cursor, Event};
use crate::model::{AccountId, ConversationId, MessageId};
use futures::future::BoxFuture;
use tokio::sync::{mpsc, watch};

/// What a log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    Conversation(ConversationId),
    /// An account's list of conversations.
    Account(AccountId),
}

/// The logs that several processes share. Every call answers within a bounded time.
pub trait Backplane: Send + Sync {
    /// Numbers the events and wakes everybody who follows the topic.
    fn append(&self, topic: Topic, batch: Append) -> BoxFuture<'_, Result<Placed, Down>>;

    /// What each topic's log has after the position, in the order of the request. None: this one is not told now.
    fn look(&self, topics: Vec<(Topic, Option<Cursor>)>) -> BoxFuture<'_, Result<Vec<Option<Look>>, Down>>;

    /// Takes the topic's open reply from its owner, for `owner`. `None`: that reply is not open there.
    fn fence(&self, topic: Topic, reply: MessageId, owner: String) -> BoxFuture<'_, Result<Option<Fence>, Down>>;

    /// Drops what the log has, so that every reader continues from a snapshot. `false`: a reply is open, and nothing was
    /// dropped.
    fn start_over(&self, topic: Topic) -> BoxFuture<'_, Result<bool, Down>>;

    /// Waits for the topic's turn among all processes, for a bounded time.
    fn turn(&self, topic: Topic) -> BoxFuture<'_, Result<Box<dyn Turn>, Down>>;

    /// From when it returns on, a [`Wake`] comes for each growth of the topic.
    fn follow(&self, topic: Topic) -> BoxFuture<'_, Result<(), Down>>;

    /// Undoes [`Self::follow`].
    fn leave(&self, topic: Topic);

    /// The wakes of this process. Taken once.
    fn wakes(&self) -> mpsc::UnboundedReceiver<Wake>;

    /// Whether this process is joined to the others, or alone.
    fn joined(&self) -> watch::Receiver<bool>;

    /// Whether something has not been taken lately, for lack of room: then the others do not hear all of this process.
    fn is_refusing(&self) -> bool;

    /// Whether there is so little room left that no further reply is to be opened.
    fn is_short(&self) -> bool;
}

/// A turn that is held among all processes; given back when dropped. It can run out before.
pub trait Turn: Send + Sync {
    /// What an append made in the turn names, so that it is refused once the turn has run out.
    fn value(&self) -> &str;
}

/// Events to be appended together: all of them, or none.
#[derive(Clone, Debug)]
pub struct Append {
    pub what: What,
    pub events: Vec<Event>,
    /// The value of the turn that it is made in.
    pub turn: Option<String>,
    /// How far the caller knows the log: one that is shorter in the same epoch has lost something.
    pub known: Option<Cursor>,
    /// Older events are not needed any more.
    pub floor: u64,
}

impl Append {
    pub fn new(what: What, events: Vec<Event>) -> Self {
        Self { what, events, turn: None, known: None, floor: 0 }
    }
}

/// By what right events are appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// At any time.
    Plain,
    /// Only while no reply is open.
    Quiet,
    /// They open the reply, which is then the owner's.
    Open { reply: MessageId, owner: String },
    /// They open the reply again, in place of all that the log had.
    Reopen { reply: MessageId, owner: String },
    /// Of the open reply. `batch` is one more each time, and the epoch is the one in which it was opened.
    Pieces { reply: MessageId, owner: String, epoch: u64, batch: u64 },
    /// As [`Self::Pieces`]; the last one ends the reply.
    End { reply: MessageId, owner: String, epoch: u64, batch: u64 },
    /// The topic is deleted: what the log had is dropped.
    Gone,
}

/// What became of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// They are in the log; the last of them here. `cancel`: somebody wants the reply to be stopped.
    At { last: Cursor, cancel: bool },
    /// They are in it since an earlier try. `first`: the event that opened the reply, where it is open.
    Again { last: Cursor, first: u64 },
    /// The reply is not the caller's any more.
    Fenced,
    /// The log has been lost, and the reply with it.
    Lost,
    /// Another reply is open.
    Open(MessageId),
    /// The turn had run out.
    Late,
    /// There is no room.
    Full,
}

/// A part of a log.
#[derive(Clone, Debug)]
pub struct Look {
    /// Where the log ends.
    pub cursor: Cursor,
    pub open: Option<OpenReply>,
    /// What comes after the position, in order. Where the first is not the next one, what was between is gone.
    pub events: Vec<(u64, Event)>,
}

/// A reply that is open in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReply {
    pub reply: MessageId,
    pub owner: String,
    /// The event that opened it.
    pub first: u64,
}

/// What a healer needs to go on in the place of the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Where the log ends.
    pub end: Cursor,
    /// The event that opened the reply.
    pub first: u64,
}

/// A reason to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The topic's log has grown up to here.
    Topic(Topic, Cursor),
    /// Wakes may have been lost.
    Everything,
}

/// There was no answer: whether it was done is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what joins the processes does not answer")]
pub struct Down;
