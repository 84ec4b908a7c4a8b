//! A viewer at one process.

use super::store::Store;
use crate::event::{Cursor, Draft, Event};
use crate::model::{MessageId, Status};
use crate::server::journal::{Journals, Reader, Topic};
use crate::server::sync::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What a viewer at one process has: text, state, and how often it was told of an end.
pub(super) struct Viewer {
    pub(super) journals: Arc<Journals>,
    pub(super) store: Arc<Store>,
    pub(super) topic: Topic,
    pub(super) reader: Option<Reader>,
    pub(super) seen: HashMap<MessageId, (String, Status)>,
    pub(super) snapshots: usize,
    /// Whether text may get shorter: what another process is shown while this one is alone is older.
    pub(super) may_shrink: bool,
}

impl Viewer {
    pub(super) async fn snapshot(&mut self) {
        loop {
            let (cursor, draft): (Cursor, Option<Draft>) = self.journals.attached(self.topic).await.end();
            let stored = lock(&self.store.replies).clone();
            self.reader = self.journals.topic(self.topic).reader(cursor);
            if self.reader.is_none() {
                continue;
            }
            self.snapshots += 1;
            let mut seen: HashMap<_, _> = stored.into_iter().map(|(id, row)| (id, (row.text, row.status))).collect();
            if let Some(draft) = draft {
                seen.insert(draft.reply, (draft.text, Status::Streaming));
            }
            for (reply, (text, _)) in &self.seen {
                let now = &seen[reply].0;
                assert!(self.may_shrink || text.len() <= now.len(), "{text} became {now}");
            }
            self.seen = seen;
            return;
        }
    }

    pub(super) async fn run(mut self, out: Arc<Mutex<HashMap<MessageId, (String, Status)>>>, count: Arc<Mutex<usize>>) {
        loop {
            *lock(&out) = self.seen.clone();
            *lock(&count) = self.snapshots;
            let Some(reader) = &mut self.reader else {
                self.snapshot().await;
                continue;
            };
            match reader.next(7).await {
                Some(entries) if entries.is_empty() => self.reader = None,
                Some(entries) => entries.iter().for_each(|entry| self.fold(&entry.event)),
                None => self.reader = None,
            }
        }
    }

    pub(super) fn fold(&mut self, event: &Event) {
        let Some(reply) = event.reply() else { return };
        match event {
            Event::Reply { .. } => {
                let known = self.seen.entry(reply).or_insert_with(|| (String::new(), Status::Streaming));
                if known.1.is_open() {
                    // It comes anew.
                    known.0.clear();
                }
            }
            Event::Token { text, .. } => {
                let known = self.seen.get_mut(&reply).expect("it was opened");
                if known.1.is_open() {
                    known.0.push_str(text);
                }
            }
            _ => {
                if let (Some(status), Some(known)) = (event.outcome(), self.seen.get_mut(&reply)) {
                    known.1 = status;
                }
            }
        }
    }
}
