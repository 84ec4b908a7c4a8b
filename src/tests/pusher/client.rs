//! A small Pusher client.

use crate::tests::app::App;
use futures::{SinkExt, StreamExt};
use reqwest::Response;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

/// A website that may connect.
pub(super) const ALLOWED: &str = "--allowed-origins=https://app.example.org";
const PATIENCE: Duration = Duration::from_secs(30);
/// No frame is longer (design: 7).
const MAX_BYTES: usize = 10 << 10;

pub(super) struct Client {
    pub(super) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(super) id: String,
    parts: String,
}

/// An event as a page's handler gets it.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) channel: String,
    pub(super) data: Value,
    pub(super) user_id: Option<String>,
}

/// The text of a reply in these events.
pub(super) fn text_of(events: &[Event]) -> String {
    let tokens = events.iter().filter(|event| event.name == "token");
    tokens.map(|event| event.data["text"].as_str().unwrap().to_owned()).collect()
}

async fn open(
    app: &App,
    path: &str,
    origin: Option<&str>,
) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, Error> {
    let mut request = format!("{}{path}", app.url.replace("http", "ws")).into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    Ok(connect_async(request).await?.0)
}

impl Client {
    pub(super) async fn connect(app: &App) -> Self {
        Self::try_connect(app).await.unwrap()
    }

    pub(super) async fn connect_from(app: &App, origin: &str) -> Self {
        Self::begin(app, Some(origin)).await.unwrap()
    }

    pub(super) async fn try_connect(app: &App) -> Result<Self, Error> {
        Self::begin(app, None).await
    }

    /// With a tiny receive buffer for what it does not read.
    pub(super) async fn deaf(app: &App) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = socket.connect(app.url.trim_start_matches("http://").parse().unwrap()).await.unwrap();
        let address = format!("{}/app/{}", app.url.replace("http", "ws"), app.state.sockets.app.key);
        let (socket, _) = client_async(address, MaybeTlsStream::Plain(stream)).await.unwrap();
        Self::greeted(socket).await
    }

    async fn begin(app: &App, origin: Option<&str>) -> Result<Self, Error> {
        let path = format!("/app/{}?protocol=7&client=js&version=8.6.0&flash=false", app.state.sockets.app.key);
        Ok(Self::greeted(open(app, &path, origin).await?).await)
    }

    async fn greeted(socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        let mut client = Self { socket, id: String::new(), parts: String::new() };
        let hello = client.next().await;
        assert_eq!(hello.name, "pusher:connection_established");
        assert!(0 < hello.data["activity_timeout"].as_u64().unwrap());
        client.id = hello.data["socket_id"].as_str().unwrap().to_owned();
        client
    }

    /// The close code of a connection with this path and origin.
    pub(super) async fn refused(app: &App, path: &str, origin: Option<&str>) -> u16 {
        let socket = open(app, path, origin).await.unwrap();
        Self { socket, id: String::new(), parts: String::new() }.closed().await
    }

    pub(super) async fn frame(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// A client event on a conversation's channel.
    pub(super) async fn send(&mut self, event: &str, conversation: &str, data: Value) {
        let channel = format!("private-conversations.{conversation}");
        self.frame(&json!({ "event": event, "channel": channel, "data": data })).await;
    }

    pub(super) async fn ask(&self, app: &App, channel: &str) -> Response {
        let fields = [("socket_id", self.id.as_str()), ("channel_name", channel)];
        app.form("/broadcasting/auth", &fields).send().await.unwrap()
    }

    pub(super) async fn authorize(&self, app: &App, channel: &str) -> Value {
        let signed = self.ask(app, channel).await;
        assert_eq!(signed.status(), 200, "{channel}");
        signed.json().await.unwrap()
    }

    pub(super) async fn authorize_with(&self, app: &App, channel: &str, token: &str) -> Value {
        let body = json!({ "socket_id": self.id, "channel_name": channel });
        let asked = app.stranger(reqwest::Method::POST, "/broadcasting/auth").bearer_auth(token).json(&body);
        asked.send().await.unwrap().json().await.unwrap()
    }

    /// Subscribes, as far as the answer.
    pub(super) async fn subscribe(&mut self, app: &App, channel: &str) -> Event {
        let mut data = self.authorize(app, channel).await;
        data["channel"] = channel.into();
        self.frame(&json!({ "event": "pusher:subscribe", "data": data })).await;
        let answer = self.until("pusher_internal:subscription_succeeded").await;
        assert_eq!(answer.channel, channel);
        answer
    }

    /// The next event; one that comes in parts as the whole.
    pub(super) async fn next(&mut self) -> Event {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("the socket is silent");
            match message.expect("the socket is closed").unwrap() {
                Message::Text(text) => {
                    if let Some(event) = self.event(&text) {
                        return event;
                    }
                }
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    fn event(&mut self, text: &str) -> Option<Event> {
        assert!(text.len() <= MAX_BYTES, "a frame of {} bytes", text.len());
        let envelope: Value = serde_json::from_str(text).unwrap();
        let mut data = match &envelope["data"] {
            Value::String(json) => serde_json::from_str(json).unwrap_or_else(|_| json.clone().into()),
            data => data.clone(),
        };
        if let (Some(part), Some(parts)) = (data["part"].as_u64(), data["parts"].as_u64()) {
            self.parts.push_str(data["json"].as_str().unwrap());
            if part < parts {
                return None;
            }
            data = serde_json::from_str(&std::mem::take(&mut self.parts)).unwrap();
        }
        let text = |name: &str| envelope[name].as_str().map(str::to_owned);
        Some(Event {
            name: text("event").unwrap(),
            channel: text("channel").unwrap_or_default(),
            data,
            user_id: text("user_id"),
        })
    }

    pub(super) async fn until(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await;
            if event.name == name {
                return event;
            }
        }
    }

    /// The text of a reply up to its end.
    pub(super) async fn said(&mut self, reply: &str) -> String {
        let mut events = Vec::new();
        loop {
            let event = self.next().await;
            if event.data["reply"] == reply
                && ["done", "stopped", "interrupted", "error"].contains(&event.name.as_str())
            {
                return text_of(&events);
            }
            events.push(event);
        }
    }

    /// Reads to the end and returns the close code; 0 where the socket was cut without one.
    pub(super) async fn closed(&mut self) -> u16 {
        let mut code = 0;
        let reading = async {
            while let Some(Ok(message)) = self.socket.next().await {
                if let Message::Close(Some(frame)) = message {
                    code = frame.code.into();
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("the socket stays open");
        code
    }
}
