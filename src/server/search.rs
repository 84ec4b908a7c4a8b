//! Searching an account's conversations: all words of the query, in a title or in one message, whatever their case.
//!
//! A page of results is a bounded amount of work. It may therefore hold few results, or none, and still have a `next`.

mod words;

use super::State;
use super::store::search::{Found, Place, Said};
use crate::error::Problem;
use crate::model::{AccountId, ConversationId, MessageId, Role};
use futures::TryStreamExt;
use std::pin::pin;
use words::Words;

/// What one page of results may cost: the messages that are read, and their bytes. Some 50 ms of a processor.
const MOST_READ: usize = 5_000;
const MOST_READ_BYTES: usize = 16 << 20;
/// Results on one page.
const PAGE: i64 = 20;
pub const MOST_PER_PAGE: i64 = 100;

/// A place where the words are.
#[derive(Clone, Debug)]
pub struct Hit {
    pub conversation: ConversationId,
    pub title: String,
    /// None: they are in the title.
    pub message: Option<HitMessage>,
}

#[derive(Clone, Debug)]
pub struct HitMessage {
    pub id: MessageId,
    pub role: Role,
    /// The text around the first of the words.
    pub excerpt: String,
    pub created_at: String,
}

/// Results, newest conversation first, and where the next page begins.
#[derive(Clone, Debug, Default)]
pub struct Results {
    pub hits: Vec<Hit>,
    pub next: Option<String>,
}

pub async fn search(
    state: &State,
    account: AccountId,
    query: &str,
    after: Option<&str>,
    limit: Option<i64>,
) -> Result<Results, Problem> {
    let words = Words::parse(query)?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=MOST_PER_PAGE).contains(&limit) {
        return Err(Problem::invalid("limit", format!("A page holds 1 to {MOST_PER_PAGE} results.")));
    }
    let after = after.map(place).transpose()?;
    let mut conversation = after.as_ref().map(|place| place.conversation.clone()).unwrap_or_default();
    let mut rows = pin!(state.store.texts(account, after));
    let mut results = Results::default();
    let (mut read, mut bytes) = (0, 0);
    while let Some(found) = rows.try_next().await? {
        let id = found.conversation.to_string();
        if conversation != id {
            conversation = id;
            results.hits.extend(in_title(&words, &found));
        }
        read += 1;
        bytes += found.message.as_ref().map_or(0, |said| said.text.len());
        results.hits.extend(found.message.as_ref().and_then(|said| in_text(&words, &found, said)));
        if limit as usize <= results.hits.len() || MOST_READ <= read || MOST_READ_BYTES <= bytes {
            results.next = Some(next(&found));
            break;
        }
    }
    Ok(results)
}

fn in_title(words: &Words, found: &Found) -> Option<Hit> {
    words.find(&found.title)?;
    Some(Hit { conversation: found.conversation, title: found.title.clone(), message: None })
}

fn in_text(words: &Words, found: &Found, said: &Said) -> Option<Hit> {
    let excerpt = words.excerpt(&said.text)?;
    let message = HitMessage { id: said.id, role: said.role, excerpt, created_at: said.created_at.clone() };
    Some(Hit { conversation: found.conversation, title: found.title.clone(), message: Some(message) })
}

fn next(found: &Found) -> String {
    let position = found.message.as_ref().map_or(0, |said| said.position);
    format!("{}_{}_{position}", found.updated_at, found.conversation)
}

fn place(next: &str) -> Result<Place, Problem> {
    let mut parts = next.splitn(3, '_');
    let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
    let place = part().zip(part()).zip(part().and_then(|part| part.parse().ok()));
    let place = place.map(|((updated_at, conversation), position)| Place { updated_at, conversation, position });
    place.ok_or_else(|| Problem::invalid("cursor", "This is not the `next` of a page of results."))
}
