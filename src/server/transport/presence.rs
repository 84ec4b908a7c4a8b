//! The other viewers of a conversation, as a viewer is told of them.

use crate::model::{AccountId, ConversationId};
use crate::server::State;
use crate::server::audience::{Changes, Member, Seat, Watch};
use crate::wire::{Looking, Presence};

/// More names than this are shown as a number.
const MAX_NAMES: usize = 3;

/// The other viewers of a conversation.
pub(super) struct Others {
    account: AccountId,
    /// A follower of a conversation counts as its viewer.
    _seat: Seat,
    watch: Watch,
    /// The viewers that were last announced.
    told: Vec<Member>,
    is_curious: bool,
}

impl Others {
    pub(super) fn enter(state: &State, conversation: ConversationId, account: AccountId) -> Self {
        let seat = state.audience.enter(conversation, account);
        let watch = seat.watch();
        Self { account, _seat: seat, watch, told: Vec::new(), is_curious: true }
    }

    pub(super) fn has_to_look(&self) -> bool {
        self.is_curious
    }

    /// When a viewer comes, leaves, begins to type or stops. [`Self::stir`] is called then.
    pub(super) fn changes(&self) -> Changes {
        self.watch.changes()
    }

    /// The viewers have changed.
    pub(super) fn stir(&mut self) {
        self.is_curious = true;
    }

    /// The other viewers, if they have changed.
    pub(super) async fn look(&mut self, state: &State) -> Option<Presence> {
        let others: Vec<_> = self.watch.members().into_iter().filter(|one| one.account != self.account).collect();
        if others == self.told {
            self.is_curious = false;
            return None;
        }
        let ids: Vec<_> = others.iter().map(|one| one.account).collect();
        let names = state.store.names(&ids).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "Who looks at a conversation could not be read");
            Vec::new()
        });
        let looking = |one: &Member| {
            let named = names.iter().find(|named| named.id == one.account)?.clone();
            Some(Looking { id: named.id, name: named.name, typing: one.typing })
        };
        let people: Vec<_> = others.iter().filter_map(looking).collect();
        self.told = others;
        self.is_curious = false;
        Some(Presence { words: words(&people), people })
    }
}

/// The other viewers in a sentence for people.
fn words(people: &[Looking]) -> String {
    let names =
        |typing: bool| people.iter().filter(|one| one.typing || !typing).map(|one| &*one.name).collect::<Vec<_>>();
    let said = |names: Vec<&str>, what: &str| match &*names {
        [] => String::new(),
        [name] => format!("{name} is {what}"),
        [names @ .., last] if names.len() < MAX_NAMES => format!("{} and {last} are {what}", names.join(", ")),
        names => format!("{} and {} others are {what}", names[..2].join(", "), names.len() - 2),
    };
    let typing = said(names(true), "typing…");
    let here = said(names(false), "here.");
    if typing.is_empty() { here } else { format!("{here} {typing}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looking(names: &[&str], typing: usize) -> Vec<Looking> {
        let one = |(index, name): (usize, &&str)| Looking {
            id: AccountId::new(),
            name: (*name).into(),
            typing: index < typing,
        };
        names.iter().enumerate().map(one).collect()
    }

    #[test]
    fn it_is_said_as_people_say_it() {
        assert_eq!(words(&[]), "");
        assert_eq!(words(&looking(&["Bob"], 0)), "Bob is here.");
        assert_eq!(words(&looking(&["Bob", "Cleo"], 1)), "Bob and Cleo are here. Bob is typing…");
        assert_eq!(words(&looking(&["Bob", "Cleo", "Dan"], 2)), "Bob, Cleo and Dan are here. Bob and Cleo are typing…");
        assert_eq!(words(&looking(&["Bob", "Cleo", "Dan", "Eve", "Fay"], 0)), "Bob, Cleo and 3 others are here.");
    }
}
