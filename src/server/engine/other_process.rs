//! Replies that other processes on the same database are writing: the old process during an update, or other nodes. Viewers
//! of such a conversation get a snapshot when another process has stored more of it, once a second, and at its end; a stop
//! is passed on. The replies of a dead process are marked as interrupted, by whichever process comes first.
//!
//! Two processes on a file of SQLite look at all replies of each other. A node on PostgreSQL is told what begins and ends
//! (`store/news`), and looks at those conversations only that somebody follows here.

mod apart;
mod known;

use super::takeover::{self, NotHealed, lives};
use super::{Engine, Open, Shared, ending};
use crate::error::Problem;
use crate::event::Event;
use crate::model::{AccountId, ConversationId, MessageId};
use crate::server::backplane::Down;
use crate::server::journal::Topic;
use crate::server::store::other_process::OtherReply;
use crate::server::sync::lock;
use crate::server::task::round;
pub(super) use apart::tell_standing;
pub(super) use known::Known;
use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// As often as the other process stores checkpoints.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often to poll whether a reply has ended that another process was asked to stop: it does so within a second.
const WAIT: Duration = Duration::from_millis(50);
/// In one of this number of looks, a node looks at all open replies, its own among them: usually it is told of them.
const ALL: u64 = 10;
/// How often to try to tell viewers how a conversation is set, once a second: longer than the database is usually away.
const SETTINGS_TRIES: usize = 30;

/// The look at the start: marks what dead processes have left open as interrupted.
pub(super) async fn begin(shared: &Shared) -> sqlx::Result<()> {
    look_at_all(shared).await?;
    look(shared).await
}

/// Marks the replies of dead processes as interrupted, and publishes what others have written since the last look.
async fn look(shared: &Shared) -> sqlx::Result<()> {
    shared.leave_lost();
    lock(&shared.other_replies).dead.extend(shared.store.found_dead());
    loop {
        let Some(process) = lock(&shared.other_replies).dead.iter().next().cloned() else { break };
        interrupt(shared, &process).await?;
        lock(&shared.other_replies).dead.remove(&process);
    }
    let due = shared.due();
    let found = match &due {
        Some(due) => shared.store.open_among(due).await?,
        None => shared.store.open_elsewhere().await?,
    };
    shared.learn(due.as_deref(), found).await
}

/// Looks at all open replies: at those of processes that may have died unseen, and at those that this one left behind.
async fn look_at_all(shared: &Shared) -> sqlx::Result<()> {
    // On a file of SQLite, `look` looks at them all itself.
    let processes = if shared.store.has_nodes() { shared.store.open_processes().await? } else { Vec::new() };
    for process in processes {
        if !lives(shared, &process) {
            interrupt(shared, &process).await?;
        }
    }
    for (reply, conversation) in shared.store.open_here().await? {
        shared.end_left_behind(reply, conversation).await?;
    }
    Ok(())
}

/// Runs until the engine is dropped.
pub(super) async fn run(shared: Weak<Shared>) {
    for number in 1_u64.. {
        sleep(LOOK_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        let work = async {
            let mut looked = Ok(());
            if !shared.store.has_nodes() || number.is_multiple_of(ALL) {
                looked = look_at_all(&shared).await;
            }
            if let Err(error) = looked.and(look(&shared).await) {
                tracing::warn!(%error, "The replies of other processes could not be looked at");
            }
            tell_mended(&shared);
        };
        round(&shared.metrics, "other_process", work).await;
    }
}

/// Tells the lists of replies that were ended here in the place of their process.
fn tell_mended(shared: &Arc<Shared>) {
    let journals = &shared.journals;
    let mut known = lock(&shared.other_replies);
    if known.mended.is_empty() {
        return;
    }
    if !journals.is_joined() && journals.lists().is_empty() {
        // There is nobody to be told.
        return known.mended.clear();
    }
    // A journal that still has it open hears of the end first.
    let is_open = |id: &ConversationId| {
        let topic = Topic::Conversation(*id);
        journals.is_kept(topic) && journals.topic(topic).is_open()
    };
    let (later, now) = std::mem::take(&mut known.mended).into_iter().partition(is_open);
    known.mended = later;
    drop(known);
    let now: HashSet<ConversationId> = now;
    now.into_iter().for_each(|conversation| ending::tell_lists_of(shared, conversation));
}

async fn end_if_left(shared: Arc<Shared>, reply: MessageId) {
    let ended = async {
        match shared.store.open_reply_of(reply).await? {
            Some(open) => shared.end_left_behind(reply, open.conversation).await.map(drop),
            None => Ok(()),
        }
    };
    if let Err(error) = ended.await {
        tracing::warn!(%error, %reply, "Whether a reply is left behind could not be looked at");
    }
}

/// [`Shared::tell_settings`], which waits for others who have the turn, and is tried again while the store does not answer.
async fn tell_settings(shared: Arc<Shared>, conversation: ConversationId) {
    for _ in 0..SETTINGS_TRIES {
        match shared.tell_settings(conversation).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "How a conversation is set could not be looked at"),
        }
        sleep(LOOK_EVERY).await;
    }
}

