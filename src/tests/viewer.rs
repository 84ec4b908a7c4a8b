//! A client as the standard has it: it keeps the last event's id and resumes from it, however often it is cut off.

use super::app::{App, Frame, Sse};
use reqwest::StatusCode;
use std::time::Duration;

/// Longer than anything that will succeed takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Viewer {
    client: reqwest::Client,
    url: String,
    cookie: String,
    cursor: String,
    /// The events since its first cursor, each once: `resumed` is not one.
    pub(crate) frames: Vec<Frame>,
    pub(crate) connections: usize,
}

/// A client that makes a connection for each request: a fault of one does not affect another.
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap()
}

impl Viewer {
    /// A viewer who asks `url`, the server's own or a line's.
    pub(crate) fn new(client: &reqwest::Client, app: &App, url: &str, conversation: &str, cursor: &str) -> Self {
        let url = format!("{url}/api/v1/conversations/{conversation}/events");
        let (client, cookie, cursor) = (client.clone(), app.cookie.clone(), cursor.to_owned());
        Self { client, url, cookie, cursor, frames: Vec::new(), connections: 0 }
    }

    /// Connects; none if the line broke before the answer's head was here.
    pub(crate) async fn connect(&mut self) -> Option<Sse> {
        self.connections += 1;
        let request = self.client.get(&self.url).header("cookie", &self.cookie).header("last-event-id", &self.cursor);
        let response = request.send().await.ok()?;
        assert_eq!(response.status(), StatusCode::OK);
        Some(Sse::new(response))
    }

    /// Takes the next event; none if the stream has ended.
    pub(crate) async fn take(&mut self, events: &mut Sse) -> Option<&Frame> {
        let mut frame = events.next().await?;
        if frame.event == "resumed" {
            assert_eq!(frame.data["from"], self.cursor, "it goes on where it was left");
            frame = events.next().await?;
        }
        assert_ne!(frame.event, "snapshot", "the journal holds all of an open reply");
        self.cursor.clone_from(&frame.id);
        self.frames.push(frame);
        self.frames.last()
    }

    /// One connection: everything that comes up to its end, or to the reply's. Whether it was the reply's.
    pub(crate) async fn once(&mut self, reply: &str) -> bool {
        let Some(mut events) = self.connect().await else { return false };
        self.read(&mut events, reply).await
    }

    /// What comes on this connection up to its end, or to the reply's. Whether it was the reply's.
    pub(crate) async fn read(&mut self, events: &mut Sse, reply: &str) -> bool {
        while let Some(frame) = self.take(events).await {
            if frame.is_end() && frame.data["reply"] == *reply {
                return true;
            }
        }
        false
    }

    /// As many connections as it takes to see the reply's end.
    pub(crate) async fn until_end(&mut self, reply: &str) {
        let coming_back = async { while !self.once(reply).await {} };
        let came = tokio::time::timeout(PATIENCE, coming_back).await;
        assert!(came.is_ok(), "{} connections brought {} events", self.connections, self.frames.len());
    }
}
