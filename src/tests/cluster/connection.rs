//! A viewer's connection, by each of the three transports, as lines that all are folded in one way.

use super::person::Person;
use crate::event::Cursor;
use crate::model::ConversationId;
use crate::wire::Line;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{SinkExt, StreamExt};
use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// The key of the Pusher app.
pub(super) const KEY: &str = "key-of-the-cluster";
/// A stream without a byte for so long is dead (promise S12), and so is a proxy that answers nothing.
const SILENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    App,
    Sse,
    Pusher,
}

/// Where to go on.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) conversation: Option<Cursor>,
    pub(super) list: Option<Cursor>,
}

pub(super) enum Connection {
    Http { body: BoxStream<'static, reqwest::Result<Bytes>>, buffer: Vec<u8>, sse: bool },
    Socket { socket: Box<WebSocketStream<MaybeTlsStream<TcpStream>>>, parts: String },
}

impl Connection {
    /// And the node that it is to, where the proxy says so.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn open(
        transport: Transport,
        person: &Person,
        url: &str,
        conversation: ConversationId,
        from: Place,
    ) -> Result<(Self, String), String> {
        let opening = async {
            match transport {
                Transport::App => {
                    let body = json!({ "conversation": conversation, "cursor": from.conversation, "list": from.list });
                    let request = person.client.post(format!("{url}/api/follow")).json(&body);
                    Self::streaming(request.header("cookie", &person.cookie).send().await, false)
                }
                Transport::Sse => {
                    let request = person.client.get(format!("{url}/api/v1/conversations/{conversation}/events"));
                    let request = match from.conversation {
                        Some(cursor) => request.header("last-event-id", cursor.to_string()),
                        None => request,
                    };
                    Self::streaming(request.header("cookie", &person.cookie).send().await, true)
                }
                Transport::Pusher => Self::socket(person, url, conversation, from).await,
            }
        };
        timeout(SILENCE, opening).await.unwrap_or_else(|_| Err("no answer".into()))
    }

    fn streaming(answer: reqwest::Result<Response>, sse: bool) -> Result<(Self, String), String> {
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status() != 200 {
            return Err(answer.status().to_string());
        }
        let node = served_by(answer.headers());
        Ok((Self::Http { body: answer.bytes_stream().boxed(), buffer: Vec::new(), sse }, node))
    }

    async fn socket(
        person: &Person,
        url: &str,
        conversation: ConversationId,
        from: Place,
    ) -> Result<(Self, String), String> {
        let address = format!("{}/app/{KEY}?protocol=7&client=js&version=8.6.0&flash=false", url.replace("http", "ws"));
        let (socket, answer) = connect_async(address).await.map_err(|error| error.to_string())?;
        let node = served_by(answer.headers());
        let mut connection = Self::Socket { socket: Box::new(socket), parts: String::new() };
        let hello = connection.event().await.ok_or("no greeting")?;
        let id = hello["data"]["socket_id"].as_str().ok_or_else(|| hello.to_string())?.to_owned();
        let channels = [
            (format!("private-conversations.{conversation}"), from.conversation),
            (format!("private-accounts.{}", person.account), from.list),
        ];
        for (channel, cursor) in channels {
            let asked = json!({ "socket_id": id, "channel_name": channel });
            let request = person.client.post(format!("{url}/broadcasting/auth")).header("cookie", &person.cookie);
            let answer = request.json(&asked).send().await.map_err(|error| error.to_string())?;
            if answer.status() != 200 {
                return Err(format!("no signature: {}", answer.status()));
            }
            let mut data: Value = answer.json().await.map_err(|error| error.to_string())?;
            data["channel"] = channel.into();
            if let Some(cursor) = cursor {
                data["channel_data"] = json!({ "cursor": cursor }).to_string().into();
            }
            connection.say(&json!({ "event": "pusher:subscribe", "data": data })).await?;
        }
        Ok((connection, node))
    }