/// What was found to be different from what was known.
struct TakenIn {
    changed: HashSet<ConversationId>,
    /// Processes that have left something open.
    dead: HashSet<String>,
}

impl Engine {
    /// Stops these replies of this process, as others ask. Those that nobody writes any more are marked as interrupted.
    pub fn stop_asked(&self, replies: Vec<MessageId>) {
        for reply in replies {
            match self.shared.find(reply) {
                Some(open) => open.stop.cancel(),
                None => drop(tokio::spawn(end_if_left(Arc::clone(&self.shared), reply))),
            }
        }
    }

    /// Other nodes have changed something in these conversations, or begun or ended a reply there; `apart`: those of them in
    /// which nodes have that are cut off from the log.
    pub async fn look_again(
        &self,
        conversations: &HashSet<ConversationId>,
        apart: &HashSet<ConversationId>,
    ) -> sqlx::Result<()> {
        let journals = &self.shared.journals;
        if journals.is_joined() {
            // The log has brought it, unless its wake was lost.
            conversations.difference(apart).for_each(|id| journals.look_again(Topic::Conversation(*id)));
            return self.shared.look_apart(apart.clone()).await;
        }
        let kept = conversations.iter().copied().filter(|id| journals.is_kept(Topic::Conversation(*id)));
        let kept: Vec<_> = kept.collect();
        // Before the read: they are stored, so it finds them unless they have ended. It says nothing of what is opened here
        // meanwhile, which is often the answer to the message after the one that ended elsewhere.
        let written_here: Vec<_> = kept.iter().filter_map(|id| self.shared.announced(*id)).collect();
        let found = self.shared.store.open_among(&kept).await?;
        let process = self.shared.store.process();
        let is_ours = |reply| found.iter().any(|found| found.reply == reply && found.process == process);
        // Another node has ended them.
        written_here.iter().filter(|open| !is_ours(open.reply)).for_each(|open| open.stop.cancel());
        // What is known first: the viewers' snapshots are then compared with what is found later.
        let taken_in = self.shared.take_in(Some(&kept), found);
        // The next look ends what they have left open.
        lock(&self.shared.other_replies).dead.extend(taken_in.dead);
        for conversation in kept {
            match self.shared.announced(conversation) {
                None => journals.look_again(Topic::Conversation(conversation)),
                Some(_) => drop(tokio::spawn(tell_settings(Arc::clone(&self.shared), conversation))),
            }
        }
        Ok(())
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
                self.take_from(open.reply, conversation).await?;
            } else {
                self.pass_on_stop(open.reply, None).await?;
                sleep(WAIT).await;
            }
        }
    }

    /// Ends a reply of a process that lives and does not.
    async fn take_from(&self, reply: MessageId, conversation: ConversationId) -> Result<(), Problem> {
        if self.journals.is_joined() {
            match takeover::heal(self, Topic::Conversation(conversation), reply, true).await {
                Ok(()) => return Ok(()),
                Err(NotHealed::Store(error)) => return Err(error.into()),
                Err(NotHealed::Log(Down)) => {}
            }
        }
        self.store.interrupt_reply(reply).await?;
        lock(&self.other_replies).mended.insert(conversation);
        Ok(())
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
            lock(&self.other_replies).mended.insert(conversation);
            tracing::error!(%reply, "A reply was left behind unwritten; it is marked as interrupted now");
            self.journals.look_again(Topic::Conversation(conversation));
        }
        Ok(was_open)
    }

    /// The reply that is written here in this conversation, once its viewers know of it, which is when it is stored.
    fn announced(&self, conversation: ConversationId) -> Option<Arc<Open>> {
        let open = lock(&self.open).in_conversation(conversation).cloned()?;
        open.journal.draft().is_some().then_some(open)
    }

    /// Tells the viewers of a reply that is written here how the conversation is set now: it was changed at another node.
    async fn tell_settings(&self, conversation: ConversationId) -> sqlx::Result<()> {
        let topic = Topic::Conversation(conversation);
        let journal = self.journals.topic(topic);
        let turn = journal.turn().await;
        let stored = match self.store.conversation_of_owner(conversation).await {
            Err(sqlx::Error::RowNotFound) => return Ok(()),
            stored => stored?,
        };
        let event = Event::Conversation { conversation: Box::new(stored.shown(&self.providers.default_model())) };
        if self.journals.is_joined() {
            // To all: the node that has changed it cannot reach those of others.
            self.journals.tell(topic, Some(&turn), event).await;
        } else {
            // Here alone: the node that has changed it has told its own viewers.
            journal.append(event);
        }
        Ok(())
    }

    /// Takes in what was found of others' replies in the conversations that were looked at; none: in all. Viewers of those in
    /// which something has changed get a snapshot.
    async fn learn(&self, looked: Option<&[ConversationId]>, found: Vec<OtherReply>) -> sqlx::Result<()> {
        let ended = self.part(looked, &found);
        let TakenIn { changed, dead } = self.take_in(looked, found);
        self.end_apart(ended).await;
        for conversation in changed {
            if !self.show_stored(conversation) {
                self.journals.look_again(Topic::Conversation(conversation));
            }
            tracing::debug!(%conversation, "Another process has written something");
        }
        for process in dead {
            interrupt(self, &process).await?;
        }
        Ok(())
    }

    /// [`Shared::learn`] without what follows from it.
    fn take_in(&self, looked: Option<&[ConversationId]>, found: Vec<OtherReply>) -> TakenIn {
        let (mut live, mut dead) = (Vec::new(), HashSet::new());
        for open in found {
            if open.process == self.store.process() {
                continue;
            }
            if lives(self, &open.process) {
                live.push(open);
            } else {
                dead.insert(open.process);
            }
        }
        TakenIn { changed: lock(&self.other_replies).learn(looked, live), dead }
    }

    /// This process was declared dead, and goes on as another one: what it had open is not its own any more. Its viewers go
    /// on from what the others have stored.
    fn leave_lost(&self) {
        let open = lock(&self.open);
        // After the lock: none of them was opened by a later process.
        let process = self.store.process();
        let lost = open.values().filter(|open| *open.process != *process && !open.stop.is_cancelled());
        for open in lost {
            tracing::error!(reply = %open.reply, "This node was declared dead, so it does not go on with a reply");
            open.stop.cancel();
        }
    }

    /// Passes a stop on, of `asker` if an account wants it. `false`: no live process writes this reply.
    pub(super) async fn pass_on_stop(&self, reply: MessageId, asker: Option<AccountId>) -> Result<bool, Problem> {
        let found = self.store.open_reply_of(reply).await?;
        let Some(found) = found.filter(|found| found.process != self.store.process()) else { return Ok(false) };
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

async fn interrupt(shared: &Shared, process: &str) -> sqlx::Result<()> {
    if let Some(redis) = &shared.redis {
        redis.bury(process);
    }
    if shared.journals.is_joined() {
        // With what others were shown of them, and told to all.
        match takeover::of_dead(shared, process).await {
            Ok(()) => return Ok(()),
            Err(NotHealed::Store(error)) => return Err(error),
            // This process is alone now, or will be.
            Err(NotHealed::Log(Down)) => {}
        }
    }
    let conversations = shared.store.interrupt_replies_of(process).await?;
    if !conversations.is_empty() {
        let replies = conversations.len();
        tracing::warn!(replies, "Replies of a process that is gone are now marked as interrupted");
    }
    lock(&shared.other_replies).mended.extend(&conversations);
    // A reply that this process did not know may have been loaded since it was opened.
    for conversation in conversations {
        shared.journals.look_again(Topic::Conversation(conversation));
    }
    Ok(())
}
