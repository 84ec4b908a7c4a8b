//! Transports: encodings of a journal for a viewer. Each has a cursor and reads; none has a queue.

mod access;
mod beginning;
mod direct;
mod presence;
pub mod pusher;
pub mod sse;
pub mod stream;

use super::principal::Principal;
use super::principal::Viewer;
use super::principal::ViewerId;
use super::transport::access::AccessWatch;
use super::transport::access::Change;
use crate::error::Problem;
use crate::event::{Cursor, Event};
use crate::model::{AccountId, ConversationId, MessageId};
use crate::server::grants::Grant;
use crate::server::journal::{Entry, Reader, Topic};
use crate::server::limits::Counted;
use crate::server::outlet::fan::Still;
use crate::server::transport::direct::Direct;
use crate::server::{State, conversations, lists, revocation};
use crate::wire::{Body, Presence};
use axum::http::header::{self, HeaderName};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

/// A keep-alive after this much silence (promise S12).
pub const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// The headers of every stream: no proxy on the way should store it, change it or buffer it.
pub const STREAMING_HEADERS: [(HeaderName, &str); 2] =
    [(header::CACHE_CONTROL, "no-store, no-transform"), (HeaderName::from_static("x-accel-buffering"), "no")];
/// Entries read at a time: bounds the cost of one viewer's turn.
const BATCH: usize = 1024;
/// A viewer with more entries waiting than this is behind, and gets the pieces of a reply merged into one.
const MERGE_BEHIND: usize = 64;

/// What a viewer is sent.
pub enum Frame {
    /// `snapshot`, `list` or `resumed`: the viewer's position. Or an event as only this viewer sees it.
    Start { event: Event, id: Cursor },
    /// An entry of the journal. Its bytes are shared by all viewers.
    Entry { entry: Arc<Entry>, epoch: u64 },
    /// Several pieces of one reply as one, or the end in place of all before it; `first` is the seq of the first of
    /// them.
    Merged { event: Event, first: u64, id: Cursor },
    /// The other viewers. Not an event: it has no id.
    Presence(Presence),
}

impl Frame {
    fn body(&self) -> Option<(Body, Cursor)> {
        match self {
            Self::Start { event, id } => Some((Body::new(event), *id)),
            Self::Merged { event, first, id } => Some((Body::merged(event, *first), *id)),
            Self::Entry { .. } | Self::Presence(_) => None,
        }
    }
}

/// A viewer's right to a stream: a place in the account's limit, and the grant that authorised it.
pub struct Permit {
    /// None for a reader with the public link: `AccessWatch` checks the link.
    grant: Option<Grant>,
    _place: Counted,
}

impl Permit {
    pub async fn take(state: &State, who: Principal) -> Result<Self, Problem> {
        let quota = state.store.quota(who.account).await?;
        let _place = state.limits.stream(who.account, quota.streams).await?;
        Ok(Self { grant: Some(revocation::grant(state, who).await?), _place })
    }

    /// Takes a permit for a viewer, by any right.
    pub async fn for_viewer(state: &State, viewer: Viewer) -> Result<Self, Problem> {
        match viewer {
            Viewer::Known(who) => Self::take(state, who).await,
            Viewer::ByLink(holder) => {
                Ok(Self { grant: None, _place: state.limits.link_holder_stream(holder.address)? })
            }
        }
    }

    /// Takes a permit for a visitor of a site, whose right `AccessWatch` checks.
    pub async fn for_visitor(state: &State, account: AccountId, most: u32) -> Result<Self, Problem> {
        Ok(Self { grant: None, _place: state.limits.stream(account, Some(most)).await? })
    }

    /// Cancelled when the stream must end. None for a reader with the public link.
    pub fn cut(&self) -> Option<CancellationToken> {
        self.grant.as_ref().map(Grant::cut)
    }

    /// Completes when the stream must end: its session was ended, say (promise S14).
    pub fn withdrawn(&self) -> impl Future<Output = ()> + Send + use<> {
        let cut = self.cut();
        async move {
            match cut {
                Some(cut) => cut.cancelled().await,
                None => std::future::pending().await,
            }
        }
    }
}

/// A viewer of one topic: a cursor that moves.
pub struct Follower {
    state: State,
    viewer: ViewerId,
    topic: Topic,
    /// None: the viewer needs a snapshot.
    reader: Option<Reader>,
    deleted: bool,
    /// The access check, for a conversation. In a box: a list's follower has none.
    access: Option<Box<AccessWatch>>,
    /// How it is written to while it waits. In a box: not every transport can.
    direct: Option<Box<Direct>>,
    /// The request's, for what is rarely to be logged.
    span: Span,
}

