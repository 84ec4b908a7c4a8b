//! Who is viewing a conversation right now, and who is typing in it.
//!
//! Ephemeral: kept in memory only and never in the journal. As with the journal, a watcher reads the state itself and
//! is only woken by a channel that carries no data, so no queue can overflow. A conversation without viewers takes no
//! memory, and a typing mark is kept for members only; so all of it is bounded by the number of connections.
//!
//! With Redis, those at other nodes are members too (`shared`).

mod shared;

use super::backplane::redis::Joined;
use super::signal::{Signal, Watcher};
use super::sync::lock;
use crate::model::{AccountId, ConversationId};
use shared::Elsewhere;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long "is typing" is believed without being reported again. Clients report it every few seconds while a user
/// types.
pub const TYPING: Duration = Duration::from_secs(6);

/// All conversations that have viewers.
#[derive(Default)]
pub struct Audience {
    rooms: Mutex<HashMap<ConversationId, Arc<Room>>>,
    /// Never set: this node is alone.
    joined: OnceLock<Joined>,
}

/// One conversation's viewers.
struct Room {
    conversation: ConversationId,
    present: Mutex<Vec<Present>>,
    elsewhere: Mutex<Vec<Elsewhere>>,
    changed: Signal,
}

/// An account that is viewing, through one connection or several.
struct Present {
    account: AccountId,
    connections: usize,
    since: Instant,
    /// When its typing mark expires.
    typing: Option<Instant>,
}

/// A member of the audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub account: AccountId,
    pub typing: bool,
}

impl Audience {
    /// Counts a connection of the account as a viewer for as long as the seat is held.
    pub fn enter(self: &Arc<Self>, conversation: ConversationId, account: AccountId) -> Seat {
        let watch = self.watch(conversation);
        let is_new = {
            let mut present = lock(&watch.room().present);
            match present.iter_mut().find(|one| one.account == account) {
                Some(one) => {
                    one.connections += 1;
                    false
                }
                None => {
                    // Nearly always one person alone is there.
                    present.reserve_exact(1);
                    present.push(Present { account, connections: 1, since: Instant::now(), typing: None });
                    true
                }
            }
        };
        if is_new {
            watch.room().changed.give();
            self.tell(conversation);
        }
        Seat { watch, account }
    }

    /// Watches the audience without joining it.
    pub fn watch(self: &Arc<Self>, conversation: ConversationId) -> Watch {
        let mut is_new = false;
        let new = || {
            is_new = true;
            Arc::new(Room::new(conversation))
        };
        let room = Arc::clone(lock(&self.rooms).entry(conversation).or_insert_with(new));
        if is_new {
            self.tell(conversation);
        }
        Watch { audience: Arc::clone(self), changed: room.changed.watcher(), room: Some(room) }
    }

    /// Who is there, in order of arrival.
    pub fn members(&self, conversation: ConversationId) -> Vec<Member> {
        self.room(conversation).map_or_else(Vec::new, |room| room.members())
    }

    /// Marks the account as typing until [`TYPING`] has passed. Ignored for an account that is not viewing.
    pub fn typing(&self, conversation: ConversationId, account: AccountId) {
        self.mark(conversation, account, Some(Instant::now() + TYPING));
    }

    /// Removes the account's typing mark, because its message was sent, say.
    pub fn not_typing(&self, conversation: ConversationId, account: AccountId) {
        self.mark(conversation, account, None);
    }

    /// How many conversations have viewers.
    pub fn rooms(&self) -> usize {
        lock(&self.rooms).len()
    }

    fn mark(&self, conversation: ConversationId, account: AccountId, typing: Option<Instant>) {
        let is_here = self.mark_here(conversation, account, typing);
        // The request that says so may come to another node than the one by which the account views.
        let is_there = || {
            let room = self.room(conversation);
            room.is_some_and(|room| lock(&room.elsewhere).iter().any(|one| one.account == account))
        };
        if !is_here || is_there() {
            self.hand_on(conversation, account, typing.is_some());
        }
    }

    /// `false`: the account does not view at this node.
    fn mark_here(&self, conversation: ConversationId, account: AccountId, typing: Option<Instant>) -> bool {
        let Some(room) = self.room(conversation) else { return false };
        let (was, news) = {
            let mut present = lock(&room.present);
            let Some(one) = present.iter_mut().find(|one| one.account == account) else { return false };
            let was = one.typing;
            let news = one.types() != typing.is_some();
            one.typing = typing;
            (was, news)
        };
        if news {
            room.changed.give();
        }
        // Elsewhere it is believed for as long as here, so it is told also where it is no news here.
        if was.is_some() || typing.is_some() {
            self.tell(conversation);
        }
        true
    }

    fn room(&self, conversation: ConversationId) -> Option<Arc<Room>> {
        lock(&self.rooms).get(&conversation).map(Arc::clone)
    }
}

impl Room {
    fn new(conversation: ConversationId) -> Self {
        let (present, elsewhere) = (Mutex::default(), Mutex::default());
        Self { conversation, present, elsewhere, changed: Signal::default() }
    }

    fn members(&self) -> Vec<Member> {
        let present = lock(&self.present);
        let here: Vec<_> = present.iter().map(|one| Member { account: one.account, typing: one.types() }).collect();
        shared::merged(here, &present, &lock(&self.elsewhere))
    }

    /// When the earliest current typing mark expires.
    fn next_end(&self) -> Option<Instant> {
        let now = Instant::now();
        let here = lock(&self.present).iter().filter_map(|one| one.typing.filter(|until| now < *until)).min();
        let there = lock(&self.elsewhere).iter().filter_map(|one| one.typing.filter(|until| now < *until)).min();
        here.into_iter().chain(there).min()
    }
}

