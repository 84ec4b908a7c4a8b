//! What must be true some time after the last deed: every viewer has what a new one gets, and what was shown is what is kept.

use super::deeds::Scene;
use super::viewer::{Promise, Viewer, short};
use super::{Cluster, Person};
use crate::event::{List, Snapshot, Thread};
use crate::model::{Conversation, Message, MessageId, Role, Status};
use crate::server::sync::lock;
use crate::tests::upstream::script::Script;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often it is looked whether everything has arrived everywhere.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Something that is not so, and the viewer who has it.
pub(super) struct Fault {
    pub(super) viewer: Option<usize>,
    pub(super) what: String,
}

impl Fault {
    fn of_all(what: String) -> Self {
        Self { viewer: None, what }
    }
}

/// A conversation as a new viewer gets it, at each of the nodes.
type Fresh = HashMap<(String, String), (Snapshot, List)>;

impl Cluster {
    /// Waits until everybody has everything. The time it took; otherwise what is missing by the deadline.
    pub(super) async fn settled(
        &self,
        scene: &Scene,
        viewers: &[Viewer],
        limit: Duration,
    ) -> Result<Duration, Vec<Fault>> {
        let began = Instant::now();
        loop {
            let faults = self.differences(scene, viewers).await;
            if faults.is_empty() {
                return Ok(began.elapsed());
            }
            if limit < began.elapsed() {
                return Err(faults);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn differences(&self, scene: &Scene, viewers: &[Viewer]) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fresh = Fresh::new();
        for person in &self.people {
            for conversation in &scene.conversations {
                let mut first: Option<(Snapshot, List)> = None;
                for node in 0..3 {
                    let Some(new) = seen_anew(person, node, &conversation.to_string()).await else {
                        faults.push(Fault::of_all(format!("node {} does not show it to {}", node + 1, person.name)));
                        continue;
                    };
                    let open = new.0.messages.iter().filter(|message| message.status == Status::Streaming);
                    faults.extend(
                        open.map(|open| Fault::of_all(format!("{} is streaming at node {}", short(open.id), node + 1))),
                    );
                    if let Some(first) = &first {
                        let same = difference(&Thread::from(new.0.clone()), &first.0)
                            .or_else(|| differing(&new.1.items, &first.1.items));
                        faults
                            .extend(same.map(|what| Fault::of_all(format!("nodes 1 and {} differ: {what}", node + 1))));
                    }
                    first = first.or(Some(new));
                }
                if let Some(first) = first {
                    fresh.insert((person.name.into(), conversation.to_string()), first);
                }
            }
        }
        for (number, viewer) in viewers.iter().enumerate() {
            let key = (viewer.person.name.to_owned(), viewer.conversation.to_string());
            if let Some(what) = fresh.get(&key).and_then(|fresh| missing(viewer, fresh)) {
                faults.push(Fault { viewer: Some(number), what });
            }
        }
        faults
    }

    /// What must never have been, and what was shown and is not kept.
    pub(super) async fn verdict(&self, scene: &Scene, viewers: &[Viewer], promise: Promise, lost: usize) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (number, viewer) in viewers.iter().enumerate() {
            for what in std::mem::take(&mut lock(&viewer.eyes).faults) {
                faults.push(Fault { viewer: Some(number), what });
            }
        }
        for conversation in &scene.conversations {
            let messages = self.all_messages(&conversation.to_string()).await;
            let asked: HashMap<MessageId, &Message> = messages.iter().map(|message| (message.id, message)).collect();
            for reply in messages.iter().filter(|message| message.role == Role::Assistant) {
                let whole = whole(reply, &asked);
                if let Some(whole) = whole.filter(|whole| !is_part(reply, whole)) {
                    let (name, status, answers) = (short(reply.id), reply.status.name(), reply.parent.map(short));
                    let (kept, whole) = (&reply.text, words(&whole));
                    let what = format!("{name} to {answers:?} is kept as {status}, of {whole} words: {kept:?}");
                    let saw = |viewer: &Viewer| lock(&viewer.eyes).shown.contains_key(&reply.id);
                    faults.push(Fault { viewer: viewers.iter().position(saw), what });
                }
                for (number, viewer) in viewers.iter().enumerate() {
                    let shown = lock(&viewer.eyes).shown.get(&reply.id).cloned().unwrap_or_default();
                    let kept = match promise {
                        Promise::Live => reply.text.starts_with(&shown.text),
                        Promise::Coarse => {
                            let both = reply.text.starts_with(&shown.text) || shown.text.starts_with(&reply.text);
                            both && words(&shown.text) <= words(&reply.text) + lost
                        }
                    };
                    if !kept {
                        let (seen, kept) = (words(&shown.text), words(&reply.text));
                        let what = format!("{} is kept with {kept} words, and {seen} were shown", short(reply.id));
                        faults.push(Fault { viewer: Some(number), what });
                    }
                }
            }
        }
        faults
    }

    async fn all_messages(&self, conversation: &str) -> Vec<Message> {
        let [alice, _] = &self.people;
        let path = format!("/api/v1/conversations/{conversation}");
        let snapshot: Snapshot = serde_json::from_value(alice.get(0, &path).await.unwrap()).unwrap();
        snapshot.messages
    }
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// What the model says here when nothing breaks. A reply without text is left out of what it is told, which joins two
/// questions, and it follows the first script in them.
fn whole(reply: &Message, all: &HashMap<MessageId, &Message>) -> Option<String> {
    let mut asked = all.get(&reply.parent?)?;
    while let Some(former) = asked.parent.and_then(|former| all.get(&former)).filter(|former| former.text.is_empty()) {
        asked = all.get(&former.parent?)?;
    }
    let script = asked.text.lines().find_map(|line| line.strip_prefix("@upstream "))?;
    Some(serde_json::from_str::<Script>(script).unwrap().full_text())
}

fn is_part(reply: &Message, whole: &str) -> bool {
    match reply.status {
        Status::Done => reply.text == whole,
        _ => whole.starts_with(&reply.text),
    }
}

async fn seen_anew(person: &Person, node: usize, conversation: &str) -> Option<(Snapshot, List)> {
    let snapshot = person.get(node, &format!("/api/v1/conversations/{conversation}")).await?;
    let list = person.get(node, "/api/v1/conversations?limit=50").await?;
    let items: Vec<Conversation> = serde_json::from_value(list["items"].clone()).unwrap();
    let cursor = serde_json::from_value(snapshot["cursor"].clone()).unwrap();
    Some((serde_json::from_value(snapshot).unwrap(), List { items, next: None, cursor, preferences: None }))
}

/// What a viewer lacks of what a new one gets.
fn missing(viewer: &Viewer, (snapshot, list): &(Snapshot, List)) -> Option<String> {
    let eyes = lock(&viewer.eyes);
    let Some(thread) = eyes.fold.thread() else { return Some("has nothing".into()) };
    if eyes.fold.draft().is_some() {
        return Some("still has a draft".into());
    }
    difference(&thread, snapshot).or_else(|| {
        // Server-Sent Events carry the conversation alone.
        let lists = viewer.transport != super::Transport::Sse;
        lists.then(|| differing(&eyes.fold.list().items, &list.items)).flatten()
    })
}

/// The first thing in which a viewer's conversation is not the new one, of which there are only the last messages.
fn difference(thread: &Thread, fresh: &Snapshot) -> Option<String> {
    // When its last message was sent is for lists.
    let own = Conversation { updated_at: fresh.conversation.updated_at.clone(), ..thread.conversation.clone() };
    if own != fresh.conversation {
        return Some(format!("has {own:?} for {:?}", fresh.conversation));
    }
    if thread.access != fresh.access {
        return Some(format!("has {:?} for {:?}", thread.access, fresh.access));
    }
    let own = &thread.messages[thread.messages.len().saturating_sub(fresh.messages.len())..];
    let facts = |message: &Message| {
        let usage = message.usage;
        (message.id, message.parent, message.role, message.text.clone(), message.status, usage, message.versions)
    };
    for (index, message) in fresh.messages.iter().enumerate() {
        match own.get(index) {
            Some(own) if facts(own) == facts(message) => {}
            Some(own) => {
                let brief = |message: &Message| {
                    let (status, length, versions) = (message.status.name(), message.text.len(), message.versions);
                    format!("{} {status}, {length} bytes, {versions:?}, {:?}", short(message.id), message.usage)
                };
                return Some(format!("has ({}) for ({})", brief(own), brief(message)));
            }
            None => return Some(format!("lacks {}", short(message.id))),
        }
    }
    None
}

/// The first entry of the list that is another one.
fn differing(own: &[Conversation], fresh: &[Conversation]) -> Option<String> {
    let brief = |item: Option<&Conversation>| {
        item.map(|item| format!("{} {:?} of {}", short(item.id), item.title, item.updated_at))
    };
    let pair = (0..fresh.len())
        .map(|index| (brief(own.get(index)), brief(fresh.get(index))))
        .find(|(own, fresh)| own != fresh)?;
    Some(format!("has in its list {:?} for {:?}", pair.0, pair.1))
}
