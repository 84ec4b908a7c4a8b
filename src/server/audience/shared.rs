//! The audience over all nodes.

use super::{Audience, Member, Present, Room, TYPING};
use crate::model::{AccountId, ConversationId};
use crate::server::backplane::redis::{Here, Kind, People, Redis, Rooms, There};
use crate::server::sync::lock;
use std::sync::Arc;
use tokio::time::Instant;

/// What a node says of an account that views at another one.
const TYPES: &str = "types";
const TYPES_NOT: &str = "types-not";

/// An account that views at another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Elsewhere {
    process: String,
    pub(super) account: AccountId,
    since: Instant,
    pub(super) typing: Option<Instant>,
}

impl Audience {
    /// The audience of this node, and with Redis of all.
    pub fn new(redis: Option<&Redis>) -> Arc<Self> {
        let audience = Arc::<Self>::default();
        if let Some(redis) = redis {
            // It is the first to be set.
            audience.joined.set(People::join(redis, Kind::People, &audience)).ok();
        }
        audience
    }

    /// Tells other nodes, where there are any, that something has changed here.
    pub(super) fn tell(&self, conversation: ConversationId) {
        if let Some(joined) = self.joined.get() {
            joined.changed(conversation.to_string());
        }
    }

    /// An account types, or types no more, and views at another node, or there too.
    pub(super) fn hand_on(&self, conversation: ConversationId, account: AccountId, types: bool) {
        if let Some(joined) = self.joined.get() {
            joined.say(conversation.to_string(), format!("{account} {}", if types { TYPES } else { TYPES_NOT }));
        }
    }

    /// [`Audience::members`], also where nobody at this node views or watches the conversation.
    pub async fn members_anywhere(&self, conversation: ConversationId) -> Vec<Member> {
        let (None, Some(joined)) = (self.room(conversation), self.joined.get()) else {
            return self.members(conversation);
        };
        let there = joined.look(&conversation.to_string()).await.unwrap_or_default();
        merged(Vec::new(), &[], &there.iter().filter_map(elsewhere).collect::<Vec<_>>())
    }
}

impl Rooms for Audience {
    fn names(&self) -> Vec<String> {
        lock(&self.rooms).keys().map(ConversationId::to_string).collect()
    }

    fn here(&self, name: &str) -> Option<Vec<Here>> {
        let room = self.room(name.parse().ok()?)?;
        let now = Instant::now();
        let here = |one: &Present| Here {
            id: one.account.to_string(),
            about: String::new(),
            since: now - one.since,
            typing: one.typing.map(|until| until.saturating_duration_since(now)).unwrap_or_default(),
        };
        Some(lock(&room.present).iter().map(here).collect())
    }

    fn there(&self, name: &str, people: Vec<There>) {
        let Some(room) = name.parse().ok().and_then(|conversation| self.room(conversation)) else { return };
        room.put(people.iter().filter_map(elsewhere).collect());
    }

    fn said(&self, name: &str, words: &str) {
        let Some((account, typing)) = words.split_once(' ') else { return };
        if let (Ok(conversation), Ok(account)) = (name.parse(), account.parse()) {
            self.mark_here(conversation, account, (typing == TYPES).then(|| Instant::now() + TYPING));
        }
    }

    fn alone(&self) {
        let rooms: Vec<_> = lock(&self.rooms).values().map(Arc::clone).collect();
        rooms.iter().for_each(|room| room.put(Vec::new()));
    }
}

fn elsewhere(one: &There) -> Option<Elsewhere> {
    let now = Instant::now();
    let typing = (!one.typing.is_zero()).then(|| now + one.typing);
    let since = now.checked_sub(one.since).unwrap_or(now);
    Some(Elsewhere { process: one.process.clone(), account: one.id.parse().ok()?, since, typing })
}

impl Room {
    fn put(&self, mut others: Vec<Elsewhere>) {
        let now = Instant::now();
        let shown = |one: &Elsewhere| (one.process.clone(), one.account, one.typing.is_some_and(|until| now < until));
        let mut known = lock(&self.elsewhere);
        // Each time it is read it seems to be a little later, by the time that took: who was before others stays so.
        for one in &mut others {
            let same = |known: &&Elsewhere| known.process == one.process && known.account == one.account;
            one.since = known.iter().find(same).map_or(one.since, |known| known.since.min(one.since));
        }
        let is_news = !known.iter().map(shown).eq(others.iter().map(shown));
        *known = others;
        drop(known);
        if is_news {
            self.changed.give();
        }
    }
}

/// Who is there in all, in the order in which they came. An account that is at several nodes is one.
pub(super) fn merged(here: Vec<Member>, present: &[Present], elsewhere: &[Elsewhere]) -> Vec<Member> {
    if elsewhere.is_empty() {
        return here;
    }
    let now = Instant::now();
    let mut all: Vec<_> = here.into_iter().zip(present).map(|(member, one)| (one.since, member)).collect();
    for one in elsewhere {
        let typing = one.typing.is_some_and(|until| now < until);
        match all.iter_mut().find(|(_, member)| member.account == one.account) {
            Some((since, member)) => {
                *since = one.since.min(*since);
                member.typing |= typing;
            }
            None => all.push((one.since, Member { account: one.account, typing })),
        }
    }
    all.sort_by_key(|(since, _)| *since);
    all.into_iter().map(|(_, member)| member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn an_account_at_several_nodes_is_one_member_and_came_when_it_first_did() {
        let (ann, bob, cleo) = (AccountId::new(), AccountId::new(), AccountId::new());
        let (audience, conversation) = (Arc::<Audience>::default(), ConversationId::new());
        tokio::time::advance(Duration::from_secs(60)).await;
        let mut watch = audience.watch(conversation);
        let _seats = (audience.enter(conversation, ann), audience.enter(conversation, bob));
        let there = |process: &str, account: AccountId, seconds: u64, typing: u64| There {
            process: process.into(),
            id: account.to_string(),
            about: String::new(),
            since: Duration::from_secs(seconds),
            typing: Duration::from_secs(typing),
        };
        let name = conversation.to_string();
        audience.there(&name, vec![there("b", cleo, 30, 0), there("b", bob, 40, 4), there("c", cleo, 20, 0)]);
        let shown = |watch: &mut super::super::Watch| {
            watch.members().iter().map(|one| (one.account, one.typing)).collect::<Vec<_>>()
        };
        watch.changed().await;
        assert_eq!(shown(&mut watch), [(bob, true), (cleo, false), (ann, false)]);
        // Typing ends by itself, although nothing is told.
        let begun = Instant::now();
        watch.changed().await;
        assert_eq!(begun.elapsed().as_secs(), 4);
        assert_eq!(shown(&mut watch), [(bob, false), (cleo, false), (ann, false)]);
        audience.there(&name, vec![there("c", cleo, 0, 0)]);
        watch.changed().await;
        assert_eq!(shown(&mut watch), [(cleo, false), (ann, false), (bob, false)], "who was there first stays first");
        audience.alone();
        watch.changed().await;
        assert_eq!(shown(&mut watch), [(ann, false), (bob, false)]);
    }
}
