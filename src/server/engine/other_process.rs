//! Replies that another process on the same database is writing. During an update the old process ends its replies
//! while the new one already serves: a conversation's viewers here get a snapshot whenever the other process has stored
//! more of it, and its end; a stop is passed on. This process marks the replies of a dead process as interrupted.

use super::Shared;
use crate::error::Problem;
use crate::model::{AccountId, ConversationId, MessageId};
use crate::server::journal::Topic;
use crate::server::store::other_process::OtherReply;
use crate::server::sync::lock;
use crate::server::task::round;
use std::collections::{HashMap, HashSet};
use std::sync::Weak;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// As often as the other process stores checkpoints.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often to poll whether a reply has ended that another process was asked to stop: it does so within a second.
const WAIT: Duration = Duration::from_millis(50);

/// The open replies of other processes, as of the last poll, and in which conversations they are.
#[derive(Default)]
pub(super) struct Known {
    replies: HashMap<MessageId, OtherReply>,
    conversations: HashSet<ConversationId>,
}

impl Known {
    fn insert(&mut self, reply: OtherReply) {
        self.conversations.insert(reply.conversation);
        self.replies.insert(reply.reply, reply);
    }

    pub(super) fn is_in(&self, conversation: ConversationId) -> bool {
        self.conversations.contains(&conversation)
    }
}

/// Marks the replies of dead processes as interrupted, and those that this one has left behind, and publishes what others have written since the last poll.
pub(super) async fn look(shared: &Shared) -> sqlx::Result<()> {
    let mut found = Known::default();
    for open in shared.store.open_elsewhere().await? {
        if lives(shared, &open.process) {
            found.insert(open);
        } else {
            interrupt(shared, &open.process).await?;
        }
    }
    for (reply, conversation) in shared.store.open_here().await? {
        shared.end_left_behind(reply, conversation).await?;
    }
    let mut known = lock(&shared.other_replies);
    tell(shared, &known, &found);
    *known = found;
    Ok(())
}

/// Runs until the engine is dropped.
pub(super) async fn run(shared: Weak<Shared>) {
    loop {
        sleep(LOOK_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        let work = async {
            if let Err(error) = look(&shared).await {
                tracing::warn!(%error, "The replies of other processes could not be looked at");
            }
        };
        round(&shared.metrics, "other_process", work).await;
    }
}

/// Viewers of a conversation in which something has changed get a snapshot.
fn tell(shared: &Shared, before: &Known, now: &Known) {
    let (before, now) = (&before.replies, &now.replies);
    let grown = now.values().filter(|found| before.get(&found.reply) != Some(found));
    let ended = before.values().filter(|known| !now.contains_key(&known.reply));
    for changed in grown.chain(ended) {
        shared.journals.look_again(Topic::Conversation(changed.conversation));
        tracing::debug!(reply = %changed.reply, "Another process has written something");
    }
}

impl Shared {
    /// Stops the reply that another process writes in this conversation, waits until its end is written, and publishes
    /// that end: while a reply is open here, only its own events can be published.
    pub(super) async fn settle_elsewhere(&self, conversation: ConversationId) -> Result<(), Problem> {
        let was_open = lock(&self.other_replies).is_in(conversation);
        if self.other_process_stop(conversation).await? || was_open {
            self.journals.look_again(Topic::Conversation(conversation));
        }
        Ok(())
    }

    /// `false`: there was nothing to stop.
    async fn other_process_stop(&self, conversation: ConversationId) -> Result<bool, Problem> {
        let deadline = Instant::now() + self.bounds.other_process_stop;
        let mut has_waited = false;
        loop {
            let Some(open) = self.store.open_reply_in(conversation).await? else { return Ok(has_waited) };
            if open.process == self.store.process() {
                return Ok(self.end_left_behind(open.reply, conversation).await? || has_waited);
            }
            has_waited = true;
            if deadline < Instant::now() {
                tracing::error!(reply = %open.reply, process = open.process, "A process does not stop its reply");
                self.store.interrupt_reply(open.reply).await?;
            } else {
                self.pass_on_stop(open.reply, None).await?;
                sleep(WAIT).await;
            }
        }
    }

    /// Marks a reply of this process as interrupted whose task has broken off before it wrote an end: nobody else would,
    /// for as long as this process lives, and its conversation has room for no other one. `false`: it is being written,
    /// its end is held, or it has ended.
    async fn end_left_behind(&self, reply: MessageId, conversation: ConversationId) -> sqlx::Result<bool> {
        // Registered here before it is in the store, and held before it is no longer registered.
        if self.find(reply).is_some() || self.store.holds(reply) {
            return Ok(false);
        }
        let was_open = self.store.interrupt_own(reply).await?;
        if was_open {
            tracing::error!(%reply, "A reply was left behind unwritten; it is marked as interrupted now");
            self.journals.look_again(Topic::Conversation(conversation));
        }
        Ok(was_open)
    }

    /// Passes a stop on, of `asker` if an account wants it. `false`: no live process writes this reply.
    pub(super) async fn pass_on_stop(&self, reply: MessageId, asker: Option<AccountId>) -> Result<bool, Problem> {
        let found = self.store.open_elsewhere().await?;
        let Some(found) = found.into_iter().find(|found| found.reply == reply) else { return Ok(false) };
        let lives = lives(self, &found.process);
        if !lives {
            interrupt(self, &found.process).await?;
        } else if !found.stop_asked {
            self.store.ask_to_stop(reply, asker).await?;
        }
        if lives && let Some(redis) = &self.redis {
            redis.stop(found.conversation, reply, &found.process).await;
        }
        Ok(lives)
    }
}

/// A process whose file cannot be read counts as alive: it is better to show its replies as open for too long than to
/// end them twice.
fn lives(shared: &Shared, process: &str) -> bool {
    shared.store.lives(process).unwrap_or_else(|error| {
        tracing::error!(%error, process, "Whether a process lives cannot be told");
        true
    })
}

async fn interrupt(shared: &Shared, process: &str) -> sqlx::Result<()> {
    let conversations = shared.store.interrupt_replies_of(process).await?;
    if !conversations.is_empty() {
        let replies = conversations.len();
        tracing::warn!(replies, "Replies of a process that is gone are now marked as interrupted");
    }
    // A reply that this process did not know may have been loaded since it was opened.
    for conversation in conversations {
        shared.journals.look_again(Topic::Conversation(conversation));
    }
    Ok(())
}
