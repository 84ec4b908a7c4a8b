//! Server-Sent Events (WHATWG HTML, 9.2): the transport for programs, with `curl -N` as the smallest of them.

use super::direct::Direct;
use super::{Follower, Frame, KEEP_ALIVE, Permit, STREAMING_HEADERS, beginning};
use crate::error::Problem;
use crate::event::Cursor;
use crate::model::ConversationId;
use crate::server::State;
use crate::server::drawing::Senders;
use crate::server::journal::Topic;
use crate::server::outlet::Outlet;
use crate::server::principal::Principal;
use crate::server::principal::ViewerId;
use crate::server::secret::Hash;
use crate::server::waiting::{Patience, Rarely};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use tokio::time::Instant;

/// A comment. It is sent at once, so that proxies and clients see that the stream is open.
const HELLO: &str = ": rivulet\n\n";
const SIGN_OF_LIFE: &str = ":\n\n";
/// When the server shuts down, its viewers reconnect spread over this time, in milliseconds.
const COME_BACK_MS: std::ops::Range<u64> = 500..5_000;

/// Follows a conversation from `cursor`. `outlet`: the connection, where it is HTTP/1.1's.
pub async fn follow(
    state: &State,
    who: Principal,
    senders: &Senders,
    conversation: ConversationId,
    cursor: Option<Cursor>,
    outlet: Option<Outlet>,
) -> Result<Response, Problem> {
    let permit = Permit::take(state, who).await?;
    let begin = |viewer: ViewerId| Follower::start(state, viewer, Topic::Conversation(conversation), cursor);
    let (mut follower, first) = match begin(who.account.into()).await {
        Err(Problem::NotFound) if who.role.may_answer() => begin(ViewerId::Agent(who.account)).await?,
        begun => begun?,
    };
    if let Some(outlet) = outlet {
        follower.write_to(Direct::sse(outlet, &permit));
    }
    let place = beginning::place(state, Some(senders), &first).await?;
    let start = [HELLO.as_bytes(), &encode(&first)].concat();
    drop(first);
    let start = beginning::chunks(start.into(), place)?;
    Ok(response(start.chain(rest(follower, permit))))
}

/// Follows a visitor's own conversation from `cursor`.
pub async fn follow_as_visitor(
    state: &State,
    (token, permit): (Hash, Permit),
    senders: Option<&Senders>,
    conversation: ConversationId,
    cursor: Option<Cursor>,
) -> Result<Response, Problem> {
    let topic = Topic::Conversation(conversation);
    let (follower, first) = Follower::start(state, ViewerId::Visitor(token), topic, cursor).await?;
    let place = beginning::place(state, senders, &first).await?;
    let start = [HELLO.as_bytes(), &encode(&first)].concat();
    let start = beginning::chunks(start.into(), place)?;
    Ok(response(start.chain(rest(follower, permit))))
}

/// A viewer, and what may end its wait besides an event. What is rare is registered once, and not for each event.
struct Viewer {
    follower: Follower,
    withdrawn: Rarely<'static, ()>,
    silence: Patience,
    _permit: Permit,
}

impl Viewer {
    fn new(follower: Follower, permit: Permit) -> Self {
        let withdrawn = Rarely::new(permit.withdrawn());
        Self { follower, withdrawn, silence: Patience::until(Instant::now() + KEEP_ALIVE), _permit: permit }
    }
}

/// What comes after the first frame.
fn rest(follower: Follower, permit: Permit) -> impl Stream<Item = Bytes> + Send {
    // In a box, because every piece moves it.
    stream::unfold(Some(Box::new(Viewer::new(follower, permit))), async |viewer| {
        let mut viewer = viewer?;
        let Viewer { follower, withdrawn, silence, .. } = &mut *viewer;
        let next = loop {
            tokio::select! {
                biased;
                () = &mut *withdrawn => return None,
                next = follower.next() => break Some(next),
                () = silence.is_over() => {}
            }
            match follower.written().map(|written| written + KEEP_ALIVE).filter(|until| Instant::now() < *until) {
                Some(until) => silence.set(until),
                None => break None,
            }
        };
        silence.set(Instant::now() + KEEP_ALIVE);
        match next {
            None => Some((Bytes::from_static(SIGN_OF_LIFE.as_bytes()), Some(viewer))),
            Some(Some(frames)) => Some((batch(&frames), Some(viewer))),
            Some(None) => Some((come_back(), None)),
        }
    })
}

/// The frames of one wake-up are one write.
fn batch(frames: &[Frame]) -> Bytes {
    match frames {
        [frame] => encode(frame),
        _ => frames
            .iter()
            .fold(BytesMut::new(), |mut bytes, frame| {
                bytes.extend_from_slice(&encode(frame));
                bytes
            })
            .freeze(),
    }
}

fn encode(frame: &Frame) -> Bytes {
    match (frame, frame.body()) {
        (Frame::Presence(presence), _) => Bytes::from(presence.sse()),
        (Frame::Entry { entry, epoch }, _) => entry.sse(*epoch),
        (_, Some((body, id))) => Bytes::from(body.sse(id)),
        (_, None) => Bytes::new(),
    }
}

fn come_back() -> Bytes {
    let spread = COME_BACK_MS.end - COME_BACK_MS.start;
    let wait = COME_BACK_MS.start + (uuid::Uuid::new_v4().as_u128() as u64) % spread;
    Bytes::from(format!("retry: {wait}\n\n"))
}

/// A stream as an answer that no proxy on the way should buffer or change.
pub fn response(frames: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    // Fused: layers around the body may poll once more after its end.
    let body = Body::from_stream(frames.map(Ok::<_, std::convert::Infallible>).fuse());
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    for (name, value) in STREAMING_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