    async fn say(&mut self, message: &Value) -> Result<(), String> {
        let Self::Socket { socket, .. } = self else { return Ok(()) };
        socket.send(Message::text(message.to_string())).await.map_err(|error| error.to_string())
    }

    /// The next line; none at the end of the connection, or where it has fallen silent.
    ///
    /// # Errors
    /// What cannot be read.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, String> {
        loop {
            let Some(event) = (match self {
                Self::Http { .. } => self.line().await,
                Self::Socket { .. } => self.published().await?,
            }) else {
                return Ok(None);
            };
            // Who else is there is no entry of a journal.
            if event["type"] == "presence" {
                continue;
            }
            let text = event.to_string();
            return Line::read(&text).map(Some).map_err(|error| format!("{error}: {text}"));
        }
    }

    /// A line of the app's stream, or a Server-Sent Event, as JSON.
    async fn line(&mut self) -> Option<Value> {
        let Self::Http { body, buffer, sse } = self else { return None };
        let end: &[u8] = if *sse { b"\n\n" } else { b"\n" };
        loop {
            while let Some(length) = buffer.windows(end.len()).position(|bytes| bytes == end) {
                let text: Vec<u8> = buffer.drain(..length + end.len()).collect();
                let text = String::from_utf8(text).unwrap();
                let event = if *sse { server_sent(&text) } else { serde_json::from_str(text.trim()).ok() };
                if event.is_some() {
                    return event;
                }
            }
            let chunk = timeout(SILENCE, body.next()).await.ok()??.ok()?;
            buffer.extend_from_slice(&chunk);
        }
    }

    /// An event of one of the two channels.
    async fn published(&mut self) -> Result<Option<Value>, String> {
        loop {
            let Some(event) = self.event().await else { return Ok(None) };
            match event["event"].as_str().unwrap_or_default() {
                "pusher:ping" => self.say(&json!({ "event": "pusher:pong", "data": {} })).await?,
                "pusher:error" | "pusher:subscription_error" => return Ok(None),
                name if name.starts_with("pusher") => {}
                _ => {
                    let mut data = event["data"].clone();
                    if event["channel"].as_str().is_some_and(|channel| channel.starts_with("private-accounts")) {
                        data["topic"] = "list".into();
                    }
                    return Ok(Some(data));
                }
            }
        }
    }

    /// A message of the Pusher protocol with its data read; one that comes in parts as the whole.
    async fn event(&mut self) -> Option<Value> {
        let Self::Socket { socket, parts } = self else { return None };
        loop {
            // A stock client asks after a silence by itself; here there is always one who types, or a reply.
            let Message::Text(text) = timeout(2 * SILENCE, socket.next()).await.ok()??.ok()? else { continue };
            let mut event: Value = serde_json::from_str(&text).ok()?;
            if let Some(data) = event["data"].as_str() {
                event["data"] = serde_json::from_str(data).ok()?;
            }
            let data = &event["data"];
            if let (Some(part), Some(count)) = (data["part"].as_u64(), data["parts"].as_u64()) {
                parts.push_str(data["json"].as_str()?);
                if part < count {
                    continue;
                }
                event["data"] = serde_json::from_str(&std::mem::take(parts)).ok()?;
            }
            return Some(event);
        }
    }
}

/// None: a comment, a hint when to come back, or an event without an id.
fn server_sent(text: &str) -> Option<Value> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let mut event: Value = serde_json::from_str(field("data: ")?).unwrap();
    event["id"] = field("id: ")?.into();
    event["type"] = field("event: ")?.into();
    Some(event)
}

/// The node that answered, after those that did not.
fn served_by(headers: &HeaderMap) -> String {
    let nodes = headers.get("x-node").map_or("?", |nodes| nodes.to_str().unwrap());
    nodes.rsplit(", ").next().unwrap_or(nodes).to_owned()
}