impl Follower {
    /// Starts at `cursor`, or with a snapshot where this server cannot continue from it (promise S4).
    pub async fn start(
        state: &State,
        viewer: impl Into<ViewerId>,
        topic: Topic,
        cursor: Option<Cursor>,
    ) -> Result<(Self, Frame), Problem> {
        let viewer = viewer.into();
        let access = match topic {
            Topic::Conversation(id) => Some(Box::new(AccessWatch::begin(state, viewer, id).await?)),
            Topic::Account(_) => None,
        };
        Self::begin(state, viewer, topic, cursor, access).await
    }

    /// Starts without being shown to other viewers: for a trusted backend, which sees what this account may.
    pub async fn unseen(
        state: &State,
        account: AccountId,
        conversation: ConversationId,
        cursor: Option<Cursor>,
    ) -> Result<(Self, Frame), Problem> {
        let access = AccessWatch::unseen(state, account.into(), conversation).await?;
        Self::begin(state, account.into(), Topic::Conversation(conversation), cursor, Some(Box::new(access))).await
    }

    async fn begin(
        state: &State,
        viewer: ViewerId,
        topic: Topic,
        cursor: Option<Cursor>,
        access: Option<Box<AccessWatch>>,
    ) -> Result<(Self, Frame), Problem> {
        let age = access.as_ref().and_then(|access| access.age());
        let reader = match cursor {
            Some(cursor) => state.journals.attached(topic).await.reader_within(cursor, age),
            None => None,
        };
        let (state, span) = (state.clone(), Span::current());
        let mut follower = Self { state, viewer, topic, reader, deleted: false, access, direct: None, span };
        let first = match (&follower.reader, cursor) {
            (Some(_), Some(from)) => Frame::Start { event: Event::Resumed { from }, id: from },
            _ => follower.snapshot().await?,
        };
        Ok((follower, first))
    }

    /// Whether it has announced that its topic is deleted.
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// Waits for the next frames. `None`: there is nothing more to wait for here, and the viewer is to reconnect or,
    /// after `deleted`, to stay away. Cancel-safe.
    pub async fn next(&mut self) -> Option<Vec<Frame>> {
        loop {
            if self.deleted || self.is_withdrawn() {
                return None;
            }
            if let Some(access) = &mut self.access
                && access.has_to_look()
            {
                // What happens meanwhile waits for the answer.
                self.reader.iter_mut().for_each(Reader::stay_indirect);
                match Box::pin(access.look(&self.state).instrument(self.span.clone())).await {
                    Change::Nothing => {}
                    Change::OtherAccess => self.reader = None,
                    Change::Withdrawn => return self.farewell(),
                    Change::Others(presence) => return Some(vec![Frame::Presence(presence)]),
                }
            }
            let Some(reader) = &mut self.reader else { return self.start_over().await };
            if let (Some(direct), Some(access), false) = (&self.direct, &self.access, reader.is_direct()) {
                reader.go_direct(&direct.way, still(access, direct));
            }
            let entries = match &mut self.access {
                None => reader.next(BATCH).await,
                Some(access) => tokio::select! {
                    biased;
                    () = access.stirred() => continue,
                    entries = reader.next(BATCH) => entries,
                },
            };
            return self.frames(entries).await;
        }
    }

    /// From here on it is written to directly while it waits, unless what it is sent is for it alone.
    fn write_to(&mut self, direct: Direct) {
        if self.access.as_ref().is_some_and(|access| !access.is_filtered()) {
            self.direct = Some(Box::new(direct));
        }
    }

    /// When it was last written to directly.
    fn written(&self) -> Option<Instant> {
        self.reader.as_ref()?.written()
    }

    /// The last frame of a viewer whose access ended by a deletion: that the conversation is deleted, if it was not
    /// read yet.
    fn farewell(&mut self) -> Option<Vec<Frame>> {
        let reader = self.reader.as_ref()?;
        let (first, last) = reader.rest().filter(|(_, last)| self.is_end(&last.event))?;
        let id = Cursor { epoch: reader.journal().epoch(), seq: last.seq };
        self.deleted = true;
        Some(vec![Frame::Merged { event: last.event.clone(), first, id }])
    }

    /// Whether the viewer's access was withdrawn, though the topic still exists.
    pub fn is_withdrawn(&self) -> bool {
        !self.deleted && self.access.as_ref().is_some_and(|access| access.is_withdrawn())
    }

