//! What is known of the open replies of other processes, as of the last looks.

use crate::model::{ConversationId, MessageId};
use crate::server::store::other_process::OtherReply;
use std::collections::{HashMap, HashSet};

/// What is known.
#[derive(Default)]
pub(in crate::server::engine) struct Known {
    /// A conversation has one open reply at most.
    replies: HashMap<ConversationId, OtherReply>,
    /// The conversations that were followed here at the last look: of the others, nothing is known.
    followed: HashSet<ConversationId>,
    /// The processes that were found dead, and may have left something open.
    pub(super) dead: HashSet<String>,
    /// Where replies were ended that nobody wrote any more, until lists are told.
    pub(in crate::server::engine) mended: HashSet<ConversationId>,
    /// The replies of nodes that are cut off from the log, and how much of each is stored.
    pub(super) apart: HashMap<ConversationId, (MessageId, usize)>,
}

impl Known {
    pub(in crate::server::engine) fn is_in(&self, conversation: ConversationId) -> bool {
        self.replies.contains_key(&conversation)
    }

    /// Which conversations are to be looked at, of those that are followed now: those where another process is known to be
    /// writing, and those that were not followed before. What begins in the others is told. What is known of those that
    /// nobody follows any more is forgotten.
    pub(super) fn due(&mut self, followed: HashSet<ConversationId>) -> Vec<ConversationId> {
        self.replies.retain(|conversation, _| followed.contains(conversation));
        let is_due = |id: &&ConversationId| self.replies.contains_key(*id) || !self.followed.contains(*id);
        let due = followed.iter().filter(is_due).copied().collect();
        self.followed = followed;
        due
    }

    /// Takes in what was found in the conversations that were looked at; none: in all. Returns those in which it is not what
    /// was known.
    pub(super) fn learn(
        &mut self,
        looked: Option<&[ConversationId]>,
        found: Vec<OtherReply>,
    ) -> HashSet<ConversationId> {
        let before: HashMap<_, _> = match looked {
            Some(looked) => looked.iter().filter_map(|id| self.replies.remove_entry(id)).collect(),
            None => std::mem::take(&mut self.replies),
        };
        let mut changed: HashSet<_> = before.keys().copied().collect();
        for open in found {
            if before.get(&open.conversation) == Some(&open) {
                changed.remove(&open.conversation);
            } else {
                changed.insert(open.conversation);
            }
            self.replies.insert(open.conversation, open);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(conversation: ConversationId, length: i64) -> OtherReply {
        let (reply, process) = (MessageId(uuid::Uuid::nil()), "other".to_owned());
        OtherReply { reply, conversation, process, length, stop_asked: false }
    }

    #[test]
    fn a_snapshot_is_due_where_something_has_changed_and_nowhere_else() {
        let [a, b] = [ConversationId::new(), ConversationId::new()];
        let mut known = Known::default();
        assert_eq!(known.learn(None, vec![open(a, 1), open(b, 1)]), HashSet::from([a, b]), "they are new");
        assert_eq!(known.learn(None, vec![open(a, 1), open(b, 2)]), HashSet::from([b]), "it has grown");
        assert_eq!(known.learn(Some(&[a]), vec![open(a, 1)]), HashSet::new());
        assert!(known.is_in(b), "it was not looked at");
        assert_eq!(known.learn(Some(&[a, b]), vec![open(a, 1)]), HashSet::from([b]), "it has ended");
        assert_eq!(known.learn(None, Vec::new()), HashSet::from([a]));
        assert!(!known.is_in(a) && !known.is_in(b));
    }

    #[test]
    fn what_somebody_begins_to_follow_is_looked_at_once_and_then_while_another_process_writes_there() {
        let [a, b] = [ConversationId::new(), ConversationId::new()];
        let mut known = Known::default();
        let both = || HashSet::from([a, b]);
        assert_eq!(HashSet::from_iter(known.due(both())), both());
        known.learn(Some(&[a, b]), vec![open(a, 1)]);
        assert_eq!(known.due(both()), [a]);
        assert_eq!(known.due(HashSet::from([b])), [], "nobody follows it any more");
        assert!(!known.is_in(a));
        assert_eq!(known.due(both()), [a], "and now again");
    }
}
