//! The Pusher protocol over WebSocket, for stock clients: laravel-echo, pusher-js.
//!
//! One task per socket. It reads what the client wants, and asks its subscriptions for the next messages only when all
//! earlier ones are written: a slow client waits at its own cursors, and costs the memory of one message.

pub mod access;
pub mod client_events;
mod grantee;
pub mod message;
pub mod presence;
pub mod split;
mod subscription;

use super::Permit;
use crate::error::Problem;
use crate::server::State;
use crate::server::channels::{Name, Open};
use crate::server::outlet::Outlet;
use crate::server::principal::Principal;
use crate::server::transport::pusher::split::PartialCursor;
use crate::server::waiting::{Patience, Rarely};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use message::{Code, Data, In, Subscribe, Unsubscribe};
use serde_json::json;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Weak};
use std::time::Duration;
use subscription::{Outcome, Right, Subscription, texts};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// The longest message that a client may send: the protocol's 10 KB of data and their envelope.
pub const MAX_BYTES_IN: usize = 16 << 10;
/// The longest message that is sent (design: 7). A longer one is split, or refused where it is a client's or a
/// backend's.
pub const MAX_BYTES_OUT: usize = 10 << 10;
/// The read buffer. Clients send short messages, and every socket has this for as long as it is open.
pub const READ_BUFFER_BYTES: usize = 256;
/// The write buffer. A longer message takes its own length while it is written.
pub const WRITE_BUFFER_BYTES: usize = 1 << 10;
/// Channels that one socket can subscribe to (design: 7).
const MAX_CHANNELS: usize = 100;
/// A stock client that has received nothing for this long sends a ping. In seconds, never 0.
const ACTIVITY_TIMEOUT: u64 = 30;
/// A client that has sent nothing for this long gets a ping ...
const SILENCE: Duration = Duration::from_secs(60);
/// ... and is disconnected when it does not answer within this time.
const PONG: Duration = Duration::from_secs(30);
/// A client's burst of messages: a page with a hundred channels subscribes to all of them at once ...
const MAX_AT_ONCE: NonZeroU32 = NonZeroU32::new(250).expect("it is not 0");
/// ... and its rate after that. Beyond it, reading is slowed down.
const MAX_PER_SECOND: NonZeroU32 = NonZeroU32::new(25).expect("it is not 0");
/// The protocol's limit on client events.
const MAX_EVENTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(10).expect("it is not 0");
/// A closing client has this long to answer the close frame.
const GOODBYE: Duration = Duration::from_secs(1);
const SUCCEEDED: &str = "pusher_internal:subscription_succeeded";

/// Why a socket ends.
enum End {
    /// The server closes it with a reason.
    Close(Code, &'static str),
    /// The client sends a close frame.
    Left,
    /// The connection is lost, or the client reads nothing any more.
    Gone,
}

/// Closes a socket that must not be opened.
pub async fn refuse(mut socket: Box<WebSocket>, code: Code, reason: &'static str) {
    close(&mut socket, code, reason).await;
}

async fn close(socket: &mut WebSocket, code: Code, reason: &'static str) {
    let frame = CloseFrame { code: code as u16, reason: reason.into() };
    let goodbye = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            // Read on: a connection that is closed with unread data loses the last message to the client.
            read_out(socket).await;
        }
    };
    // A client that does not answer in time is cut.
    let _ = timeout(GOODBYE, goodbye).await;
}

/// Reads to the end. A due answer to a client's close frame is sent with that.
async fn read_out(socket: &mut WebSocket) {
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
}

/// Serves one socket to its end.
pub async fn serve(state: State, mut socket: Box<WebSocket>, outlet: Option<Outlet>) {
    let open = match state.sockets.open(outlet) {
        Ok(open) => open,
        Err(_) => return refuse(socket, Code::Later, "The server cannot take you at the moment").await,
    };
    let mut connection = Box::new(Connection::new(state, open));
    let end = connection.run(&mut socket).await;
    drop(connection);
    match end {
        End::Close(code, reason) => close(&mut socket, code, reason).await,
        // A client that does not take the answer in time is cut.
        End::Left => drop(timeout(GOODBYE, read_out(&mut socket)).await),
        End::Gone => {}
    }
}

struct Connection {
    state: State,
    open: Open,
    channels: HashMap<Name, Box<Held>>,
    running: FuturesUnordered<BoxFuture<'static, (Box<Subscription>, Outcome)>>,
    permits: Vec<(Principal, Weak<Permit>)>,
    said: DefaultDirectRateLimiter,
    whispered: DefaultDirectRateLimiter,
    heard: Instant,
    asked: bool,
    /// Nothing is read before this time.
    read_from: Instant,
    /// Whether the last read exceeded the rate: the next interval pays for it.
    owes: bool,
    /// When the socket is closed, once the server shuts down.
    leaves: Option<Instant>,
    draining: Rarely<'static, ()>,
    clock: Patience,
}

