//! Clients that send messages and read replies: of the bare relay, of `/chat/stream` (stateless like the relay), and of
//! conversations, which are what Rivulet is for.

use crate::arrivals::Arrival;
use crate::http::Caller;
use crate::lines::Lines;
use crate::process::Program;
use crate::scene::{self, Person};
use crate::sheet::Sheet;
use crate::sse::{Events, Seen};
use anyhow::ensure;
use futures::{StreamExt, TryStreamExt, stream};
use hyper::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Relay,
    Stateless,
    Conversation,
}

/// How many connect concurrently.
const CONNECT_TOGETHER: usize = 50;

impl Way {
    pub async fn start(self, upstream: SocketAddr) -> anyhow::Result<Program> {
        match self {
            Self::Relay => scene::relay(upstream).await,
            Self::Stateless | Self::Conversation => scene::rivulet(upstream).await,
        }
    }

    pub async fn clients(self, address: SocketAddr, count: usize) -> anyhow::Result<Vec<Client>> {
        let lines = Arc::new(Lines::new(address));
        let arriving = stream::iter(0..count).map(|_| self.client(address, lines.clone()));
        arriving.buffer_unordered(CONNECT_TOGETHER).try_collect().await
    }

    async fn client(self, address: SocketAddr, lines: Arc<Lines>) -> anyhow::Result<Client> {
        if self != Self::Conversation {
            return Ok(Client::Direct { caller: Caller::new(address).await?, way: self });
        }
        let person = Person::new(address).await?;
        let events = person.caller.again().await?.call(Method::GET, &person.events(), &[], None).await?;
        let (cookie, path) = (person.caller.cookie().to_owned(), format!("{}/messages", person.path()));
        lines.keep(person.caller);
        Ok(Client::Conversation { lines, cookie, path, events: Events::new(events.into_body()) })
    }
}

/// Clients of conversations, who send to one of these nodes and read from the next.
pub async fn across(nodes: &[SocketAddr], count: usize) -> anyhow::Result<Vec<Client>> {
    let lines: Vec<_> = nodes.iter().map(|node| Arc::new(Lines::new(*node))).collect();
    let arriving = stream::iter(0..count).map(|index| {
        let (here, there) = (index % nodes.len(), (index + 1) % nodes.len());
        reading_at(nodes[here], nodes[there], lines[here].clone())
    });
    arriving.buffer_unordered(CONNECT_TOGETHER).try_collect().await
}

async fn reading_at(node: SocketAddr, other: SocketAddr, lines: Arc<Lines>) -> anyhow::Result<Client> {
    let person = Person::new(node).await?;
    let cookie = person.caller.cookie().to_owned();
    let mut reader = Caller::known(other, cookie.clone()).await?;
    let events = reader.call(Method::GET, &person.events(), &[], None).await?;
    let path = format!("{}/messages", person.path());
    lines.keep(person.caller);
    Ok(Client::Conversation { lines, cookie, path, events: Events::new(events.into_body()) })
}

/// One user.
pub enum Client {
    /// The answer to the request is the stream.
    Direct { caller: Caller, way: Way },
    /// The request is answered immediately; the stream is open all the time.
    Conversation { lines: Arc<Lines>, cookie: String, path: String, events: Events },
}

impl Client {
    /// Sends a message and reads its reply to the end.
    pub async fn ask(&mut self, arrival: Arrival, gap: Duration, sheet: &Sheet) -> anyhow::Result<()> {
        let script = json!({ "pieces": arrival.pieces, "gap_ms": gap.as_millis() as u64 });
        let mut reading = Reading { planned: arrival.at, last: None, pieces: 0, sheet };
        sheet.sent();
        match self {
            Self::Direct { caller, way } => {
                let (path, body) = direct(*way, &script);
                let answer = caller.call(Method::POST, path, scene::HEADERS, Some(&body)).await?;
                let mut events = Events::new(answer.into_body());
                reading.read(&mut events).await?;
                // To its last byte, so that the connection serves the next request.
                events.rest().await?;
                caller.used_now();
            }
            // Concurrently: the first token may arrive before the answer.
            Self::Conversation { lines, cookie, path, events } => {
                let body = json!({ "content": scene::ask(&script) });
                futures::try_join!(lines.post(cookie, path, &body), reading.read(events))?;
            }
        }
        ensure!(reading.pieces == arrival.pieces, "a reply came with {} of {} pieces", reading.pieces, arrival.pieces);
        sheet.ended();
        Ok(())
    }
}

fn direct(way: Way, script: &Value) -> (&'static str, Value) {
    if way == Way::Relay {
        return ("/v1/messages", scene::request(script));
    }
    ("/chat/stream", json!({ "messages": [{ "role": "user", "content": scene::ask(script) }] }))
}

/// One reply, as it is read.
struct Reading<'a> {
    planned: Duration,
    last: Option<Instant>,
    pieces: usize,
    sheet: &'a Sheet,
}

impl Reading<'_> {
    async fn read(&mut self, events: &mut Events) -> anyhow::Result<()> {
        while let Seen::Pieces(pieces) = events.next().await? {
            let now = Instant::now();
            let before = self.last.replace(now);
            if before.is_none() {
                self.sheet.first(self.planned, now);
            }
            self.pieces += pieces;
            self.sheet.tokens(pieces, before, now);
        }
        Ok(())
    }
}
