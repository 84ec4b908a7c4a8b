//! The browser app's transport: lines of JSON as the answer of a streaming server function.
//!
//! One connection carries two journals, the open conversation's and the list's, because a browser has only six
//! connections for all its tabs.

use super::{Follower, Frame, KEEP_ALIVE, Permit, STREAMING_HEADERS, beginning};
use crate::error::Problem;
use crate::event::Cursor;
use crate::model::ConversationId;
use crate::server::State;
use crate::server::drawing::Senders;
use crate::server::journal::Topic;
use crate::server::principal::Principal;
use crate::server::principal::Viewer;
use crate::server::waiting::{Patience, Rarely};
use crate::wire;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use bytes::Bytes;
use futures::{StreamExt, stream};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use server_fn::codec::ByteStream;
use tokio::time::Instant;

/// An empty line: a sign of life.
const SIGN_OF_LIFE: &[u8] = b"\n";

/// A tab: the journals that it follows, and its permit.
struct Tab {
    conversation: Option<Follower>,
    list: Option<Follower>,
    withdrawn: Rarely<'static, ()>,
    silence: Patience,
    _permit: Permit,
}

/// Follows a conversation, if one is open, and the account's list, if there is an account.
pub async fn follow(
    state: &State,
    viewer: Viewer,
    conversation: Option<ConversationId>,
    cursor: Option<Cursor>,
    list: Option<Cursor>,
) -> Result<ByteStream<Problem>, Problem> {
    let permit = Permit::for_viewer(state, viewer).await?;
    let mut start = String::from("\n");
    let mut place = None;
    let senders = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Senders>().cloned());
    let conversation = match conversation {
        None => None,
        Some(id) => {
            let (follower, first) = Follower::start(state, viewer.id(), Topic::Conversation(id), cursor).await?;
            place = beginning::place(state, senders.as_ref(), &first).await?;
            start.push_str(&encode(&first, wire::Topic::Conversation));
            Some(follower)
        }
    };
    let list = match viewer {
        Viewer::Known(Principal { account, .. }) => {
            let (follower, first) = Follower::start(state, account, Topic::Account(account), list).await?;
            start.push_str(&encode(&first, wire::Topic::List));
            Some(follower)
        }
        // A reader with the public link has no list, and without a conversation nothing to follow.
        Viewer::ByLink(_) if conversation.is_none() => return Err(Problem::NotFound),
        Viewer::ByLink(_) => None,
    };
    if let Some(options) = use_context::<ResponseOptions>() {
        for (name, value) in STREAMING_HEADERS {
            options.insert_header(name, HeaderValue::from_static(value));
        }
    }
    // In a box, because every piece moves it.
    let withdrawn = Rarely::new(permit.withdrawn());
    let silence = Patience::until(Instant::now() + KEEP_ALIVE);
    let viewer = Box::new(Tab { conversation, list, withdrawn, silence, _permit: permit });
    let rest = stream::unfold(Some(viewer), async |viewer| {
        let mut viewer = viewer?;
        let lines = viewer.next().await?;
        viewer.silence.set(Instant::now() + KEEP_ALIVE);
        Some((lines, Some(viewer)))
    });
    let lines = beginning::chunks(Bytes::from(start), place)?.chain(rest);
    Ok(ByteStream::new(lines.map(Ok::<Bytes, Problem>).fuse()))
}

impl Tab {
    fn is_withdrawn(&self) -> bool {
        self.conversation.as_ref().is_some_and(Follower::is_withdrawn)
    }

    /// The next lines of either journal, or a sign of life. `None` when there is nothing left to wait for.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let (frames, topic) = tokio::select! {
                biased;
                () = &mut self.withdrawn => return None,
                frames = next(&mut self.conversation), if self.conversation.is_some() => {
                    (frames, wire::Topic::Conversation)
                }
                frames = next(&mut self.list), if self.list.is_some() => (frames, wire::Topic::List),
                () = self.silence.is_over() => return Some(Bytes::from_static(SIGN_OF_LIFE)),
            };
            match (frames, topic) {
                (Some(frames), topic) => {
                    let lines: String = frames.iter().map(|frame| encode(frame, topic)).collect();
                    return Some(lines.into());
                }
                // The page must ask again, and learn that it has no access.
                (None, wire::Topic::Conversation) if self.is_withdrawn() => return None,
                (None, wire::Topic::Conversation) => self.conversation = None,
                (None, wire::Topic::List) => self.list = None,
            }
        }
    }
}

async fn next(follower: &mut Option<Follower>) -> Option<Vec<Frame>> {
    follower.as_mut()?.next().await
}

fn encode(frame: &Frame, topic: wire::Topic) -> String {
    match (frame, frame.body()) {
        (Frame::Presence(presence), _) => presence.line(),
        (Frame::Entry { entry, epoch }, _) => entry.line(topic, *epoch),
        (_, Some((body, id))) => body.line(topic, id),
        (_, None) => String::new(),
    }
}