impl Present {
    fn types(&self) -> bool {
        self.typing.is_some_and(|until| Instant::now() < until)
    }
}

/// A connection's place in the audience. Dropping it leaves.
pub struct Seat {
    watch: Watch,
    account: AccountId,
}

impl Seat {
    /// Watches the audience from this seat; the watch may outlive it.
    pub fn watch(&self) -> Watch {
        self.watch.audience.watch(self.watch.room().conversation)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let room = self.watch.room();
        let left = {
            let mut present = lock(&room.present);
            let Some(index) = present.iter().position(|one| one.account == self.account) else { return };
            present[index].connections -= 1;
            let left = present[index].connections == 0;
            if left {
                present.remove(index);
            }
            left
        };
        if left {
            room.changed.give();
            self.watch.audience.tell(room.conversation);
        }
    }
}

/// Sees when the audience changes. The watcher compares it with what it has seen before.
pub struct Watch {
    audience: Arc<Audience>,
    /// None only during the drop.
    room: Option<Arc<Room>>,
    changed: Watcher,
}

impl Watch {
    /// Who is there now. Later changes wake [`Watch::changed`].
    pub fn members(&mut self) -> Vec<Member> {
        // Subscribed before reading, so that no wake-up is lost.
        self.changed.see();
        self.room().members()
    }

    /// What happened since [`Watch::members`], to be waited for apart from the watch.
    pub fn changes(&self) -> Changes {
        Changes { changed: self.changed.clone(), end: self.room().next_end() }
    }

    /// Resolves when there are [`Changes`].
    pub async fn changed(&self) {
        self.changes().next().await;
    }

    fn room(&self) -> &Arc<Room> {
        self.room.as_ref().expect("it is taken only when this is dropped")
    }
}

/// See [`Watch::changes`].
pub struct Changes {
    changed: Watcher,
    /// When a typing mark expires.
    end: Option<Instant>,
}

impl Changes {
    /// Resolves when a viewer has arrived or left, or has started or stopped typing.
    pub async fn next(&mut self) {
        let changed = self.changed.next();
        match self.end {
            // In a box: all viewers wait, and hardly ever does somebody type.
            Some(end) => drop(Box::pin(timeout_at(end, changed)).await),
            None => changed.await,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(room) = self.room.take() else { return };
        let mut rooms = lock(&self.audience.rooms);
        let conversation = room.conversation;
        drop(room);
        // Only the map holds it, and nobody can take it from the map while the map is locked.
        if rooms.get(&conversation).is_some_and(|room| Arc::strong_count(room) == 1) {
            rooms.remove(&conversation);
            drop(rooms);
            self.audience.tell(conversation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn ids() -> (Arc<Audience>, ConversationId, AccountId, AccountId) {
        (Arc::default(), ConversationId::default(), AccountId::default(), AccountId::default())
    }

    fn accounts(members: &[Member]) -> Vec<AccountId> {
        members.iter().map(|member| member.account).collect()
    }

    #[tokio::test]
    async fn an_account_is_there_once_however_often_it_is_connected() {
        let (audience, conversation, ann, bob) = ids();
        let mut watch = audience.watch(conversation);
        let first = audience.enter(conversation, ann);
        watch.changed().await;
        assert_eq!(accounts(&watch.members()), [ann]);
        let second = audience.enter(conversation, ann);
        drop(first);
        assert!(watch.changed().now_or_never().is_none(), "the same people are there");
        let other = audience.enter(conversation, bob);
        watch.changed().await;
        assert_eq!(accounts(&watch.members()), [ann, bob], "in the order in which they came");
        drop(second);
        watch.changed().await;
        assert_eq!(accounts(&watch.members()), [bob]);
        drop(other);
        assert_eq!(watch.members(), []);
    }

    #[tokio::test]
    async fn conversations_that_nobody_looks_at_take_no_room() {
        let (audience, conversation, ann, _) = ids();
        let seat = audience.enter(conversation, ann);
        let watch = seat.watch();
        drop(seat);
        assert_eq!(audience.rooms(), 1, "somebody still watches");
        drop(watch);
        assert_eq!(audience.rooms(), 0);
        assert_eq!(audience.members(conversation), []);
        audience.typing(conversation, ann);
        assert_eq!(audience.rooms(), 0, "who is not there does not type");
    }

    #[tokio::test(start_paused = true)]
    async fn typing_is_believed_for_a_while() {
        let (audience, conversation, ann, bob) = ids();
        let _seats = (audience.enter(conversation, ann), audience.enter(conversation, bob));
        let mut watch = audience.watch(conversation);
        let typing = |watch: &mut Watch| watch.members().iter().map(|one| one.typing).collect::<Vec<_>>();
        audience.typing(conversation, ann);
        watch.changed().await;
        assert_eq!(typing(&mut watch), [true, false]);
        tokio::time::advance(TYPING / 2).await;
        audience.typing(conversation, ann);
        assert!(watch.changed().now_or_never().is_none(), "said anew, it is no news");
        let since = Instant::now();
        watch.changed().await;
        assert_eq!(since.elapsed().as_secs(), TYPING.as_secs(), "and is believed from then on");
        assert_eq!(typing(&mut watch), [false, false]);
        audience.typing(conversation, bob);
        watch.changed().await;
        audience.not_typing(conversation, bob);
        watch.changed().await;
        assert_eq!(typing(&mut watch), [false, false]);
    }
}
