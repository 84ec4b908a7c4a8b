//! `POST /chat/stream`: a stateless chat. The caller sends the whole conversation and reads the answer; nothing is
//! stored. Hanging up ends the answer, and so does the drain after its time.

mod charge;

use super::input::Json;
use super::openapi::{Limited, StreamEvent};
use super::table::Table;
use crate::contract::object::Object;
use crate::error::Problem;
use crate::model::{Parameters, ReplyError, Role};
use crate::server::accounts::Arrival;
use crate::server::address::network;
use crate::server::engine::Stateless;
use crate::server::grants::Grant;
use crate::server::limits::Sender;
use crate::server::provider::{Delta, FailureKind, Request, Turn};
use crate::server::quota::Quota;
use crate::server::session::Caller;
use crate::server::transport::{KEEP_ALIVE, sse};
use crate::server::waiting::{Patience, Rarely};
use crate::server::{State, revocation};
use axum::extract::State as Extract;
use axum::response::Response;
use bytes::Bytes;
use charge::Charge;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, Span};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// The contract's limits.
const MAX_MESSAGES: usize = 50;
const MAX_CHARACTERS: usize = 4_000;
/// A comment.
const SIGN_OF_LIFE: Bytes = Bytes::from_static(b":\n\n");

pub(super) fn routes() -> Table {
    Table::default().described(routes!(chat))
}

#[derive(Deserialize, ToSchema)]
struct Chat {
    /// The conversation so far. The last message is the user's.
    #[schema(min_items = 1, max_items = 50, value_type = Vec<Said>)]
    messages: Vec<Object<Said>>,
    /// `provider/model`; the default model where absent.
    model: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ChatMessage)]
struct Said {
    role: Role,
    #[schema(min_length = 1, max_length = 4_000)]
    content: String,
}

/// Send a conversation, and stream the answer
///
/// Nothing is stored, and hanging up ends it. Server-Sent Events: `token` with `{"text"}`, then `done` with
/// `{"usage","stop_reason"}`, or `error`, a `ReplyError`. Where guests may chat, the caller may be anonymous.
#[utoipa::path(post, path = "/chat/stream", operation_id = "chat", tag = "chat", request_body = Chat,
    responses((status = 200, body = StreamEvent, content_type = "text/event-stream", description = "Events"), Limited))]
async fn chat(
    Extract(state): Extract<State>,
    caller: Caller,
    arrival: Result<Arrival, Problem>,
    Json(chat): Json<Chat>,
) -> Result<Response, Problem> {
    let who = match caller.0 {
        Some(_) => Some(caller.writing()?),
        // Where guests may chat, a program without a cookie may as well.
        None if state.settings.guests() => None,
        None => return Err(caller.stranger()),
    };
    let sender = match who {
        Some(who) => Sender::Account(who.account),
        None => Sender::Network(network(arrival?.address)),
    };
    let messages: Vec<_> = chat.messages.into_iter().map(|Object(said)| said).collect();
    check(&messages)?;
    let model = chat.model.unwrap_or_else(|| state.providers.default_model());
    state.providers.resolve(&model).map_err(|message| Problem::invalid("model", message))?;
    let mut visit = state.engine.visit()?;
    let grant = match who {
        Some(who) => Some(revocation::grant(&state, who).await?),
        None => None,
    };
    let everybody = state.settings.everybody();
    let quota = match who {
        Some(who) => {
            let (quota, used) = state.store.allowance(who.account).await?;
            quota.check(&everybody, used).inspect_err(|_| state.metrics.refused("tokens"))?;
            visit = state.engine.count_visit(visit, who.account, quota).await?;
            quota
        }
        None => Quota::default(),
    };
    state.limits.send(sender, quota.sends_per_minute.unwrap_or(everybody.sends_per_minute)).await?;
    let name = model.split_once('/').map_or(model.as_str(), |(_, name)| name).to_owned();
    let asked = messages.iter().map(|said| said.content.chars().count()).sum();
    let turns = messages.into_iter().map(|said| Turn::said(said.role, said.content)).collect();
    let deltas = state
        .providers
        .reply(&model, Request { model: name, system: String::new(), turns, parameters: Parameters::default() });
    let cut = Rarely::new(cut(&visit, grant.as_ref(), Instant::now() + state.settings.whole_reply()));
    let account = who.map(|who| who.account);
    let charge = Charge { state, account, model, usage: None, is_whole: false, asked, answered: 0 };
    let silence = Patience::until(Instant::now() + KEEP_ALIVE);
    Ok(sse::response(frames(Answer {
        deltas,
        charge,
        cut,
        silence,
        span: Span::current(),
        _visit: visit,
        _grant: grant,
    })))
}

