//! The page of the settings, and the layers that put them into every page.

use super::input::Form;
use super::table::Table;
use crate::contract::PreferencesChange;
use crate::error::Problem;
use crate::model::Preferences;
use crate::server::html::settings::{Look, Reader, page};
use crate::server::html::{Notice, Sheet};
use crate::server::principal::Owner;
use crate::server::problem::ProblemPage;
use crate::server::session::{Caller, cookie};
use crate::server::{State, preferences};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use futures::StreamExt;
use serde::Deserialize;

/// How each of our pages begins. Users' texts come later, and `<` is escaped there.
const ROOT: &str = "<html lang=\"en\"";

pub(super) fn routes() -> Table {
    Table::default().route("/settings", get(show).post(save)).route("/settings/favourite", post(favourite))
}

fn look_of(headers: &HeaderMap) -> Look {
    Look::of_cookie(&cookie::look_of(headers))
}

/// The page; or after a form with this problem, with the instructions that were typed there.
async fn sheet(
    state: &State,
    caller: Caller,
    headers: &HeaderMap,
    refused: Option<(Problem, Option<String>)>,
) -> Result<Sheet, Problem> {
    let (problem, typed) = refused.unzip();
    let said = problem.map(|problem| Notice::problem("settings", problem)).unwrap_or_default();
    let of_browser = look_of(headers).preferences();
    let Some(who) = caller.0 else {
        let reader = Reader { owner: None, has_account: false };
        return Ok(page(reader, of_browser, Vec::new(), said));
    };
    let account = state.store.account(who.account).await?;
    let owner = account.name.map(|name| Owner { name, role: account.role });
    let mut chosen = state.store.preferences(who.account).await?.unwrap_or(of_browser);
    chosen.instructions = typed.flatten().or(chosen.instructions);
    Ok(page(Reader { owner, has_account: true }, chosen, state.providers.models(), said))
}

async fn show(Extract(state): Extract<State>, caller: Caller, headers: HeaderMap) -> Result<Sheet, ProblemPage> {
    Ok(sheet(&state, caller, &headers, None).await?)
}

#[derive(Deserialize)]
struct Chosen {
    #[serde(default)]
    theme: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    send: String,
    announced: Option<String>,
    instructions: Option<String>,
}

/// Keeps what was chosen: with the account, where the browser has one, and in the browser for when it has none.
async fn save(
    Extract(state): Extract<State>,
    caller: Caller,
    headers: HeaderMap,
    form: Result<Form<Chosen>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(Chosen { theme, text, send, announced, instructions }) = form?;
    let look = Look::new(&theme, &text, &send);
    if caller.0.is_some() {
        let Preferences { theme, text, send, .. } = look.preferences();
        let change = PreferencesChange {
            theme: Some(theme),
            text: Some(text),
            send: Some(send),
            announced,
            // Forms send line breaks as CRLF.
            instructions: instructions.map(|text| text.replace("\r\n", "\n")),
            favourites: None,
        };
        let typed = change.instructions.clone();
        match preferences::change(&state, caller.writing()?.account, change).await {
            Err(problem @ Problem::Invalid { .. }) => {
                return Ok(sheet(&state, caller, &headers, Some((problem, typed))).await?.into_response());
            }
            changed => changed?,
        };
    }
    let kept = cookie::look(&state, look.cookie())?;
    Ok((AppendHeaders([kept]), Redirect::to("/settings")).into_response())
}

#[derive(Deserialize)]
struct Favourite {
    model: String,
    favourite: String,
}

/// Has a model offered first, or no more.
async fn favourite(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Favourite>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let account = caller.writing()?.account;
    let Form(Favourite { model, favourite }) = form?;
    let mut favourites = preferences::all(&state, account).await?.favourites;
    favourites.retain(|known| *known != model);
    if favourite == "yes" {
        favourites.push(model);
    }
    let change = PreferencesChange { favourites: Some(favourites), ..PreferencesChange::default() };
    preferences::change(&state, account, change).await?;
    Ok(Redirect::to("/settings"))
}

/// Finds how the caller's account wants its pages, for [`apply`].
pub(super) async fn find(Extract(state): Extract<State>, request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>().and_then(|caller| caller.0);
    let mut response = next.run(request).await;
    let Some(who) = caller.filter(|_| is_page(&response)) else { return response };
    match state.store.preferences(who.account).await {
        Ok(Some(chosen)) => _ = response.extensions_mut().insert(Look::of(&chosen)),
        Ok(None) => {}
        // The page is worth more than its theme.
        Err(error) => tracing::warn!(%error, "How an account wants its pages could not be read"),
    }
    response
}

fn is_page(response: &Response) -> bool {
    let content = response.headers().get(header::CONTENT_TYPE);
    content.is_some_and(|content| content.as_bytes().starts_with(b"text/html"))
}

/// Has a page drawn as its reader has chosen. Without a choice the answer passes as it is.
pub(super) async fn apply(request: Request, next: Next) -> Response {
    let of_browser = look_of(request.headers());
    let response = next.run(request).await;
    let look = response.extensions().get::<Look>().copied().unwrap_or(of_browser);
    let Some(attributes) = look.attributes().filter(|_| is_page(&response)) else { return response };
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
