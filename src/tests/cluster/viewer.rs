//! A viewer: folds as the browser does, comes back whenever it is cut off, and looks at every event for what must never be
//! seen.

use super::connection::{Connection, Place, Transport};
use super::person::Person;
use super::story::Story;
use crate::event::{Cursor, Event};
use crate::model::{ConversationId, MessageId, Role};
use crate::server::sync::lock;
use crate::ui::live::fold::Fold;
use crate::wire::{Line, Order, Topic};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A client's pause before it comes back.
const PAUSE: Duration = Duration::from_millis(100);

/// What the cluster promises to those who look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// PostgreSQL alone: foreign text comes by snapshots once a second, and the last second of a node that dies is lost.
    /// What is shown is always a beginning of the text.
    Coarse,
    /// With Redis: nothing that anybody was shown is ever taken back.
    Live,
}

/// What was shown of a reply.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// The longest text.
    pub(super) text: String,
    /// How often its end was told.
    pub(super) ends: usize,
}

/// What a viewer has.
pub(super) struct Eyes {
    pub(super) fold: Fold,
    pub(super) shown: HashMap<MessageId, Shown>,
    pub(super) lines: Vec<(Duration, String)>,
    pub(super) faults: Vec<String>,
    pub(super) snapshots: usize,
    pub(super) connections: usize,
    /// Those that it was connected to.
    pub(super) nodes: BTreeSet<String>,
    promise: Promise,
    story: Story,
    /// The pieces since the last line: how many, and the cursor of the last.
    pieces: Option<(MessageId, usize, Cursor)>,
}

pub(super) struct Viewer {
    pub(super) name: String,
    pub(super) person: Arc<Person>,
    pub(super) conversation: ConversationId,
    pub(super) transport: Transport,
    pub(super) eyes: Arc<Mutex<Eyes>>,
    watching: JoinHandle<()>,
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Viewer {
    pub(super) fn start(
        name: String,
        person: &Arc<Person>,
        url: &str,
        conversation: ConversationId,
        transport: Transport,
        (promise, story): (Promise, &Story),
    ) -> Self {
        let eyes = Arc::new(Mutex::new(Eyes {
            fold: Fold::default(),
            shown: HashMap::new(),
            lines: Vec::new(),
            faults: Vec::new(),
            snapshots: 0,
            connections: 0,
            nodes: BTreeSet::new(),
            promise,
            story: story.clone(),
            pieces: None,
        }));
        let watching = watch(Arc::clone(&eyes), Arc::clone(person), url.to_owned(), conversation, transport);
        let watching = tokio::spawn(watching);
        Self { name, person: Arc::clone(person), conversation, transport, eyes, watching }
    }
}

async fn watch(
    eyes: Arc<Mutex<Eyes>>,
    person: Arc<Person>,
    url: String,
    conversation: ConversationId,
    transport: Transport,
) {
    loop {
        let place = lock(&eyes).place();
        match Connection::open(transport, &person, &url, conversation, place).await {
            Err(why) => lock(&eyes).tell(format!("not connected: {why}")),
            Ok((connection, node)) => {
                lock(&eyes).connects(&node, place);
                read(&eyes, connection).await;
            }
        }
        sleep(PAUSE).await;
    }
}

/// Up to the end of the connection, or a line that does not fit.
async fn read(eyes: &Mutex<Eyes>, mut connection: Connection) {
    loop {
        let line = connection.next().await;
        let mut eyes = lock(eyes);
        match line {
            Ok(Some(line)) => {
                if !eyes.take(line) {
                    return eyes.tell("starts over".into());
                }
            }
            Ok(None) => return eyes.tell("cut off".into()),
            Err(why) => return eyes.fault(format!("it cannot be read: {why}")),
        }
    }
}

/// The end of an id, which tells two of a test apart.
pub(super) fn short(id: impl ToString) -> String {
    let id = id.to_string();
    id[id.len() - 5..].to_owned()
}

impl Eyes {
    pub(super) fn tell(&mut self, line: String) {
        if let Some((reply, count, last)) = self.pieces.take() {
            let length = self.shown[&reply].text.len();
            self.lines
                .push((self.story.now(), format!("{count} pieces of {} up to {last}: {length} bytes", short(reply))));
        }
        self.lines.push((self.story.now(), line));
    }

