//! Fills the index, behind what is written, and takes out of it what was deleted.
//!
//! It is filled a block at a time, when an account has enough for one that has not changed for two minutes: what is newer
//! is read as it is by a search. So an existing database is filled in steps as well.

use super::block::{Filling, TITLE, Written};
use super::{block, grams};
use crate::model::{AccountId, ConversationId};
use crate::server::State;
use crate::server::store::search::index::{Block, Covered, DUE_TOGETHER, Due, Place, Uncovered};
use crate::server::times::ago;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

/// Messages and titles for which a block is worth it. Fewer are read by each search, in about ten milliseconds.
const LEAST: usize = 512;
/// After this no transaction that began before is under way any more, at no node, and their clocks differ by less.
const SETTLED: Duration = Duration::from_secs(120);
/// How long one round works.
const ROUND: Duration = Duration::from_millis(100);
/// How often each account is looked at.
const EVERY: Duration = Duration::from_secs(300);
/// Accounts that are looked at in one round.
const ACCOUNTS: i64 = 200;
/// Conversations that are read at a time.
const CONVERSATIONS: i64 = 256;
/// Messages that are read at a time.
const TEXTS: i64 = 32;
/// A text that is longer is looked through on a thread of its own: up to here it takes less than a millisecond.
const LONG: usize = 16 << 10;
/// Blocks that are checked in one round.
const CHECKED: i64 = 8;

/// How far this process has come.
pub struct Indexing {
    least: usize,
    settled: Duration,
    every: Duration,
    /// The last account that was looked at in this pass.
    account: String,
    begun: Option<Instant>,
    checked: i64,
}

impl Default for Indexing {
    fn default() -> Self {
        Self { least: LEAST, settled: SETTLED, every: EVERY, account: String::new(), begun: None, checked: 0 }
    }
}

impl Indexing {
    /// With which blocks are made of little, and at once.
    #[cfg(test)]
    pub(crate) fn eager() -> Self {
        Self { least: 1, settled: Duration::ZERO, every: Duration::ZERO, ..Self::default() }
    }

    /// One round. `true`: there is more to be done at once.
    pub async fn sweep(&mut self, state: &State) -> bool {
        match self.round(state).await {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!("The search index could not be kept; it is tried again in a moment: {error:#}");
                false
            }
        }
    }

    async fn round(&mut self, state: &State) -> anyhow::Result<bool> {
        let due = state.store.index_due().await?;
        let (accounts, last) = match self.begun.is_none_or(|begun| self.every <= begun.elapsed()) {
            true => state.store.accounts_to_index(&self.account, &ago(self.settled), ACCOUNTS).await?,
            false => (Vec::new(), Some(self.account.clone())),
        };
        let end = Instant::now() + ROUND;
        if due.is_empty() && accounts.is_empty() {
            self.passed(last);
            self.checked = state.store.check_blocks(self.checked, CHECKED).await?.unwrap_or_default();
            return Ok(false);
        }
        let Some(sole) = state.store.sole().await? else { return Ok(false) };
        // What is deleted is to be out of it within seconds, however many blocks it is in.
        let may_be_more = due.len() == DUE_TOGETHER;
        let done = self.work(state, due, accounts, end).await;
        sole.end().await;
        if done {
            self.passed(last);
        }
        Ok(!done || may_be_more)
    }

    /// The accounts up to this one were looked at; none is left after the last.
    fn passed(&mut self, last: Option<String>) {
        match last {
            Some(last) => self.account = last,
            None => (self.account, self.begun) = (String::new(), Some(Instant::now())),
        }
    }

    /// `false`: the time was over before all was done. What fails is left for a later round, and the rest goes on.
    async fn work(&self, state: &State, due: Vec<Due>, accounts: Vec<AccountId>, end: Instant) -> bool {
        for due in due {
            let done = match due {
                Due::Rewrite(block) => rewrite(state, block).await,
                Due::Delete(block) => state.store.delete_block(block).await.map_err(Into::into),
            };
            if let Err(error) = done {
                tracing::warn!("A block of the search index could not be kept ({due:?}); it is tried again: {error:#}");
            }
        }
        for account in accounts {
            loop {
                match self.add_block(state, account).await {
                    Ok(true) if end <= Instant::now() => return false,
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::warn!(%account, "The search index could not be filled; it is tried again: {error:#}");
                        break;
                    }
                }
            }
        }
        true
    }

    /// Makes a block of what the account has that is in none, oldest first. `false`: there is not enough for one.
    async fn add_block(&self, state: &State, account: AccountId) -> anyhow::Result<bool> {
        let settled = ago(self.settled);
        let mut gathering = Gathering::new(account);
        let mut begin = state.store.covered_to(account).await?;
        if settled < begin.to {
            // A clock was ahead. What was written since may be in no block.
            begin.to.clear();
        }
        gathering.covered_to.clone_from(&begin.to);
        let mut after = (begin.to.clone(), String::new());
        // Nothing is read of an account that has too little.
        let mut waiting = Vec::new();
        loop {
            let some = state.store.uncovered(account, (&after.0, &after.1), &settled, CONVERSATIONS).await?;
            let is_last = (some.len() as i64) < CONVERSATIONS;
            if let Some(last) = some.last() {
                after = (last.updated_at.clone(), last.id.to_string());
            }
            waiting.extend(some);
            let members: usize = waiting.iter().map(missing).sum();
            if block::MOST_MEMBERS <= members || is_last {
                if is_last && members < self.least && 0 < members {
                    cover(state, account, &begin, &waiting).await?;
                    return Ok(false);
                }
                break;
            }
        }
        let next = gathering.take(state, waiting).await?;
        // Others of the same time may come after it.
        if next.is_some_and(|next| next == gathering.covered_to) {
            gathering.covered_to.clone_from(&begin.to);
        }
        let has_come_further = begin.to != gathering.covered_to;
        let is_something = 0 < gathering.filling.members();
        let covered_to = gathering.covered_to.clone();
        if is_something {
            gathering.put(state, None).await?;
        }
        if has_come_further {
            state.store.set_covered_to(account, &begin, &covered_to).await?;
        }
        Ok(is_something)
    }
}

