//! Searching the account's conversations.

use super::Listed;
use crate::error::Problem;
use crate::model::{ConversationId, MessageId, Role};
use crate::server::State;
use crate::server::routes::input::Query;
use crate::server::routes::openapi::Limited;
use crate::server::search::{self, Hit};
use crate::server::session::Reader;
use axum::Json as Answer;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// Words: all of them, in a title or in one message; case is ignored.
    #[param(min_length = 1, max_length = 200, pattern = r"\S")]
    q: String,
    /// The `next` of a previous page.
    cursor: Option<String>,
    /// The largest number of items on a page.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
}

/// A title or a message with the words in it.
#[derive(Serialize, ToSchema)]
pub(super) struct SearchResult {
    conversation: ConversationId,
    title: String,
    /// The message; null where the title has the words.
    message: Option<MessageId>,
    role: Option<Role>,
    /// The text around the words.
    excerpt: Option<String>,
    created_at: Option<String>,
}

impl From<Hit> for SearchResult {
    fn from(hit: Hit) -> Self {
        let title = Self {
            conversation: hit.conversation,
            title: hit.title,
            message: None,
            role: None,
            excerpt: None,
            created_at: None,
        };
        match hit.message {
            None => title,
            Some(it) => Self {
                message: Some(it.id),
                role: Some(it.role),
                excerpt: Some(it.excerpt),
                created_at: Some(it.created_at),
                ..title
            },
        }
    }
}

/// Search titles and messages
///
/// The newest conversation comes first. One request looks through some thousand messages: a page can have no items and
/// still a `next`.
#[utoipa::path(get, path = "/api/v1/search", operation_id = "search", tag = "search", params(Question),
    responses((status = 200, body = Listed<SearchResult>), Limited))]
pub(super) async fn search(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    Query(asked): Query<Question>,
) -> Result<Answer<Listed<SearchResult>>, Problem> {
    let found = search::search(&state, who.account, &asked.q, asked.cursor.as_deref(), asked.limit).await?;
    Ok(Answer(Listed { items: found.hits.into_iter().map(SearchResult::from).collect(), next: found.next }))
}