/// What the connection knows of a subscription.
struct Held {
    cancel: CancellationToken,
    right: Right,
    may_speak: bool,
    /// Whether more entries may come from a journal.
    follows: bool,
}

impl Connection {
    fn new(state: State, open: Open) -> Self {
        let now = Instant::now();
        let draining = Rarely::new(state.drain.begun());
        Self {
            state,
            open,
            channels: HashMap::new(),
            running: FuturesUnordered::new(),
            permits: Vec::new(),
            said: RateLimiter::direct(Quota::per_second(MAX_PER_SECOND).allow_burst(MAX_AT_ONCE)),
            whispered: RateLimiter::direct(Quota::per_second(MAX_EVENTS_PER_SECOND)),
            heard: now,
            asked: false,
            read_from: now,
            owes: false,
            leaves: None,
            draining,
            clock: Patience::until(now + SILENCE),
        }
    }

    async fn run(&mut self, socket: &mut WebSocket) -> End {
        let mut messages = texts(vec![self.hello()]);
        loop {
            if let Err(end) = self.write(socket, std::mem::take(&mut messages)).await {
                return end;
            }
            match self.turn(socket).await {
                Ok(next) => messages = next,
                Err(end) => return end,
            }
        }
    }

    fn hello(&self) -> String {
        let hello = json!({ "socket_id": self.open.id.to_string(), "activity_timeout": ACTIVITY_TIMEOUT });
        message::plain("pusher:connection_established", &hello)
    }

    /// Waits for the next of: the client, a subscription, the timer, the server's shutdown.
    async fn turn(&mut self, socket: &mut WebSocket) -> Result<Vec<Utf8Bytes>, End> {
        let now = Instant::now();
        self.clock.set(self.timer(now));
        tokio::select! {
            Some((subscription, outcome)) = self.running.next(), if !self.running.is_empty() => {
                Ok(self.told(subscription, outcome))
            }
            message = socket.next(), if self.read_from <= now => match message {
                Some(Ok(message)) => self.hear(message).await.map(texts),
                Some(Err(_)) => Err(End::Close(Code::Malformed, "That is no message")),
                None => Err(End::Gone),
            },
            () = self.clock.is_over() => self.time(socket).await.map(texts),
            () = &mut self.draining, if self.leaves.is_none() => {
                self.leaves = Some(now + self.state.spread());
                Ok(Vec::new())
            }
        }
    }

    /// Whether a reply is still being written whose end the client is to see.
    fn follows(&self) -> bool {
        self.channels.values().any(|held| held.follows)
    }

    /// When to wake up if nothing happens before; `now` as where the decision to read is made.
    fn timer(&self, now: Instant) -> Instant {
        let silence = self.heard + if self.asked { SILENCE + PONG } else { SILENCE };
        let leaves = self.leaves.filter(|_| !self.follows()).unwrap_or(silence);
        let reads = if now < self.read_from { self.read_from } else { silence };
        silence.min(leaves).min(reads)
    }

    async fn time(&mut self, socket: &mut WebSocket) -> Result<Vec<String>, End> {
        let now = Instant::now();
        if self.leaves.is_some_and(|leaves| leaves <= now) && !self.follows() {
            return Err(End::Close(Code::Later, "The server restarts"));
        }
        if self.heard + SILENCE + PONG <= now {
            return Err(End::Close(Code::NoPong, "Pong reply not received in time"));
        }
        if self.asked || now < self.heard + SILENCE {
            return Ok(Vec::new());
        }
        self.asked = true;
        // Both: a client that knows only one of them answers that.
        let ping = socket.send(Message::Ping(Default::default()));
        match timeout(self.state.bounds.user_timeout, ping).await {
            Ok(Ok(())) => Ok(vec![message::plain("pusher:ping", &json!({}))]),
            _ => Err(End::Gone),
        }
    }

    async fn write(&mut self, socket: &mut WebSocket, messages: Vec<Utf8Bytes>) -> Result<(), End> {
        for message in messages {
            let sent = socket.send(Message::Text(message));
            // A client that reads nothing for so long counts as gone, as with every stream.
            match timeout(self.state.bounds.user_timeout, sent).await {
                Ok(Ok(())) => {}
                _ => return Err(End::Gone),
            }
        }
        Ok(())
    }

    /// Handles a subscription's result, and continues it.
    fn told(&mut self, subscription: Box<Subscription>, outcome: Outcome) -> Vec<Utf8Bytes> {
        if subscription.cancel.is_cancelled() {
            return Vec::new();
        }
        match outcome {
            Outcome::Messages(messages) => {
                self.running.push(Box::pin(subscription.next()));
                messages
            }
            Outcome::Followed => {
                if let Some(held) = self.channels.get_mut(&subscription.name) {
                    held.follows = false;
                }
                self.running.push(Box::pin(subscription.next()));
                Vec::new()
            }
            Outcome::Withdrawn => {
                self.leave(&subscription.name);
                texts(refused(&subscription.name, &access::not_yours()))
            }
            Outcome::Cancelled => Vec::new(),
        }
    }

