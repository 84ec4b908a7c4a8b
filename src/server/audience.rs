//! Who is looking at a conversation right now, and who is writing into it.
//!
//! Ephemeral: it is known in memory only and never in the journal. As with the journal, whoever wants to know looks and is
//! only woken by a channel that carries no data, so there is no queue to overflow. A conversation that nobody looks at takes
//! no room, and a mark is held for members only; so all of it is bounded by the connections that there are.

use super::sync::lock;
use crate::model::{AccountId, ConversationId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How long "is typing" is believed without being said anew. Clients say it every few seconds while somebody writes.
pub const TYPING: Duration = Duration::from_secs(6);

/// All conversations that somebody looks at.
#[derive(Default)]
pub struct Audience {
    rooms: Mutex<HashMap<ConversationId, Arc<Room>>>,
}

/// One of them.
struct Room {
    conversation: ConversationId,
    present: Mutex<Vec<Present>>,
    changed: watch::Sender<()>,
}

/// An account that looks on, through one connection or through several.
struct Present {
    account: AccountId,
    connections: usize,
    /// Until when it is held to be typing.
    typing: Option<Instant>,
}

/// Somebody in the audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub account: AccountId,
    pub typing: bool,
}

impl Audience {
    /// Counts a connection of the account as looking on, for as long as the seat is held.
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
                    present.push(Present { account, connections: 1, typing: None });
                    true
                }
            }
        };
        if is_new {
            watch.room().changed.send_replace(());
        }
        Seat { watch, account }
    }

    /// Looks at the audience without being in it.
    pub fn watch(self: &Arc<Self>, conversation: ConversationId) -> Watch {
        let new = || Arc::new(Room { conversation, present: Mutex::default(), changed: watch::Sender::new(()) });
        let room = Arc::clone(lock(&self.rooms).entry(conversation).or_insert_with(new));
        Watch { audience: Arc::clone(self), changed: room.changed.subscribe(), room: Some(room) }
    }

    /// Who is there, in the order in which they came.
    pub fn members(&self, conversation: ConversationId) -> Vec<Member> {
        self.room(conversation).map_or_else(Vec::new, |room| room.members())
    }

    /// Takes note that the account types, until [`TYPING`] has passed. Only of somebody who is there.
    pub fn typing(&self, conversation: ConversationId, account: AccountId) {
        self.mark(conversation, account, Some(Instant::now() + TYPING));
    }

    /// The account types no more: what it wrote was sent, say.
    pub fn not_typing(&self, conversation: ConversationId, account: AccountId) {
        self.mark(conversation, account, None);
    }

    /// How many conversations somebody looks at.
    pub fn rooms(&self) -> usize {
        lock(&self.rooms).len()
    }

    fn mark(&self, conversation: ConversationId, account: AccountId, typing: Option<Instant>) {
        let Some(room) = self.room(conversation) else { return };
        let news = {
            let mut present = lock(&room.present);
            let Some(one) = present.iter_mut().find(|one| one.account == account) else { return };
            let news = one.types() != typing.is_some();
            one.typing = typing;
            news
        };
        if news {
            room.changed.send_replace(());
        }
    }

    fn room(&self, conversation: ConversationId) -> Option<Arc<Room>> {
        lock(&self.rooms).get(&conversation).map(Arc::clone)
    }
}

impl Room {
    fn members(&self) -> Vec<Member> {
        let present = lock(&self.present);
        present.iter().map(|one| Member { account: one.account, typing: one.types() }).collect()
    }

    /// When the first mark that holds now is no longer believed.
    fn next_end(&self) -> Option<Instant> {
        let now = Instant::now();
        lock(&self.present).iter().filter_map(|one| one.typing.filter(|until| now < *until)).min()
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
    /// Looks at the audience from here, for as long as it likes.
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
            room.changed.send_replace(());
        }
    }
}

/// Sees when the audience changes. The one who looks compares with what it has seen before.
pub struct Watch {
    audience: Arc<Audience>,
    /// None only while it is dropped.
    room: Option<Arc<Room>>,
    changed: watch::Receiver<()>,
}

impl Watch {
    /// Who is there now. What changes after this wakes [`Watch::changed`].
    pub fn members(&mut self) -> Vec<Member> {
        // Before looking, so that no wake-up is lost.
        self.changed.mark_unchanged();
        self.room().members()
    }

    /// Comes when somebody has come or left, has begun to type or types no more. Dropping the future loses nothing.
    pub async fn changed(&mut self) {
        let end = self.room().next_end();
        let believed = async {
            match end {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The sender lives as long as the room, and that as long as this.
            _ = self.changed.changed() => {}
            () = believed => {}
        }
    }

    fn room(&self) -> &Arc<Room> {
        self.room.as_ref().expect("it is taken only when this is dropped")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(room) = self.room.take() else { return };
        let mut rooms = lock(&self.audience.rooms);
        let conversation = room.conversation;
        drop(room);
        // Nobody but the map holds it, and nobody can get it from there while the map is locked.
        if rooms.get(&conversation).is_some_and(|room| Arc::strong_count(room) == 1) {
            rooms.remove(&conversation);
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