    /// Drops what has ended well.
    pub(super) fn forget(&mut self) {
        self.lines.clear();
    }

    fn fault(&mut self, what: String) {
        self.tell(format!("FAULT: {what}"));
        self.faults.push(what);
    }

    fn place(&self) -> Place {
        let place = self.fold.place();
        Place { conversation: place.cursor, list: place.list }
    }

    fn connects(&mut self, node: &str, from: Place) {
        self.connections += 1;
        self.nodes.insert(node.to_owned());
        let from = from.conversation.map_or("nowhere".into(), |cursor| cursor.to_string());
        self.tell(format!("connected to {node} from {from}"));
    }

    /// Whether it fitted: else it is to be asked again, from a snapshot.
    fn take(&mut self, line: Line) -> bool {
        let Place { conversation, list } = self.place();
        let cursor = if line.topic == Topic::List { list } else { conversation };
        let order = line.order(cursor);
        let (id, first, event) = (line.id, line.first.unwrap_or(line.id.seq), line.event.clone());
        if order == Order::Gap {
            let after = cursor.map_or("nothing".into(), |cursor| cursor.to_string());
            self.fault(format!("after {after} came {} {id} from {first}", event.kind()));
        }
        if order == Order::Next && line.topic == Topic::Conversation {
            self.look(&event);
        }
        let fitted = self.fold.take(line).is_ok();
        if order == Order::Next {
            self.note(&event, id);
        }
        if !fitted {
            self.fold.forget_cursors();
        }
        fitted
    }

    /// What must not come now.
    fn look(&mut self, event: &Event) {
        let Some(reply) = event.reply() else { return };
        let shown = self.shown.entry(reply).or_default();
        let ends = shown.ends;
        shown.ends += usize::from(event.outcome().is_some());
        if 0 < ends && (event.outcome().is_some() || matches!(event, Event::Token { .. } | Event::Thinking { .. })) {
            self.fault(format!("{} of {} after its end", event.kind(), short(reply)));
        }
    }

    /// What is shown now.
    fn note(&mut self, event: &Event, id: Cursor) {
        match event {
            Event::Token { reply, .. } => {
                let text = self.fold.draft().filter(|draft| draft.reply == *reply).map(|draft| draft.text.clone());
                // After its end it is not drawn.
                if let Some(text) = text {
                    self.see(*reply, &text);
                }
                let count = self.pieces.filter(|(of, ..)| of == reply).map_or(0, |(_, count, _)| count);
                if count == 0 && self.pieces.is_some() {
                    self.tell(format!("pieces of {}", short(reply)));
                }
                self.pieces = Some((*reply, count + 1, id));
            }
            Event::Snapshot(snapshot) => {
                self.snapshots += 1;
                let mut told = format!("snapshot {id} of {} messages", snapshot.messages.len());
                for message in snapshot.messages.iter().filter(|message| message.role == Role::Assistant) {
                    let draft = snapshot.draft.as_ref().filter(|draft| draft.reply == message.id);
                    let text = draft.map_or(&message.text, |draft| &draft.text);
                    told += &format!(", {} {} {}", short(message.id), message.status.name(), text.len());
                    self.see(message.id, text);
                }
                self.tell(told);
            }
            Event::List(list) => self.tell(format!("list {id} of {}", list.items.len())),
            Event::Conversation { conversation } => {
                self.tell(format!("conversation {id} {} {:?}", short(conversation.id), conversation.title));
            }
            Event::Message { message } => self.tell(format!("message {id} {}", short(message.id))),
            _ => self.tell(format!("{} {id} {}", event.kind(), event.reply().map_or(String::new(), short))),
        }
    }

    /// Text of a reply is shown: it never shrinks, and never changes.
    fn see(&mut self, reply: MessageId, text: &str) {
        let shown = self.shown.entry(reply).or_default();
        if text.starts_with(shown.text.as_str()) {
            text.clone_into(&mut shown.text);
        } else if self.promise == Promise::Live || !shown.text.starts_with(text) {
            let before = shown.text.clone();
            let same = before.bytes().zip(text.bytes()).take_while(|(one, other)| one == other).count();
            self.fault(format!(
                "{} was {} bytes and is {}, the same up to {same}",
                short(reply),
                before.len(),
                text.len()
            ));
        }
    }
}