    async fn frames(&mut self, entries: Option<Vec<Arc<Entry>>>) -> Option<Vec<Frame>> {
        let Some(reader) = &self.reader else { return self.start_over().await };
        match entries {
            Some(entries) if entries.is_empty() => None,
            Some(entries) => {
                let epoch = reader.journal().epoch();
                self.deleted = entries.iter().any(|entry| self.is_end(&entry.event));
                let frames = frames(entries, epoch);
                match &self.access {
                    Some(access) if access.is_filtered() => {
                        Some(frames.into_iter().map(|frame| access.shown(frame)).collect())
                    }
                    _ => Some(frames),
                }
            }
            None => match self.farewell() {
                Some(told) => Some(told),
                None => {
                    self.reader = None;
                    self.start_over().await
                }
            },
        }
    }

    /// In a box: it is rare, and every waiting follower would reserve the space for it.
    async fn start_over(&mut self) -> Option<Vec<Frame>> {
        let span = self.span.clone();
        let frame = Box::pin(self.snapshot().instrument(span)).await.ok()?;
        Some(vec![frame])
    }

    fn is_end(&self, event: &Event) -> bool {
        matches!((event, self.topic), (Event::Deleted { conversation }, Topic::Conversation(id)) if *conversation == id)
    }

    async fn snapshot(&mut self) -> Result<Frame, Problem> {
        loop {
            let (event, id) = self.state_of_topic().await?;
            // The journal may have dropped it meanwhile: then read again.
            self.reader = self.state.journals.topic(self.topic).reader(id);
            if self.reader.is_some() {
                return Ok(Frame::Start { event, id });
            }
        }
    }

    async fn state_of_topic(&self) -> Result<(Event, Cursor), Problem> {
        match self.topic {
            Topic::Conversation(id) => {
                let snapshot = conversations::snapshot(&self.state, self.viewer, id).await?;
                let cursor = snapshot.cursor;
                Ok((Event::Snapshot(Box::new(snapshot)), cursor))
            }
            Topic::Account(account) => {
                let list = lists::page(&self.state, account, None).await?;
                let cursor = list.cursor;
                Ok((Event::List(Box::new(list)), cursor))
            }
        }
    }
}

/// Whether a viewer may still be written to directly: asked before each write, so that nothing is written after what it
/// rests on was withdrawn.
fn still(access: &AccessWatch, direct: &Direct) -> Still {
    let (changes, ends) = (access.changes(), direct.ends.clone());
    Box::new(move || !changes.has_any() && !ends.iter().any(CancellationToken::is_cancelled))
}

/// The frame as a viewer sees it for whom `filter` changes events. Those that are merged as well.
fn filtered(frame: Frame, filter: impl Fn(&Event) -> Option<Event>) -> Frame {
    match frame {
        Frame::Entry { entry, epoch } => match filter(&entry.event) {
            Some(event) => Frame::Start { event, id: Cursor { epoch, seq: entry.seq } },
            None => Frame::Entry { entry, epoch },
        },
        Frame::Merged { event, first, id } => Frame::Merged { event: filter(&event).unwrap_or(event), first, id },
        // As it was made for this viewer.
        Frame::Start { .. } | Frame::Presence(_) => frame,
    }
}

/// The entries as frames, merged if their number shows that the viewer is behind.
fn frames(entries: Vec<Arc<Entry>>, epoch: u64) -> Vec<Frame> {
    if entries.len() <= MERGE_BEHIND {
        return entries.into_iter().map(|entry| Frame::Entry { entry, epoch }).collect();
    }
    let mut frames = Vec::new();
    for run in entries.chunk_by(|one, next| piece(&one.event).is_some() && piece(&one.event) == piece(&next.event)) {
        match run {
            [entry] => frames.push(Frame::Entry { entry: Arc::clone(entry), epoch }),
            _ => frames.push(merged(run, epoch)),
        }
    }
    frames
}

fn merged(run: &[Arc<Entry>], epoch: u64) -> Frame {
    let text = run.iter().map(|entry| text(&entry.event)).collect();
    let (first, last) = (&run[0], &run[run.len() - 1]);
    let event = match &first.event {
        Event::Thinking { reply, .. } => Event::Thinking { reply: *reply, text, since: None, ms: None },
        other => Event::Token { reply: other.reply().expect("only pieces of a reply are merged"), text },
    };
    Frame::Merged { event, first: first.seq, id: Cursor { epoch, seq: last.seq } }
}

/// What two neighbours must share to be merged. Where thinking begins and ends, an event has more than its text.
fn piece(event: &Event) -> Option<(MessageId, bool)> {
    match event {
        Event::Token { reply, .. } => Some((*reply, false)),
        Event::Thinking { reply, since: None, ms: None, .. } => Some((*reply, true)),
        _ => None,
    }
}

fn text(event: &Event) -> &str {
    match event {
        Event::Token { text, .. } | Event::Thinking { text, .. } => text,
        _ => "",
    }
}
