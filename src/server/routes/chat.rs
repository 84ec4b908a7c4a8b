//! `POST /chat/stream`: the smallest chat there is. Stateless: the caller sends the whole conversation and reads the
//! answer; nothing is stored, and hanging up ends it.

use super::input::Json;
use crate::error::Problem;
use crate::model::{ReplyError, Role, Usage};
use crate::server::State;
use crate::server::limits::Sender;
use crate::server::provider::{Delta, Request, Turn};
use crate::server::serve::Peer;
use crate::server::session::Caller;
use crate::server::transport::{KEEP_ALIVE, sse};
use axum::extract::State as Extract;
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::json;
use std::pin::Pin;
use tokio::time::{Instant, timeout, timeout_at};

/// The contract's limits.
const MOST_MESSAGES: usize = 50;
const MOST_CHARACTERS: usize = 4_000;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/chat/stream", post(chat))
}

#[derive(Deserialize)]
struct Chat {
    messages: Vec<Said>,
    model: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    role: Role,
    content: String,
}

async fn chat(
    Extract(state): Extract<State>,
    caller: Caller,
    Extension(Peer(peer)): Extension<Peer>,
    Json(chat): Json<Chat>,
) -> Result<Response, Problem> {
    let sender = match caller.0 {
        Some(account) => Sender::Account(account),
        // Where guests may chat, a program without a cookie may as well.
        None if state.settings.guests() => Sender::Address(peer.ip()),
        None => return Err(Problem::Unknown),
    };
    check(&chat.messages)?;
    let model = chat.model.unwrap_or_else(|| state.providers.default_model().to_owned());
    state.providers.resolve(&model).map_err(|message| Problem::invalid("model", message))?;
    state.drain.admit()?;
    state.limits.send(sender)?;
    let name = model.split_once('/').map_or(model.as_str(), |(_, name)| name).to_owned();
    let turns = chat.messages.into_iter().map(|said| Turn { role: said.role, text: said.content }).collect();
    let deltas = state.providers.reply(&model, Request { model: name, system: String::new(), turns });
    Ok(sse::response(frames(deltas.boxed(), Instant::now() + state.settings.whole_reply())))
}

fn check(messages: &[Said]) -> Result<(), Problem> {
    if messages.is_empty() || MOST_MESSAGES < messages.len() {
        return Err(Problem::invalid("messages", format!("Send 1 to {MOST_MESSAGES} messages.")));
    }
    for (index, said) in messages.iter().enumerate() {
        let characters = said.content.chars().count();
        if characters == 0 || MOST_CHARACTERS < characters {
            let message =
                format!("A message's content has 1 to {MOST_CHARACTERS} characters; this one has {characters}.");
            return Err(Problem::invalid(format!("messages[{index}].content"), message));
        }
    }
    match messages {
        [.., Said { role: Role::User, .. }] => Ok(()),
        _ => {
            let field = format!("messages[{}].role", messages.len() - 1);
            Err(Problem::invalid(field, "The last message must be the user's."))
        }
    }
}

type Deltas = Pin<Box<dyn Stream<Item = Delta> + Send>>;

fn frames(deltas: Deltas, deadline: Instant) -> impl Stream<Item = Bytes> + Send {
    let start = stream::once(std::future::ready(Bytes::from_static(b": rivulet\n\n")));
    let rest = stream::unfold(Some((deltas, Usage::default())), move |running| async move {
        let (mut deltas, mut usage) = running?;
        let next = timeout_at(deadline, timeout(KEEP_ALIVE, deltas.next())).await;
        let frame = match next {
            Err(_) => return Some((late(), None)),
            Ok(Err(_)) => Bytes::from_static(b":\n\n"),
            Ok(Ok(None)) => return None,
            Ok(Ok(Some(Delta::Usage(known)))) => {
                usage = known;
                Bytes::new()
            }
            Ok(Ok(Some(Delta::Text(text)))) => event("token", &json!({ "text": text })),
            Ok(Ok(Some(Delta::Finished { reason }))) => {
                return Some((event("done", &json!({ "usage": usage, "stop_reason": reason })), None));
            }
            Ok(Ok(Some(Delta::Failed(failure)))) => return Some((error(failure.into()), None)),
            // Not shown here, but a sign of life: proxies give up on silence.
            Ok(Ok(Some(Delta::Started { .. } | Delta::Thinking(_)))) => Bytes::from_static(b":\n\n"),
        };
        Some((frame, Some((deltas, usage))))
    });
    start.chain(rest.filter(|frame| std::future::ready(!frame.is_empty())))
}

fn event(name: &str, data: &serde_json::Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

fn error(error: ReplyError) -> Bytes {
    event("error", &json!(error))
}

fn late() -> Bytes {
    error(ReplyError {
        kind: "timeout".into(),
        message: "The model was still writing at the time limit for one reply, so Rivulet ended it.".into(),
        retryable: true,
        retry_after_ms: None,
    })
}
