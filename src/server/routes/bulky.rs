//! Answers with whole conversations: each takes a slot (`server/drawing`) for as long as it is in work or unread.

use crate::error::Problem;
use crate::model::Message;
use crate::server::State;
use crate::server::address::{self, network};
use crate::server::drawing::{Place, Senders, text_bytes};
use crate::server::limits::Sender;
use crate::server::peer::Peer;
use crate::server::principal::LinkHolder;
use crate::server::problem::in_place_of_page;
use crate::server::session::Caller;
use crate::server::sync::lock;
use axum::BoxError;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{FromRequestParts, Request, State as Extract};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The size of a chunk: small, so that a slow reader is seen to read.
const FRAME_BYTES: usize = 16 << 10;
/// An answer of which nothing was read for this long is dropped. (The kernel's buffer for it, 128 KiB, counts as read.)
const UNREAD: Duration = Duration::from_secs(30);

/// Admits bulky answers one by one, and holds their slots until they are read.
pub(super) async fn hold(Extract(state): Extract<State>, mut request: Request, next: Next) -> Response {
    if is_stream(request.uri().path()) {
        return match senders(&state, &request) {
            Ok(of) => {
                request.extensions_mut().insert(Senders(of));
                next.run(request).await
            }
            Err(problem) => problem.into_response(),
        };
    }
    if !is_bulky(request.method(), request.uri().path()) {
        return next.run(request).await;
    }
    let place = match senders(&state, &request) {
        Ok(of) => state.drawing.place(of).await,
        Err(problem) => Err(problem),
    };
    let place = match place {
        Ok(place) => place,
        Err(problem) => return in_place_of_page(problem, request.headers()),
    };
    request.extensions_mut().insert(Arc::clone(&place));
    let asked = request.headers().clone();
    let (parts, body) = next.run(request).await.into_parts();
    // Complete already: a page is only sent when all of it is drawn.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else { return Problem::Internal.into_response() };
    if let Err(problem) = place.drawn(bytes.len()) {
        return in_place_of_page(problem, &asked);
    }
    Response::from_parts(parts, Body::new(Unread::new(bytes, place)))
}

/// Whether the answer there holds the text of many messages, or of a long one.
fn is_bulky(method: &Method, path: &str) -> bool {
    let parts: Vec<_> = path.split('/').skip(1).collect();
    match (method, &parts[..]) {
        (&Method::GET | &Method::HEAD, parts) => matches!(
            parts,
            [""] | ["c", _]
                | ["api", "v1", "conversations" | "messages" | "replies", _]
                | ["api", "v1", "conversations", _, "messages"]
                | ["api", "v1", "messages", _, "text" | "thinking"]
                | ["w", _]
                | ["w", _, "c" | "conversations", _]
                | ["w", _, "conversations", _, "messages"]
        ),
        (&Method::POST, ["api", "chat", function]) => ["open", "earlier", "highlighted"].contains(function),
        (&Method::POST, ["api", "v1", "replies", _, "stop"]) => true,
        (&Method::PUT, ["api", "v1", "conversations", _, "branch"]) => true,
        _ => false,
    }
}

/// Whether the answer there is a stream, which can begin with a whole conversation (`transport/beginning`).
fn is_stream(path: &str) -> bool {
    let is_ones = path.starts_with("/api/v1/conversations/") || path.starts_with("/w/");
    path == "/api/follow" || is_ones && path.ends_with("/events")
}

/// The slot of a request whose answer is bulky.
pub(super) struct Held(Option<Arc<Place>>);

impl<S: Sync> FromRequestParts<S> for Held {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}

impl Held {
    /// Waits until there is room to encode these messages.
    ///
    /// # Errors
    /// 503 where there is no room in time.
    pub(super) async fn weigh(&self, messages: &[Message]) -> Result<(), Problem> {
        match &self.0 {
            Some(place) => place.weigh(text_bytes(messages)).await,
            None => Ok(()),
        }
    }
}

/// The senders that the answer counts for. Users with names are counted by account only: others at their address do not
/// keep them out.
fn senders(state: &State, request: &Request) -> Result<Vec<Sender>, Problem> {
    let extensions = request.extensions();
    if let Some(holder) = extensions.get::<LinkHolder>() {
        return Ok(vec![Sender::Network(network(holder.address))]);
    }
    let peer = extensions.get::<Peer>().ok_or(Problem::Internal)?;
    let address = address::client(&state.settings.trusted_proxies, peer.0.ip(), request.headers());
    let network = Sender::Network(network(address));
    Ok(match extensions.get::<Caller>().and_then(|caller| caller.0) {
        Some(who) if who.is_guest => vec![Sender::Account(who.account), network],
        Some(who) => vec![Sender::Account(who.account)],
        None => vec![network],
    })
}

