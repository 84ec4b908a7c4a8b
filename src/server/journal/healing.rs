//! A reply that is open in the log, and whose owner will not end it: taken over, and told to its end.

use super::split::split;
use super::{Cluster, Journals, Topic};
use crate::event::{Cursor, Draft, Event};
use crate::model::MessageId;
use crate::server::backplane::{Append, Down, Fence, Placed, What};
use std::sync::Arc;

/// An open reply of the log that is ours now, also where somebody else had taken it over.
pub struct Taken {
    cluster: Arc<Cluster>,
    topic: Topic,
    reply: MessageId,
    owner: String,
    epoch: u64,
    draft: Draft,
}

impl Journals {
    /// Takes the reply over in the log. `None`: it is not open there.
    ///
    /// # Errors
    /// The log does not answer. Trying again does no harm.
    pub async fn take_over(&self, topic: Topic, reply: MessageId, process: &str) -> Result<Option<Taken>, Down> {
        let Some(cluster) = self.cluster.as_ref().filter(|cluster| cluster.is_joined()) else { return Err(Down) };
        let owner = format!("take:{process}");
        let Some(Fence { end, first }) = cluster.backplane.fence(topic, reply, owner.clone()).await? else {
            return Ok(None);
        };
        let from = Cursor { seq: first - 1, ..end };
        let looks = cluster.backplane.look(vec![(topic, Some(from))]).await?;
        let look = looks.into_iter().next().flatten().filter(|look| look.cursor.epoch == end.epoch).ok_or(Down)?;
        let mut draft = Draft::new(reply);
        look.events.iter().for_each(|(_, event)| draft.apply(event));
        Ok(Some(Taken { cluster: Arc::clone(cluster), topic, reply, owner, epoch: end.epoch, draft }))
    }

    /// Whether the viewers of several processes see this one's events as they happen, and the other way round.
    pub fn is_joined(&self) -> bool {
        self.cluster.as_ref().is_some_and(|cluster| cluster.is_joined())
    }

    /// The topic's viewers at this process see what the store has, until its log moves on: who has written there is cut off
    /// from it.
    pub fn read_stored(&self, topic: Topic) {
        if !self.is_joined() {
            return self.look_again(topic);
        }
        let Some(journal) = self.in_memory(topic).filter(|journal| !journal.is_open()) else { return };
        match journal.left() {
            Some(known) => self.estrange(topic, Some(known), Vec::new()),
            // Nothing of it was ever read in the log.
            None => journal.start_over(),
        }
    }

    /// As [`Self::read_stored`], of an open reply, until the log has as much of it. `length`: how much of it is stored. It
    /// is shown where that is more than viewers have of it, so that nobody's text gets shorter.
    pub fn read_stored_reply(&self, topic: Topic, reply: MessageId, length: usize) {
        let Some(journal) = self.in_memory(topic).filter(|_| self.is_joined()) else { return };
        if journal.left().is_none() {
            // Nothing of it was ever read in the log.
            return journal.start_over();
        }
        let draft = journal.end().1;
        // Of another one that is open in the log it is not known yet that it has ended.
        let is_other = draft.as_ref().is_some_and(|draft| draft.reply != reply);
        // What the log does not have at all is shown from its beginning, before there is any text.
        let is_behind = draft.is_none_or(|draft| draft.bytes() < length);
        if let Some(known) = journal.left().filter(|_| !is_other && is_behind) {
            self.estrange_from(topic, known, (reply, length));
        }
    }

    /// Whether what this process writes is in its own journals, and not in the log yet.
    pub fn writes_here(&self) -> bool {
        self.cluster.as_ref().is_some_and(|cluster| cluster.writes_here())
    }

    /// Who knows what the store says of replies. Asked where the log and the store may differ.
    pub fn ask(&self, rows: Arc<dyn super::Rows>) {
        if let Some(cluster) = &self.cluster {
            cluster.ask(rows);
        }
    }
}

impl Taken {
    /// What the log has of the reply.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// Tells what the log has not, and the end. `false`: somebody else has.
    ///
    /// # Errors
    /// The log does not answer. Trying again does no harm.
    pub async fn end(self, rest: Vec<Event>, end: Event) -> Result<bool, Down> {
        let (reply, owner, epoch) = (self.reply, self.owner, self.epoch);
        let events: Vec<_> = split(rest.into_iter()).chain([end]).collect();
        let what = What::End { reply, owner, epoch, batch: 1 };
        let placed = self.cluster.backplane.append(self.topic, Append::new(what, events.clone())).await?;
        match placed {
            Placed::At { last, .. } => {
                self.cluster.take_own(self.topic, &events, last);
                Ok(true)
            }
            Placed::Full => Err(Down),
            _ => Ok(false),
        }
    }
}
