//! Searching an account's conversations: all words of the query, in a title or in one message; case is ignored.
//!
//! A page of results is a bounded amount of work. It may therefore hold few results, or none, and still have a `next`.

mod words;

use super::State;
use super::nul;
use super::store::search::FoundText;
use super::store::search::SearchPosition;
use super::store::search::Titled;
use crate::contract::{Found, FoundList};
use crate::error::Problem;
use crate::model::{AccountId, ConversationId, MessageId, Role};
use futures::TryStreamExt;
use std::pin::pin;
use words::Words;

/// The cost limit of one page of results: the conversations and messages that are read, and their bytes. Some 50 ms of
/// a processor.
const MAX_READ: usize = 5_000;
const MAX_READ_BYTES: usize = 16 << 20;
/// Conversations that are fetched at a time.
const TITLES: i64 = 100;
/// Results on one page.
const PAGE: i64 = 20;
pub const MAX_PER_PAGE: i64 = 100;

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

/// # Errors
/// 422 for an invalid query; 429 while another search of the account is running.
pub async fn search(
    state: &State,
    account: AccountId,
    query: &str,
    after: Option<&str>,
    limit: Option<i64>,
) -> Result<Results, Problem> {
    let words = Words::parse(query)?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=MAX_PER_PAGE).contains(&limit) {
        return Err(Problem::invalid("limit", format!("A page holds 1 to {MAX_PER_PAGE} results.")));
    }
    let mut from = after.map(place).transpose()?;
    let _one = state.limits.search(account)?;
    let mut page = Page { words, limit: limit as usize, read: 0, bytes: 0, hits: Vec::new() };
    loop {
        let titles = state.store.titles(account, from.as_ref(), TITLES).await?;
        let has_more = titles.len() as i64 == TITLES;
        for conversation in titles {
            let begun = from.as_ref().filter(|from| from.conversation == conversation.id.to_string());
            let position = begun.map(|from| from.position);
            if let Some(position) = page.look_through(state, &conversation, position).await? {
                return Ok(Results { hits: page.hits, next: Some(next(&conversation, position)) });
            }
            let Titled { id, updated_at, .. } = conversation;
            // All of it was searched.
            from = Some(SearchPosition { updated_at, conversation: id.to_string(), position: i64::MIN });
        }
        if !has_more {
            return Ok(Results { hits: page.hits, next: None });
        }
    }
}

/// The first page of results, as the app shows it while the words are typed.
///
/// # Errors
/// See [`search`].
pub async fn first(state: &State, account: AccountId, query: &str) -> Result<FoundList, Problem> {
    let Results { hits, next } = search(state, account, query, None, None).await?;
    let found = |hit: Hit| Found {
        conversation: hit.conversation,
        title: hit.title,
        // In one line, marks of Markdown are noise.
        excerpt: hit.message.map(|message| message.excerpt.replace(['*', '`', '#'], "")),
    };
    Ok(FoundList { hits: hits.into_iter().map(found).collect(), has_more: next.is_some() })
}

/// A page of results that is being collected.
struct Page {
    words: Words,
    limit: usize,
    read: usize,
    bytes: usize,
    hits: Vec<Hit>,
}

impl Page {
    /// Searches one conversation: its title, unless a previous page has searched that, and its messages before
    /// `position`. Returns where in it to continue where this page is full.
    async fn look_through(
        &mut self,
        state: &State,
        conversation: &Titled,
        position: Option<i64>,
    ) -> Result<Option<i64>, Problem> {
        if position.is_none() {
            self.hits.extend(in_title(&self.words, conversation));
        }
        let before = position.unwrap_or(i64::MAX);
        self.read += 1;
        if self.is_over() {
            return Ok(Some(before));
        }
        let mut texts = pin!(state.store.texts(conversation.id, before));
        while let Some(said) = texts.try_next().await? {
            self.read += 1;
            self.bytes += said.text.len();
            self.hits.extend(in_text(&self.words, conversation, &said));
            if self.is_over() {
                return Ok(Some(said.position));
            }
        }
        Ok(None)
    }

    fn is_over(&self) -> bool {
        self.limit <= self.hits.len() || MAX_READ <= self.read || MAX_READ_BYTES <= self.bytes
    }
}

fn in_title(words: &Words, found: &Titled) -> Option<Hit> {
    words.find(&found.title)?;
    Some(Hit { conversation: found.id, title: found.title.clone(), message: None })
}

fn in_text(words: &Words, found: &Titled, said: &FoundText) -> Option<Hit> {
    let excerpt = words.excerpt(&said.text)?;
    let message = HitMessage { id: said.id, role: said.role, excerpt, created_at: said.created_at.clone() };
    Some(Hit { conversation: found.id, title: found.title.clone(), message: Some(message) })
}

fn next(found: &Titled, position: i64) -> String {
    format!("{}_{}_{position}", found.updated_at, found.id)
}

fn place(next: &str) -> Result<SearchPosition, Problem> {
    let mut parts = next.splitn(3, '_').filter(|part| !nul::is_in(part));
    let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
    let place = part().zip(part()).zip(part().and_then(|part| part.parse().ok()));
    let place =
        place.map(|((updated_at, conversation), position)| SearchPosition { updated_at, conversation, position });
    place.ok_or_else(|| Problem::invalid("cursor", "This is not the `next` of a page of results."))
}
