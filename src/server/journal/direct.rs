//! Entries written to many viewers directly (`outlet`).

use super::{Entry, Journal, Reader};
use crate::event::Event;
use crate::server::outlet::Outlet;
use crate::server::outlet::fan::{Fan, Next, Place, Source, Still};
use crate::server::sync::lock;
use bytes::Bytes;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, Weak};

/// A viewer with more entries waiting reads them itself, and gets pieces merged.
const MOST: usize = 64;

/// How a journal's entries are encoded for one kind of viewer.
#[derive(Clone)]
pub struct Encoding {
    /// What tells it apart from the journal's other encodings: the channel that it is for; empty for SSE.
    pub channel: Arc<str>,
    /// Entries of this epoch as bytes for the wire.
    pub encode: fn(&str, u64, &[Arc<Entry>]) -> Bytes,
}

/// How a viewer is written to.
#[derive(Clone)]
pub struct Way {
    pub outlet: Outlet,
    pub encoding: Encoding,
    /// Whether what the viewer's task returns is written after it waits again: HTTP's body is.
    pub flushes_later: bool,
}

/// A journal's viewers that are written to directly, by encoding.
pub(super) struct Fans {
    fans: Mutex<Vec<(Arc<str>, Arc<Fan>)>>,
    written: Arc<AtomicU64>,
}

impl Fans {
    /// `written` counts the direct writes of all journals.
    pub(super) fn new(written: &Arc<AtomicU64>) -> Self {
        Self { fans: Mutex::default(), written: Arc::clone(written) }
    }

    /// There is something to read.
    pub(super) fn call(&self) {
        for (_, fan) in lock(&self.fans).iter() {
            fan.call();
        }
    }

    fn of(&self, journal: &Arc<Journal>, encoding: Encoding) -> Arc<Fan> {
        let mut fans = lock(&self.fans);
        if let Some((_, fan)) = fans.iter().find(|(channel, _)| *channel == encoding.channel) {
            return Arc::clone(fan);
        }
        // A channel can be spelled in many ways: those of viewers who are gone do not stay. Who enters one has it cloned.
        fans.retain(|(_, fan)| 1 < Arc::strong_count(fan));
        let channel = Arc::clone(&encoding.channel);
        let fan = Fan::new(Encoded { journal: Arc::downgrade(journal), encoding }, &self.written);
        fans.push((channel, Arc::clone(&fan)));
        fan
    }
}

/// A journal in one encoding.
struct Encoded {
    journal: Weak<Journal>,
    encoding: Encoding,
}

impl Source for Encoded {
    fn after(&self, seq: u64) -> Next {
        let Some(journal) = self.journal.upgrade() else { return Next::Other };
        let (found, over) = {
            let mut log = lock(&journal.log);
            let Some(found) = log.after(seq, MOST + 1) else { return Next::Other };
            (found, journal.has_no_more(&log))
        };
        match found.last() {
            // The viewer's stream ends behind it.
            _ if over => Next::Other,
            None => Next::Nothing,
            // Its stream ends with that, too.
            Some(last) if MOST < found.len() || matches!(last.event, Event::Deleted { .. }) => Next::Other,
            Some(last) => {
                let Encoding { channel, encode } = &self.encoding;
                Next::Bytes { bytes: encode(channel, journal.epoch, &found), seq: last.seq }
            }
        }
    }
}

/// A reader that is written to directly while it waits.
pub(super) struct Direct {
    place: Place,
    flushes_later: bool,
}

impl Direct {
    /// The reader reads itself. Returns how far it has been written to.
    pub(super) fn take_over(&self) -> u64 {
        self.place.take_over()
    }

    /// The reader has read everything up to `seq`, and waits.
    pub(super) fn rest(&self, seq: u64) {
        match self.flushes_later {
            true => self.place.rest_once_flushed(seq),
            false => self.place.rest(seq),
        }
    }

    pub(super) async fn called(&self) {
        self.place.called().await;
    }
}

impl Reader {
    /// While it waits, its viewer is written to directly as long as `still` holds.
    pub fn go_direct(&mut self, way: &Way, still: Still) {
        let fan = self.journal.fans.of(&self.journal, way.encoding.clone());
        let place = fan.enter(way.outlet.clone(), still, self.seq);
        self.direct = Some(Direct { place, flushes_later: way.flushes_later });
    }

    /// It reads everything itself from here on.
    pub fn stay_indirect(&mut self) {
        if let Some(direct) = self.direct.take() {
            self.seq = self.seq.max(direct.take_over());
        }
    }

    pub fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    /// When its viewer was last written to directly.
    pub fn written(&self) -> Option<tokio::time::Instant> {
        self.direct.as_ref()?.place.written()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Cursor;
    use crate::model::ConversationId;
    use crate::server::journal::{Journals, Topic};
    use crate::server::outlet::tests::connection;
    use std::time::Duration;

    #[tokio::test]
    async fn encodings_without_viewers_are_not_kept() {
        let journal =
            Journals::new(Duration::from_secs(600), 1 << 20).topic(Topic::Conversation(ConversationId::new()));
        let (outlet, _far) = connection().await;
        let (mut stays, end) = (None, Cursor { epoch: journal.epoch(), seq: 0 });
        for spelling in 0..100 {
            let encoding = Encoding { channel: spelling.to_string().into(), encode: |_, _, _| Bytes::new() };
            let mut reader = journal.reader(end).unwrap();
            reader.go_direct(&Way { outlet: outlet.clone(), encoding, flushes_later: false }, Box::new(|| true));
            stays.get_or_insert(reader);
        }
        let fans: Vec<_> = lock(&journal.fans.fans).iter().map(|(channel, _)| channel.to_string()).collect();
        assert_eq!(fans, ["0", "99"], "that of the one who stays, and the newest");
    }
}