/// An answer that is read chunk by chunk.
struct Unread(Arc<Mutex<Rest>>);

struct Rest {
    bytes: Bytes,
    /// None once all was read, or the answer was dropped.
    place: Option<Arc<Place>>,
    read_at: Instant,
}

/// The reader has stopped.
#[derive(Debug, thiserror::Error)]
#[error("nothing of the answer was read for {} seconds", UNREAD.as_secs())]
struct LetGo;

impl Unread {
    fn new(bytes: Bytes, place: Arc<Place>) -> Self {
        let rest = Arc::new(Mutex::new(Rest { bytes, place: Some(place), read_at: Instant::now() }));
        tokio::spawn(watch(Arc::downgrade(&rest)));
        Self(rest)
    }
}

/// Drops an answer that is not read. The connection's own timeout is shorter for network faults, but a client may read
/// a byte now and then.
async fn watch(rest: Weak<Mutex<Rest>>) {
    loop {
        let Some(until) = rest.upgrade().map(|rest| lock(&rest).read_at + UNREAD) else { return };
        sleep_until(until).await;
        let Some(rest) = rest.upgrade() else { return };
        let mut rest = lock(&rest);
        if rest.read_at + UNREAD <= Instant::now() {
            (rest.bytes, rest.place) = (Bytes::new(), None);
            return;
        }
    }
}

impl HttpBody for Unread {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut rest = lock(&self.0);
        if rest.place.is_none() {
            return Poll::Ready(Some(Err(LetGo.into())));
        }
        if rest.bytes.is_empty() {
            return Poll::Ready(None);
        }
        rest.read_at = Instant::now();
        let length = rest.bytes.len().min(FRAME_BYTES);
        Poll::Ready(Some(Ok(Frame::data(rest.bytes.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        let rest = lock(&self.0);
        rest.place.is_some() && rest.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(lock(&self.0).bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::drawing::Drawing;
    use futures::StreamExt;
    use tokio::time::advance;

    #[test]
    fn z34_what_holds_conversations_is_counted_and_streams_are_not() {
        for path in ["/", "/c/1", "/api/v1/conversations/1", "/api/v1/conversations/1/messages", "/api/v1/messages/1"] {
            assert!(is_bulky(&Method::GET, path), "{path}");
        }
        for part in ["text", "thinking"] {
            assert!(is_bulky(&Method::GET, &format!("/api/v1/messages/1/{part}")), "{part}");
        }
        for path in ["/api/chat/open", "/api/chat/earlier", "/api/chat/highlighted", "/api/v1/replies/1/stop"] {
            assert!(is_bulky(&Method::POST, path), "{path}");
        }
        assert!(is_bulky(&Method::PUT, "/api/v1/conversations/1/branch"));
        for path in ["/api/v1/conversations", "/api/v1/conversations/1/events", "/c/1/sharing", "/sign-in", "/readyz"] {
            assert!(!is_bulky(&Method::GET, path), "{path}");
        }
        for path in ["/api/follow", "/api/chat/send", "/api/chat/stop", "/api/v1/conversations/1/messages"] {
            assert!(!is_bulky(&Method::POST, path), "{path}");
        }
        assert!(!is_bulky(&Method::DELETE, "/api/v1/conversations/1"));
    }

    #[tokio::test(start_paused = true)]
    async fn z34_a_page_that_nobody_reads_for_half_a_minute_is_let_go() {
        let drawing = Drawing::new(Arc::default());
        let place = drawing.place(Vec::new()).await.unwrap();
        place.drawn(10 * FRAME_BYTES).unwrap();
        let mut body = Body::new(Unread::new(vec![0; 10 * FRAME_BYTES].into(), place)).into_data_stream();
        for _ in 0..3 {
            assert_eq!(body.next().await.unwrap().unwrap().len(), FRAME_BYTES);
            advance(UNREAD - Duration::from_secs(1)).await;
            assert_ne!(drawing.bytes(), 0);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(drawing.bytes(), 0);
        assert!(body.next().await.unwrap().is_err(), "cut, not ended as if it were whole");
    }

    #[tokio::test(start_paused = true)]
    async fn z34_a_page_that_was_read_gives_its_place_back() {
        let drawing = Drawing::new(Arc::default());
        let place = drawing.place(Vec::new()).await.unwrap();
        let body = Body::new(Unread::new(vec![0; 3 * FRAME_BYTES + 1].into(), place));
        assert_eq!(to_bytes(body, usize::MAX).await.unwrap().len(), 3 * FRAME_BYTES + 1);
        assert_eq!(drawing.bytes(), 0);
    }
}