/// Notes how far everything is in the index.
async fn cover(state: &State, account: AccountId, begin: &Covered, oldest: &[Uncovered]) -> anyhow::Result<()> {
    let whole = oldest.iter().take_while(|conversation| missing(conversation) == 0).count();
    let next = oldest.get(whole).map(|next| next.updated_at.as_str());
    // Others of the same time may come after it.
    let covered = oldest[..whole].iter().rev().map(|last| last.updated_at.as_str()).find(|time| Some(*time) != next);
    match covered {
        Some(time) if begin.to.as_str() < time => Ok(state.store.set_covered_to(account, begin, time).await?),
        _ => Ok(()),
    }
}

/// How many messages and titles of it are in no block.
fn missing(conversation: &Uncovered) -> usize {
    let messages = usize::try_from(conversation.newest - conversation.up_to).unwrap_or_default();
    messages + usize::from(!conversation.is_titled)
}

/// What is to become a block.
struct Gathering {
    account: AccountId,
    filling: Filling,
    places: Vec<Place>,
    covered_to: String,
}

impl Gathering {
    fn new(account: AccountId) -> Self {
        Self { account, filling: Filling::default(), places: Vec::new(), covered_to: String::new() }
    }

    /// Takes of these conversations what has room. Returns the time of the first one of which something is left.
    async fn take(&mut self, state: &State, conversations: Vec<Uncovered>) -> anyhow::Result<Option<String>> {
        let mut left = None;
        for conversation in conversations {
            if self.filling.is_full() {
                left = left.or(Some(conversation.updated_at));
                break;
            }
            let is_whole = self.add(state, &conversation).await?;
            match (&left, is_whole) {
                (None, true) => self.covered_to = conversation.updated_at,
                (None, false) => left = Some(conversation.updated_at),
                (Some(_), _) => {}
            }
        }
        Ok(left)
    }

    /// `false`: something of it is left, for which there is no room, or which is still written.
    async fn add(&mut self, state: &State, conversation: &Uncovered) -> anyhow::Result<bool> {
        let id = conversation.id;
        if missing(conversation) == 0 {
            return Ok(true);
        }
        let title = (!conversation.is_titled).then(|| conversation.title.clone());
        if let Some(title) = &title {
            self.put_in((id, TITLE), title.clone()).await?;
        }
        let (mut up_to, mut is_whole) = (conversation.up_to, true);
        'read: while up_to < conversation.newest {
            let texts = state.store.texts_to_index(id, up_to, conversation.newest, TEXTS).await?;
            if texts.is_empty() {
                break;
            }
            for (position, text) in texts {
                let Some(text) = text.filter(|_| !self.filling.is_full()) else {
                    is_whole = false;
                    break 'read;
                };
                self.put_in((id, position), text).await?;
                up_to = position;
            }
        }
        if conversation.up_to < up_to || title.is_some() {
            self.places.push(Place { conversation: id, up_to, title });
        }
        Ok(is_whole)
    }

    async fn put_in(&mut self, member: block::Member, text: String) -> anyhow::Result<()> {
        let bytes = text.len();
        let read = move || grams::of_text(&text.to_lowercase());
        let grams = if bytes <= LONG { read() } else { spawn_blocking(read).await? };
        self.filling.add(member, bytes, grams);
        Ok(())
    }

    async fn put(self, state: &State, former: Option<i64>) -> anyhow::Result<()> {
        let Self { account, filling, places, .. } = self;
        let Written { members, parts } = spawn_blocking(move || filling.written()).await?;
        Ok(state.store.put_block(&Block { account, members, parts, places, former }).await?)
    }
}

/// Writes another block with what is still there of this one, under its titles of now.
async fn rewrite(state: &State, former: i64) -> anyhow::Result<()> {
    let Some((account, members, places)) = state.store.outdated(former).await? else { return Ok(()) };
    if places.is_empty() {
        return Ok(state.store.delete_block(former).await?);
    }
    let mut gathering = Gathering::new(account);
    let mut by_conversation = HashMap::<ConversationId, Vec<i64>>::new();
    for (conversation, position) in block::read_members(&members).unwrap_or_default() {
        by_conversation.entry(conversation).or_default().push(position);
    }
    for place in places {
        let positions = by_conversation.remove(&place.conversation).unwrap_or_default();
        if let Some(title) = &place.title {
            gathering.put_in((place.conversation, TITLE), title.clone()).await?;
        }
        let messages: HashSet<i64> = positions.into_iter().filter(|position| *position != TITLE).collect();
        let mut at = messages.iter().min().map_or(place.up_to, |first| first - 1);
        while at < place.up_to {
            let texts = state.store.texts_to_index(place.conversation, at, place.up_to, TEXTS).await?;
            let Some((last, _)) = texts.last() else { break };
            at = *last;
            for (position, text) in texts {
                if let Some(text) = text.filter(|_| messages.contains(&position)) {
                    gathering.put_in((place.conversation, position), text).await?;
                }
            }
        }
        gathering.places.push(place);
    }
    gathering.put(state, Some(former)).await
}
