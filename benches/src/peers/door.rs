//! How a message is sent, and where its reply is read.

use super::answer::{Answer, Piece};
use super::peer::MODEL;
use crate::http::Caller;
use crate::scene::{self, Person};
use anyhow::Context;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Instant;

#[derive(Clone)]
pub(super) enum Door {
    /// A request in OpenAI's format, which most of these programs accept; its answer is the stream.
    OpenAi { address: SocketAddr, path: &'static str, authorization: String },
    /// Rivulet's stateless endpoint.
    Stateless(SocketAddr),
    /// Rivulet's conversations: the request is answered immediately, and the reply comes on the stream of events.
    Conversation(SocketAddr),
}

/// A client that is connected, before it sends anything.
pub(super) enum Client {
    Direct { caller: Caller, door: Door },
    Conversation { person: Person, events: Answer },
}

impl Door {
    pub(super) fn open_ai(address: SocketAddr, path: &'static str, token: String) -> Self {
        Self::OpenAi { address, path, authorization: format!("Bearer {token}") }
    }

    pub(super) async fn connect(&self) -> anyhow::Result<Client> {
        Ok(match self {
            Self::OpenAi { address, .. } | Self::Stateless(address) => {
                Client::Direct { caller: Caller::new(*address).await?, door: self.clone() }
            }
            Self::Conversation(address) => {
                let person = Person::new(*address).await?;
                let mut viewer = person.caller.again().await?;
                let body = viewer.call(Method::GET, &person.events(), &[], None).await?.into_body();
                Client::Conversation { person, events: Answer::new(body) }
            }
        })
    }

    /// The stream that answers a message.
    async fn ask(&self, caller: &mut Caller, script: &Value) -> anyhow::Result<Incoming> {
        let messages = json!([{ "role": "user", "content": scene::ask(script) }]);
        let answer = match self {
            Self::OpenAi { path, authorization, .. } => {
                let body = json!({ "model": MODEL, "stream": true, "messages": messages });
                let headers = [("authorization", authorization.as_str())];
                caller.call(Method::POST, path, &headers, Some(&body)).await?
            }
            _ => caller.call(Method::POST, "/chat/stream", &[], Some(&json!({ "messages": messages }))).await?,
        };
        Ok(answer.into_body())
    }
}

impl Client {
    /// Sends a message that the model's API answers by `script`, and reads the reply to its end.
    pub(super) async fn ask(self, script: &Value) -> anyhow::Result<Vec<Piece>> {
        match self {
            Self::Direct { mut caller, door } => {
                let body = door.ask(&mut caller, script).await?;
                Answer::new(body).pieces().await
            }
            Self::Conversation { mut person, mut events } => {
                // Concurrently: the first token may arrive before the answer.
                let (_, pieces) = futures::try_join!(person.send(script), events.pieces())?;
                Ok(pieces)
            }
        }
    }
}

/// When the next bytes of a body came, or `None` at its end.
pub(super) async fn frame(body: &mut Incoming) -> anyhow::Result<Option<(Instant, bytes::Bytes)>> {
    while let Some(frame) = body.frame().await {
        let frame = frame.context("a reply was cut off")?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some((Instant::now(), data)));
        }
    }
    Ok(None)
}
