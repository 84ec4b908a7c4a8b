//! Which messages may have the words, by the index.

use super::block::{self, Member};
use super::grams::{self, Gram};
use super::words::Words;
use crate::error::Problem;
use crate::model::{AccountId, ConversationId};
use crate::server::State;
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many of the words' grams are looked up. More would not tell much more: of a thousand messages, hardly one has eight
/// groups of three letters and not the word.
const MOST_GRAMS: usize = 24;
/// Fewer messages than this are read rather than looked up further.
const FEW: usize = 48;
/// Blocks that one statement asks for: it has a value for each.
const TOGETHER: usize = 1_000;

/// The messages that may have the words, and all that is in the index neither.
pub(super) struct Candidates {
    /// By conversation: the positions, newest first.
    found: HashMap<ConversationId, Vec<i64>>,
    /// Conversations of others that are not in the index as a whole.
    open: HashSet<ConversationId>,
    /// The account's own conversations are in the index up to this time.
    pub covered_to: String,
}

impl Candidates {
    /// None: the words have nothing by which they could be found.
    pub(super) async fn find(state: &State, account: AccountId, words: &Words) -> Result<Option<Self>, Problem> {
        let grams = of(words);
        if grams.is_empty() {
            return Ok(None);
        }
        let store = &state.store;
        // Before the blocks: what is put into one meanwhile is found there, or still beside it.
        let covered_to = store.covered_to(account).await?.to;
        let shared = store.shared_to_search(account).await?;
        let places = store.blocks(account).await?;
        let own: HashSet<i64> = places.own.iter().copied().collect();
        let mut left: BTreeMap<i64, Option<Vec<u16>>> =
            places.own.into_iter().chain(places.shared).map(|block| (block, None)).collect();
        for gram in grams {
            if left.values().all(Option::is_some) && left.values().flatten().map(Vec::len).sum::<usize>() <= FEW {
                break;
            }
            narrow(state, &mut left, gram).await?;
        }
        let open = shared.iter().filter(|(_, is_covered)| !**is_covered).map(|(id, _)| *id).collect();
        let mut candidates = Self { found: HashMap::new(), open, covered_to };
        let blocks: Vec<i64> = left.keys().copied().collect();
        for blocks in blocks.chunks(TOGETHER) {
            for (block, members) in store.members(blocks).await? {
                let members = block::read_members(&members).ok_or_else(damaged)?;
                let seen = |member: &&Member| own.contains(&block) || shared.contains_key(&member.0);
                let numbers = left[&block].iter().flatten();
                candidates.add(numbers.filter_map(|number| members.get(usize::from(*number))).filter(seen));
            }
        }
        for positions in candidates.found.values_mut() {
            positions.sort_unstable_by(|one, other| other.cmp(one));
            // From two blocks perhaps, one of which takes the other's place just now.
            positions.dedup();
        }
        Ok(Some(candidates))
    }

    fn add<'m>(&mut self, members: impl Iterator<Item = &'m Member>) {
        for (conversation, position) in members {
            self.found.entry(*conversation).or_default().push(*position);
        }
    }

    /// Where in the conversation a message may have the words, newest first. None: nowhere, not in the title either.
    pub(super) fn of(&self, conversation: ConversationId) -> Option<&[i64]> {
        self.found.get(&conversation).map(Vec::as_slice)
    }

    /// The conversations that are to be looked at, apart from the account's own newest ones.
    pub(super) fn conversations(&self) -> Vec<ConversationId> {
        let others = self.open.iter().filter(|id| !self.found.contains_key(id));
        self.found.keys().chain(others).copied().collect()
    }
}

/// The grams of the words, each once. Those of the longest word come first: it is the rarest, as a rule.
fn of(words: &Words) -> Vec<Gram> {
    let mut by_word: Vec<Vec<Gram>> = words.each().map(grams::of_word).collect();
    by_word.sort_by_key(|grams| std::cmp::Reverse(grams.len()));
    let mut seen = HashSet::new();
    let each = by_word.into_iter().flatten();
    each.filter(|gram| seen.insert(*gram)).take(MOST_GRAMS).collect()
}

/// Leaves the messages that have this gram as well.
async fn narrow(state: &State, left: &mut BTreeMap<i64, Option<Vec<u16>>>, gram: Gram) -> Result<(), Problem> {
    let blocks: Vec<i64> = left.keys().copied().collect();
    for blocks in blocks.chunks(TOGETHER) {
        let parts = state.store.parts(blocks, gram.part()).await?;
        for block in blocks {
            let having = parts.get(block).map_or(Some(Vec::new()), |part| block::having(part, gram));
            let mut having = having.ok_or_else(damaged)?;
            if let Some(Some(before)) = left.get(block) {
                having.retain(|number| before.binary_search(number).is_ok());
            }
            match having.is_empty() {
                true => left.remove(block),
                false => left.insert(*block, Some(having)),
            };
        }
    }
    Ok(())
}

fn damaged() -> Problem {
    tracing::error!("A block of the search index is damaged");
    Problem::Internal
}
