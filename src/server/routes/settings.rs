//! The page of a browser's settings, and the layer that puts them into every page.

use super::input::Form;
use super::table::Table;
use crate::error::Problem;
use crate::server::State;
use crate::server::html::Sheet;
use crate::server::html::settings::{Look, page};
use crate::server::principal::Owner;
use crate::server::problem::ProblemPage;
use crate::server::session::{Caller, cookie};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::get;
use futures::StreamExt;
use serde::Deserialize;

/// How each of our pages begins. Users' texts come later, and `<` is escaped there.
const ROOT: &str = "<html lang=\"en\"";

pub(super) fn routes() -> Table {
    Table::default().route("/settings", get(show).post(save))
}

fn look_of(headers: &HeaderMap) -> Look {
    Look::of_cookie(&cookie::look_of(headers))
}

async fn sheet(state: &State, caller: Caller, look: Look) -> Result<Sheet, Problem> {
    let owner = match caller.0 {
        Some(who) => {
            let account = state.store.account(who.account).await?;
            account.name.map(|name| Owner { name, role: account.role })
        }
        None => None,
    };
    Ok(page(owner, look))
}

async fn show(Extract(state): Extract<State>, caller: Caller, headers: HeaderMap) -> Result<Sheet, ProblemPage> {
    Ok(sheet(&state, caller, look_of(&headers)).await?)
}

#[derive(Deserialize)]
struct Chosen {
    #[serde(default)]
    theme: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    send: String,
}

async fn save(Extract(state): Extract<State>, form: Result<Form<Chosen>, Problem>) -> Result<Response, ProblemPage> {
    let Form(Chosen { theme, text, send }) = form?;
    let kept = cookie::look(&state, Look::new(&theme, &text, &send).cookie())?;
    Ok((AppendHeaders([kept]), Redirect::to("/settings")).into_response())
}

/// Has a page drawn as its reader has chosen. Without a choice the answer passes as it is.
pub(super) async fn apply(request: Request, next: Next) -> Response {
    let attributes = look_of(request.headers()).attributes();
    let response = next.run(request).await;
    let content = response.headers().get(header::CONTENT_TYPE);
    let is_page = content.is_some_and(|content| content.as_bytes().starts_with(b"text/html"));
    let Some(attributes) = attributes.filter(|_| is_page) else { return response };
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let mut attributes = Some(attributes);
    let chosen = body.into_data_stream().map(move |chunk| {
        let chunk = chunk?;
        Ok::<_, axum::Error>(match attributes.take() {
            Some(attributes) => with(&chunk, &attributes),
            None => chunk,
        })
    });
    Response::from_parts(parts, Body::from_stream(chosen))
}

/// The beginning of a page with these attributes on its root.
fn with(chunk: &Bytes, attributes: &str) -> Bytes {
    let Some(at) = chunk.windows(ROOT.len()).position(|here| here == ROOT.as_bytes()) else { return chunk.clone() };
    let at = at + ROOT.len();
    [&chunk[..at], attributes.as_bytes(), &chunk[at..]].concat().into()
}
