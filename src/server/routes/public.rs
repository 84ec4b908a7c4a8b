//! The routes under a public link, `/p/{secret}`: a conversation's page and that page's requests, read-only.
//!
//! They are the app's own page and server functions. A request is forwarded to them without any of its credentials, and
//! with the link as its only right.

use super::headers;
use crate::error::Problem;
use crate::model::{ConversationId, ImageId, MessageId};
use crate::server::peer::Peer;
use crate::server::principal::LinkHolder;
use crate::server::problem::ProblemPage;
use crate::server::secret::Hash;
use crate::server::{State, address, sharing};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::any;
use tower::ServiceExt;

/// What the page of a public conversation may request, besides itself, its images and its long texts.
const FUNCTIONS: [&str; 4] = ["api/chat/open", "api/chat/earlier", "api/chat/highlighted", "api/follow"];
/// The answer for an unknown path, whatever the link.
const NOWHERE: &str = "/p";

/// Everything that is served: `app`, and its readers by public links.
pub(super) fn around(state: State, app: Router) -> Router {
    let (inner, again) = (app.clone(), app.clone());
    let first = state.clone();
    Router::new()
        .route("/p/{secret}", any(move |request| serve(first.clone(), inner.clone(), request)))
        .route("/p/{secret}/{*rest}", any(move |request| serve(state.clone(), again.clone(), request)))
        .layer(from_fn(headers::secure))
        .layer(from_fn(unlisted))
        .fallback_service(app)
}

/// These pages are not indexed and send no referrer: the address is the right to read.
async fn unlisted(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    response
}

/// What is requested under a link.
enum Asked {
    /// The address that was shared.
    Front,
    /// A request for this path of the app.
    App(String),
}

async fn serve(state: State, app: Router, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match open(&state, &parts).await {
        Ok((_, Asked::Front, conversation)) => {
            let path = parts.uri.path().trim_end_matches('/');
            Redirect::to(&format!("{path}/c/{conversation}")).into_response()
        }
        Ok((holder, Asked::App(path), _)) => hand_on(app, (parts, body), &path, Some(holder)).await,
        // Answered like any unknown path.
        Err(Problem::NotFound) => hand_on(app, (parts, body), NOWHERE, None).await,
        // The page's code reads this answer.
        Err(problem) if parts.method == Method::POST => problem.into_response(),
        Err(problem) => ProblemPage(problem).into_response(),
    }
}

async fn open(state: &State, parts: &Parts) -> Result<(LinkHolder, Asked, ConversationId), Problem> {
    let peer = parts.extensions.get::<Peer>().ok_or(Problem::Internal)?;
    let address = address::client(&state.settings.trusted_proxies, peer.0.ip(), &parts.headers);
    let path = parts.uri.path().strip_prefix("/p/").ok_or(Problem::NotFound)?;
    let (secret, rest) = path.split_once('/').unwrap_or((path, ""));
    let conversation = sharing::published(state, address, secret).await?;
    let asked = asked(&parts.method, rest, conversation).ok_or(Problem::NotFound)?;
    Ok((LinkHolder { link: Hash::of(secret), address }, asked, conversation))
}

fn asked(method: &Method, rest: &str, conversation: ConversationId) -> Option<Asked> {
    let looks = method == Method::GET || method == Method::HEAD;
    let text = || {
        let (id, part) = rest.strip_prefix("api/v1/messages/").and_then(|rest| rest.split_once('/'))?;
        id.parse::<MessageId>().ok().filter(|_| part == "text" || part == "thinking")
    };
    let image = || rest.strip_prefix("api/v1/images/").and_then(|id| id.parse::<ImageId>().ok());
    let is_app = match rest {
        "" if looks => return Some(Asked::Front),
        _ if looks => rest == format!("c/{conversation}") || image().is_some() || text().is_some(),
        _ => method == Method::POST && FUNCTIONS.contains(&rest),
    };
    is_app.then(|| Asked::App(format!("/{rest}")))
}

/// Forwards the request as one of a reader with the public link, signed in or not. It is built anew, because the first
/// router's extensions about the path must not reach the second.
async fn hand_on(app: Router, (parts, body): (Parts, Body), path: &str, holder: Option<LinkHolder>) -> Response {
    let Ok(uri) = path.parse::<Uri>() else { return Problem::NotFound.into_response() };
    let mut inner = Request::new(body);
    *inner.method_mut() = parts.method;
    *inner.uri_mut() = uri;
    *inner.headers_mut() = parts.headers;
    for name in [header::COOKIE, header::AUTHORIZATION, HeaderName::from_static("x-api-key")] {
        inner.headers_mut().remove(name);
    }
    if let Some(peer) = parts.extensions.get::<Peer>() {
        inner.extensions_mut().insert(*peer);
    }
    if let Some(holder) = holder {
        inner.extensions_mut().insert(holder);
    }
    match app.oneshot(inner).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
