//! One conversation's page of what can be done with it, and its export.

use super::input::{Id, Query};
use super::table::Table;
use crate::error::Problem;
use crate::model::ConversationId;
use crate::server::export::Format;
use crate::server::html::{Sheet, manage};
use crate::server::principal::Owner;
use crate::server::problem::ProblemPage;
use crate::server::session::{Caller, to_sign_in};
use crate::server::{State, conversations, export};
use axum::body::Body;
use axum::extract::State as Extract;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

pub(super) fn routes() -> Table {
    Table::default()
        .route("/c/{id}/manage", get(show))
        .route("/c/{id}/export", get(exported))
        .route("/archive", get(archive))
}

async fn show(
    Extract(state): Extract<State>,
    caller: Caller,
    id: Result<Id<ConversationId>, Problem>,
) -> Result<Sheet, ProblemPage> {
    let (who, Id(id)) = (caller.reading()?, id?);
    let stored = state.store.conversation(who.account, id).await?;
    let account = state.store.account(who.account).await?;
    let owner = account.name.map(|name| Owner { name, role: who.role });
    let standing = state.store.standings(who.account, &[id]).await?.remove(&id).unwrap_or_default();
    Ok(manage::page(owner, stored, standing))
}

#[derive(Deserialize)]
struct Older {
    cursor: Option<String>,
}

async fn archive(
    Extract(state): Extract<State>,
    caller: Caller,
    older: Result<Query<Older>, Problem>,
) -> Result<Response, ProblemPage> {
    let Some(who) = caller.0 else { return Ok(to_sign_in("/archive").into_response()) };
    let Query(Older { cursor }) = older?;
    let list = conversations::list(&state, who.account, cursor.as_deref(), None, true).await?;
    let account = state.store.account(who.account).await?;
    let owner = account.name.map(|name| Owner { name, role: account.role });
    Ok(manage::archive(owner, list.items, list.next).into_response())
}

#[derive(Deserialize)]
struct As {
    #[serde(default, rename = "as")]
    format: Format,
}

async fn exported(
    Extract(state): Extract<State>,
    caller: Caller,
    id: Result<Id<ConversationId>, Problem>,
    asked: Result<Query<As>, Problem>,
) -> Result<Response, ProblemPage> {
    let (who, Id(id), Query(As { format })) = (caller.reading()?, id?, asked?);
    let (name, pieces) = export::one(&state, who, id, format).await?;
    // A title can have any letters; RFC 8187 says how they are written here.
    let file = percent_encoded(&name);
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{file}")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

fn percent_encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_written_in_the_characters_of_a_header() {
        assert_eq!(percent_encoded("2026-11-23-Flüsse.md"), "2026-11-23-Fl%C3%BCsse.md");
        assert_eq!(percent_encoded("a\r\nb\"c"), "a%0D%0Ab%22c");
    }
}
