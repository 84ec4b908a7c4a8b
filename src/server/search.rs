//! Searching an account's conversations: all words of the query, in a title or in one message; case is ignored.
//!
//! First the newest messages are read, which is enough for words that are in many. Then the index says which others may
//! have the words (`candidates`), and those are read. What changed in the last minutes is in no block of the index yet and
//! is read too, so nothing waits for the index, and it need not be complete.
//!
//! A page of results is a bounded amount of work. It may therefore hold few results, or none, and still have a `next`.

mod block;
mod candidates;
mod grams;
pub mod indexing;
mod words;

use super::State;
use super::nul;
use super::store::search::FoundText;
use super::store::search::SearchPosition;
use super::store::search::Titled;
use crate::contract::{Found, FoundList};
use crate::error::Problem;
use crate::model::{AccountId, ConversationId, MessageId, Role};
use candidates::Candidates;
use futures::{StreamExt, TryStreamExt};
use std::pin::pin;
use words::Words;

/// The cost limit of one page of results: the conversations and messages that are read, and their bytes. Some 50 ms of
/// a processor.
const MAX_READ: usize = 5_000;
const MAX_READ_BYTES: usize = 16 << 20;
/// How many are read before the index is asked: a word that is in every tenth message fills a page by then.
const EAGER: usize = 300;
/// And their bytes: a few of the longest replies must not take what the index is asked for.
const EAGER_BYTES: usize = 1 << 20;
/// Conversations that are fetched at a time.
const TITLES: i64 = 100;
/// And where most of them are passed over.
const MANY_TITLES: i64 = 1_000;
/// At most this number of conversations is fetched by their ids, rather than found among all others.
const DIRECT: usize = 4_096;
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
    let from = after.map(place).transpose()?;
    let _one = state.limits.search(account)?;
    let page = Page {
        words,
        limit: limit as usize,
        most: EAGER,
        most_bytes: EAGER_BYTES,
        read: 0,
        bytes: 0,
        hits: Vec::new(),
    };
    Walk { state, account, from, page, candidates: None, is_last: false }.run().await
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
        excerpt: hit.message.map(|message| plain(&message.excerpt)),
    };
    Ok(FoundList { hits: hits.into_iter().map(found).collect(), has_more: next.is_some() })
}

/// An excerpt without marks of Markdown, which are noise in one line.
pub fn plain(excerpt: &str) -> String {
    let text = excerpt.replace(['*', '`', '#'], "").replace('|', " ");
    let words = text.split_whitespace().filter(|word| word.chars().any(|letter| !"-:~".contains(letter)));
    words.collect::<Vec<_>>().join(" ")
}

/// A search on its way through the account's conversations, newest first.
struct Walk<'s> {
    state: &'s State,
    account: AccountId,
    /// All of what comes before it was searched.
    from: Option<SearchPosition>,
    page: Page,
    /// None: the index was not asked yet, or cannot help with these words.
    candidates: Option<Candidates>,
    /// Nothing comes after those that were fetched.
    is_last: bool,
}

impl Walk<'_> {
    async fn run(mut self) -> Result<Results, Problem> {
        loop {
            for conversation in self.fetch().await? {
                if let Some(position) = self.look_through(&conversation).await? {
                    return Ok(Results { hits: self.page.hits, next: Some(next(&conversation, position)) });
                }
                let Titled { id, updated_at, .. } = conversation;
                // All of it was searched.
                self.from = Some(SearchPosition { updated_at, conversation: id.to_string(), position: i64::MIN });
            }
            if self.is_last {
                return Ok(Results { hits: self.page.hits, next: None });
            }
        }
    }

    /// The next conversations. Where the rest is in the index, only those that it names, if they are few.
    async fn fetch(&mut self) -> Result<Vec<Titled>, Problem> {
        let from = self.from.as_ref();
        let Some(candidates) = &self.candidates else {
            let titles = self.state.store.titles(self.account, from, TITLES).await?;
            self.is_last = (titles.len() as i64) < TITLES;
            return Ok(titles);
        };
        let named = candidates.conversations();
        let is_covered = from.is_some_and(|from| from.updated_at <= candidates.covered_to);
        if is_covered && named.len() <= DIRECT {
            let titles = self.state.store.titles_of(self.account, &named, from, TITLES).await?;
            self.is_last = (titles.len() as i64) < TITLES;
            return Ok(titles);
        }
        let most = if is_covered { MANY_TITLES } else { TITLES };
        let titles = self.state.store.titles(self.account, from, most).await?;
        self.is_last = (titles.len() as i64) < most;
        Ok(titles)
    }

    /// Searches one conversation. Returns where in it to continue where the page is full.
    async fn look_through(&mut self, conversation: &Titled) -> Result<Option<i64>, Problem> {
        let begun = self.from.as_ref().filter(|from| from.conversation == conversation.id.to_string());
        let mut position = begun.map(|from| from.position);
        loop {
            let stopped = match self.candidates.as_ref() {
                None => self.page.look_through(self.state, conversation, position, 0, &[]).await?,
                Some(candidates) => match candidates.of(conversation.id) {
                    None if conversation.is_covered => return Ok(None),
                    old => {
                        let old = old.unwrap_or_default();
                        self.page.look_through(self.state, conversation, position, conversation.up_to, old).await?
                    }
                },
            };
            if stopped.is_none() || self.page.is_full() || self.page.most == MAX_READ {
                return Ok(stopped);
            }
            // The first of it was read and did not fill the page.
            (self.page.most, self.page.most_bytes) = (MAX_READ, MAX_READ_BYTES);
            self.candidates = Candidates::find(self.state, self.account, &self.page.words).await?;
            position = stopped;
        }
    }
}

/// A page of results that is being collected.
struct Page {
    words: Words,
    limit: usize,
    /// How much may be read.
    most: usize,
    most_bytes: usize,
    read: usize,
    bytes: usize,
    hits: Vec<Hit>,
}

impl Page {
    /// Searches one conversation: its title, unless a previous page has searched that, and of its messages before
    /// `position` those after `up_to`, and those at the positions `old`. Returns where in it to continue where this page
    /// is over.
    async fn look_through(
        &mut self,
        state: &State,
        conversation: &Titled,
        position: Option<i64>,
        up_to: i64,
        old: &[i64],
    ) -> Result<Option<i64>, Problem> {
        if position.is_none() {
            self.hits.extend(in_title(&self.words, conversation));
        }
        let before = position.unwrap_or(i64::MAX);
        self.read += 1;
        if self.is_over() {
            return Ok(Some(before));
        }
        let old: Vec<i64> =
            old.iter().copied().filter(|at| *at < before && *at <= up_to && block::TITLE < *at).collect();
        let new = state.store.texts(conversation.id, up_to, before);
        let mut texts = pin!(new.chain(state.store.texts_at(conversation.id, &old)));
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

    fn is_full(&self) -> bool {
        self.limit <= self.hits.len()
    }

    fn is_over(&self) -> bool {
        self.is_full() || self.most <= self.read || self.most_bytes <= self.bytes
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