    async fn hear(&mut self, message: Message) -> Result<Vec<String>, End> {
        self.heard = Instant::now();
        self.asked = false;
        self.slow_down();
        match message {
            Message::Text(text) => Ok(self.text(&text).await),
            Message::Binary(_) => Ok(vec![message::error(Code::Invalid, "Invalid message format")]),
            Message::Ping(_) | Message::Pong(_) => Ok(Vec::new()),
            Message::Close(_) => Err(End::Left),
        }
    }

    /// Counts what was read, and stops reading for a while where that exceeds the rate.
    fn slow_down(&mut self) {
        if self.owes {
            self.owes = self.said.check().is_err();
        }
        if let Err(early) = self.said.check() {
            self.owes = true;
            self.read_from = self.heard + early.wait_time_from(DefaultClock::default().now());
        }
    }

    async fn text(&mut self, text: &str) -> Vec<String> {
        let invalid = || vec![message::error(Code::Invalid, "Invalid message format")];
        let Ok(message) = serde_json::from_str::<In>(text) else { return invalid() };
        match message.event.as_str() {
            "pusher:ping" => vec![message::plain("pusher:pong", &json!({}))],
            "pusher:subscribe" => match message.read::<Subscribe>() {
                Some(asked) => Box::pin(self.subscribe(asked)).await,
                None => invalid(),
            },
            "pusher:unsubscribe" => match message.read::<Unsubscribe>() {
                Some(asked) => self.unsubscribe(&asked.channel),
                None => invalid(),
            },
            event if event.starts_with("client-") => Box::pin(self.speak(message)).await,
            // Other messages of clients (pusher:pong, pusher:signin) change nothing here.
            _ => Vec::new(),
        }
    }

    async fn subscribe(&mut self, asked: Subscribe) -> Vec<String> {
        let Some(name) = Name::parse(&asked.channel) else {
            return vec![message::error(Code::Unauthorized, "There is no channel of this name")];
        };
        if MAX_CHANNELS <= self.channels.len() && !self.channels.contains_key(&name) {
            let message = format!("A connection can have {MAX_CHANNELS} channels. Open another.");
            return refused(&name, &Problem::TooMany { message, retry_after_seconds: 60 });
        }
        let place = subscription::place(&asked);
        let opened = match subscription::verify(&self.state, &self.open, &name, &asked).await {
            Ok(right) => self.open(name.clone(), right, place).await,
            Err(problem) => Err(problem),
        };
        opened.unwrap_or_else(|problem| refused(&name, &problem))
    }

    /// Opens a subscription, and replaces one to this channel.
    async fn open(&mut self, name: Name, right: Right, place: Option<PartialCursor>) -> Result<Vec<String>, Problem> {
        let permit = match right.who {
            Some(who) => Some(self.permit(who).await?),
            None => None,
        };
        let may_speak = match right.who {
            Some(who) => access::may_speak(&self.state, who, name.channel()).await,
            // A backend that has the secret has let it in.
            None => name.is_private(),
        };
        let (subscription, messages) =
            Subscription::open(&self.state, &self.open, name.clone(), right.clone(), permit, place).await?;
        self.leave(&name);
        let (cancel, follows) = (subscription.cancel.clone(), subscription.follows());
        self.channels.insert(name, Box::new(Held { cancel, right, may_speak, follows }));
        self.running.push(Box::pin(subscription.next()));
        Ok(messages)
    }

    /// One permit for all channels of an account: a socket is one stream.
    async fn permit(&mut self, who: Principal) -> Result<Arc<Permit>, Problem> {
        self.permits.retain(|(_, permit)| permit.strong_count() != 0);
        let held = self.permits.iter().find(|(known, _)| *known == who).and_then(|(_, permit)| permit.upgrade());
        if let Some(permit) = held {
            return Ok(permit);
        }
        let permit = Arc::new(Permit::take(&self.state, who).await?);
        self.permits.reserve_exact(1);
        self.permits.push((who, Arc::downgrade(&permit)));
        Ok(permit)
    }

    fn unsubscribe(&mut self, channel: &str) -> Vec<String> {
        if let Some(name) = Name::parse(channel) {
            self.leave(&name);
        }
        Vec::new()
    }

    fn leave(&mut self, name: &Name) {
        if let Some(held) = self.channels.remove(name) {
            held.cancel.cancel();
        }
    }
}

/// The arguments of the client's error callbacks: the channel's, and the connection's as with other servers.
fn refused(name: &Name, problem: &Problem) -> Vec<String> {
    let status = if matches!(problem, Problem::Unknown) { 401 } else { problem.status() };
    let message = match problem {
        Problem::Unknown => "The signature is wrong, or what it was given for has ended.".into(),
        problem => problem.to_string(),
    };
    let data = json!({ "type": "AuthError", "error": message, "status": status }).to_string();
    let code = if status == 429 { Code::OverQuota } else { Code::Unauthorized };
    vec![message::on(name, "pusher:subscription_error", Data::Text(&data)), message::error(code, &message)]
}
