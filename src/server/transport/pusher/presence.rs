//! A presence channel as one subscriber sees it: the members that were announced, and who has come and gone since.

use super::message::{self, Data};
use super::split::MAX_BYTES;
use crate::model::AccountId;
use crate::server::State;
use crate::server::audience::Watch;
use crate::server::channels::Member;
use crate::server::channels::{Listener, Name};
use serde_json::{Map, Value, json};

/// The name of a user without one.
const GUEST: &str = "Guest";

#[derive(Default)]
pub(super) struct Presence {
    /// Of a conversation: the accounts that view it by any transport.
    watch: Option<Watch>,
    told: Vec<Member>,
}

impl Presence {
    pub fn of(watch: Watch) -> Self {
        Self { watch: Some(watch), told: Vec::new() }
    }

    /// Completes when the audience changes.
    pub async fn changed(&mut self) {
        match &mut self.watch {
            Some(watch) => watch.changed().await,
            None => std::future::pending().await,
        }
    }

    /// The first message: the members. Those that do not fit into it are added afterwards.
    pub async fn welcome(&mut self, state: &State, name: &Name, listener: &Listener) -> Vec<String> {
        let people = self.now(state, listener).await;
        let mut bytes = 0;
        let fits = |person: &&Member| {
            bytes += 6 * person.id.len() + 2 * person.info.to_string().len() + 40;
            bytes < MAX_BYTES / 2
        };
        let first: Vec<_> = people.iter().take_while(fits).cloned().collect();
        let ids: Vec<_> = first.iter().map(|person| person.id.clone()).collect();
        let hash: Map<String, Value> = first.iter().map(|person| (person.id.clone(), person.info.clone())).collect();
        let data = json!({ "presence": { "count": ids.len(), "ids": ids, "hash": hash } }).to_string();
        self.told = first;
        let mut messages = vec![message::on(name, super::SUCCEEDED, Data::Text(&data))];
        messages.extend(self.difference(name, people));
        messages
    }

    /// Who has come and who has left.
    pub async fn news(&mut self, state: &State, name: &Name, listener: &Listener) -> Vec<String> {
        let people = self.now(state, listener).await;
        self.difference(name, people)
    }

    fn difference(&mut self, name: &Name, people: Vec<Member>) -> Vec<String> {
        let gone = self.told.iter().filter(|told| !people.iter().any(|person| person.id == told.id));
        let left = gone.map(|person| ("pusher_internal:member_removed", json!({ "user_id": person.id })));
        let new = people.iter().filter(|person| !self.told.iter().any(|told| told.id == person.id));
        let came = new
            .map(|person| ("pusher_internal:member_added", json!({ "user_id": person.id, "user_info": person.info })));
        let messages =
            left.chain(came).map(|(event, data)| message::on(name, event, Data::Text(&data.to_string()))).collect();
        self.told = people;
        messages
    }

    async fn now(&mut self, state: &State, listener: &Listener) -> Vec<Member> {
        let mut people = listener.people();
        let members = self.watch.as_mut().map_or_else(Vec::new, Watch::members);
        for member in members {
            let id = member.account.to_string();
            let known = self.told.iter().find(|told| told.id == id).cloned();
            people.push(match known {
                Some(person) => person,
                None => person(state, member.account).await,
            });
        }
        people
    }
}

/// An account as others see it.
pub async fn person(state: &State, account: AccountId) -> Member {
    // An account that is deleted concurrently is shown without a name.
    let name = state.store.account(account).await.ok().and_then(|account| account.name);
    Member { id: account.to_string(), info: json!({ "name": name.unwrap_or_else(|| GUEST.into()) }) }
}