fn check(messages: &[Said]) -> Result<(), Problem> {
    if messages.is_empty() || MAX_MESSAGES < messages.len() {
        return Err(Problem::invalid("messages", format!("Send 1 to {MAX_MESSAGES} messages.")));
    }
    for (index, said) in messages.iter().enumerate() {
        let characters = said.content.chars().count();
        if characters == 0 || MAX_CHARACTERS < characters {
            let message =
                format!("A message's content has 1 to {MAX_CHARACTERS} characters; this one has {characters}.");
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

/// A running answer.
struct Answer {
    deltas: BoxStream<'static, Delta>,
    charge: Charge,
    /// What ends it before the model does, and the bytes to say so.
    cut: Rarely<'static, Bytes>,
    silence: Patience,
    /// The request's: what goes wrong at the provider is logged with its id.
    span: Span,
    _visit: Stateless,
    _grant: Option<Grant>,
}

/// An answer's next bytes, and whether they are its last.
enum Next {
    More(Bytes),
    Last(Bytes),
}

fn frames(answer: Answer) -> impl Stream<Item = Bytes> + Send {
    let start = stream::once(std::future::ready(Bytes::from_static(b": rivulet\n\n")));
    // In a box, because every piece moves it.
    let rest = stream::unfold(Some(Box::new(answer)), async |running| {
        let mut answer = running?;
        match answer.next().await {
            Next::More(frame) => Some((frame, Some(answer))),
            Next::Last(frame) => Some((frame, None)),
        }
    });
    start.chain(rest.filter(|frame| std::future::ready(!frame.is_empty())))
}

impl Answer {
    async fn next(&mut self) -> Next {
        let delta = tokio::select! {
            biased;
            last = &mut self.cut => return Next::Last(last),
            delta = self.deltas.next().instrument(self.span.clone()) => Some(delta),
            () = self.silence.is_over() => None,
        };
        self.silence.set(Instant::now() + KEEP_ALIVE);
        match delta {
            None => Next::More(SIGN_OF_LIFE),
            Some(delta) => self.take(delta),
        }
    }

    fn take(&mut self, delta: Option<Delta>) -> Next {
        match delta {
            Some(Delta::Text(text)) => {
                self.charge.answered += text.chars().count();
                Next::More(event("token", &json!({ "text": text })))
            }
            Some(Delta::Usage(usage)) => {
                self.charge.usage = Some(usage);
                Next::More(Bytes::new())
            }
            // Not shown here, but sent as a keep-alive: proxies close silent connections.
            Some(Delta::Thinking(text)) => {
                self.charge.answered += text.chars().count();
                Next::More(SIGN_OF_LIFE)
            }
            Some(Delta::Started { .. }) => Next::More(SIGN_OF_LIFE),
            Some(Delta::Waiting { model, is_paid, .. }) => {
                let model = model.unwrap_or_else(|| self.charge.model.clone());
                if is_paid {
                    self.charge.is_whole = true;
                    self.charge.turn_to(model);
                } else {
                    // Of an attempt that has failed.
                    self.charge.usage = None;
                    self.charge.model = model;
                }
                Next::More(SIGN_OF_LIFE)
            }
            Some(Delta::Finished { reason }) => {
                self.charge.is_whole = true;
                let usage = self.charge.usage().unwrap_or_default();
                Next::Last(event("done", &json!({ "usage": usage, "stop_reason": reason })))
            }
            Some(Delta::Failed(failure)) => {
                self.charge.state.metrics.provider_error(failure.kind.name());
                // Complete, only without text: its usage is charged.
                self.charge.is_whole = failure.kind == FailureKind::Empty;
                Next::Last(error(failure.into()))
            }
            None => Next::Last(cut_off()),
        }
    }
}

/// Completes when the answer ends before the model does, with its last bytes.
fn cut(visit: &Stateless, grant: Option<&Grant>, deadline: Instant) -> impl Future<Output = Bytes> + Send + use<> {
    let (interrupt, cut) = (visit.interrupt(), grant.map(Grant::cut));
    async move {
        let withdrawn = async {
            match &cut {
                Some(cut) => cut.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = interrupt.cancelled() => interrupted(),
            () = withdrawn => Bytes::new(),
            () = sleep_until(deadline) => late(),
        }
    }
}

fn event(name: &str, data: &serde_json::Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

fn error(error: ReplyError) -> Bytes {
    event("error", &json!(error))
}

fn late() -> Bytes {
    failed("timeout", "The model was still writing at the time limit for one reply, so Rivulet ended it.")
}

fn interrupted() -> Bytes {
    failed("interrupted", "The server is restarting and ended this reply before the model did. Ask again in a moment.")
}

/// A provider's stream reports how it ended; one that does not was cut off.
fn cut_off() -> Bytes {
    failed("truncated", "The model's answer broke off.")
}

fn failed(kind: &str, message: &str) -> Bytes {
    error(ReplyError { kind: kind.into(), message: message.into(), retryable: true, retry_after_ms: None })
}
