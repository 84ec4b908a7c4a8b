//! Replies of a node that is cut off from Redis while this one is not: the log that the others share says nothing of them,
//! and the store does. Viewers here are shown what is stored, until that node writes to the log again.

use super::super::{Shared, takeover};
use super::{Topic, tell_settings};
use crate::model::{ConversationId, MessageId};
use crate::server::backplane::redis::Standing;
use crate::server::store::other_process::OtherReply;
use crate::server::sync::lock;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// How often it is looked whether what this process writes is in the log.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Tells the other nodes whether this one is joined to them, until the engine is dropped. It is where what it has written
/// alone, or the log had no room for, is in the log: until then the others go on with what is stored.
pub(in crate::server::engine) async fn tell_standing(shared: Weak<Shared>, mut standing: watch::Receiver<Standing>) {
    loop {
        let is_joined = standing.borrow_and_update().joined;
        {
            let Some(shared) = shared.upgrade() else { return };
            shared.store.is_joined(is_joined && !shared.journals.writes_here());
        }
        if let Ok(Err(_)) = timeout(LOOK_EVERY, standing.changed()).await {
            return;
        }
    }
}

impl Shared {
    /// Which conversations are to be looked at once a second; none: all replies of other processes.
    pub(super) fn due(&self) -> Option<Vec<ConversationId>> {
        if !self.store.has_nodes() {
            return None;
        }
        let followed = self.journals.followed();
        let due = lock(&self.other_replies).due(followed.clone());
        // Nothing was told of those that were followed before their reply was cut off.
        let is_all = self.journals.is_joined() && self.store.is_any_apart();
        Some(if is_all { followed.into_iter().collect() } else { due })
    }

    /// Shows the viewers of this conversation what is stored, if a node writes in it that is cut off. `false`: none does.
    pub(super) fn show_stored(&self, conversation: ConversationId) -> bool {
        let open = lock(&self.other_replies).apart.get(&conversation).copied();
        if let Some((reply, length)) = open {
            self.journals.read_stored_reply(Topic::Conversation(conversation), reply, length);
        }
        open.is_some()
    }

    /// Takes note of which of these replies are open at a node that is cut off. Returns those that were, and have ended:
    /// perhaps the log still has them open.
    pub(super) fn part(
        &self,
        looked: Option<&[ConversationId]>,
        found: &[OtherReply],
    ) -> Vec<(ConversationId, MessageId)> {
        let mut known = lock(&self.other_replies);
        if !self.journals.is_joined() {
            known.apart.clear();
            return Vec::new();
        }
        let open: HashMap<_, _> = found.iter().map(|open| (open.conversation, open)).collect();
        let mut ended = Vec::new();
        for conversation in looked.unwrap_or_default() {
            let now = open.get(conversation);
            if let Some((reply, _)) = known.apart.remove(conversation)
                && now.is_none_or(|now| now.reply != reply)
            {
                ended.push((*conversation, reply));
            }
            if let Some(now) = now.filter(|now| self.store.is_apart(&now.process)) {
                let length = usize::try_from(now.length).unwrap_or_default();
                known.apart.insert(*conversation, (now.reply, length));
            }
        }
        ended
    }

    /// Tells the ends of these, unless that has been done. What cannot be told now is found to be silent.
    pub(super) async fn end_apart(&self, ended: Vec<(ConversationId, MessageId)>) {
        for (conversation, reply) in ended {
            let topic = Topic::Conversation(conversation);
            if let Err(error) = takeover::heal(self, topic, reply, false).await {
                tracing::warn!(%error, %reply, "The end of a reply of a node that is cut off is not told yet");
                // It is shown all the same: nothing more comes.
                self.journals.read_stored_reply(topic, reply, usize::MAX);
            }
        }
    }

    /// Nodes that are cut off have changed something in these conversations, or begun or ended a reply.
    pub(super) async fn look_apart(self: &Arc<Self>, conversations: HashSet<ConversationId>) -> sqlx::Result<()> {
        let kept = conversations.into_iter().filter(|id| self.journals.is_kept(Topic::Conversation(*id)));
        let kept: Vec<_> = kept.collect();
        if kept.is_empty() {
            return Ok(());
        }
        let found = self.store.open_among(&kept).await?;
        let own = found.iter().filter(|open| open.process == self.store.process()).map(|open| open.conversation);
        let own: HashSet<_> = own.collect();
        let ended = self.part(Some(&kept), &found);
        let open: HashSet<_> = found.iter().map(|open| open.conversation).collect();
        let dead = self.take_in(Some(&kept), found).dead;
        lock(&self.other_replies).dead.extend(dead);
        self.end_apart(ended).await;
        for conversation in kept {
            let topic = Topic::Conversation(conversation);
            if self.show_stored(conversation) {
                continue;
            }
            if !open.contains(&conversation) {
                self.journals.read_stored(topic);
            } else if own.contains(&conversation) {
                // Who writes there tells all viewers: text goes on, and is no reason for a snapshot.
                tokio::spawn(tell_settings(Arc::clone(self), conversation));
            }
        }
        Ok(())
    }
}
