//! Keeps the connection on which Redis sends what is published, and the subscriptions.
//!
//! A connection can be well and hear nothing: so each process publishes to itself, and one that does not hear itself
//! connects anew, and looks at everything.

use super::call::Failure;
use super::echo::{Ask, DEAF};
use super::heart::jitter;
use super::line::Line;
use super::listeners::PING;
use super::{PATIENCE, server};
use ::redis::aio::MultiplexedConnection;
use ::redis::{FromRedisValue, PushInfo, PushKind, RedisResult, Value};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How often that is looked at, and the time between two tries to connect.
const LOOK: Duration = Duration::from_millis(250);
/// Channels that are named in one command: Redis does nothing else while it reads them.
const AT_ONCE: usize = 500;

pub(super) async fn subscribe(line: &Line, channel: &str) -> Result<(), Failure> {
    let (done, confirmed) = oneshot::channel();
    line.asks.send(Ask::Subscribe(line.key(channel), done)).map_err(|_| Failure::Away)?;
    if !line.standing.borrow().joined {
        return Err(Failure::Away);
    }
    match timeout(PATIENCE, confirmed).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Failure::Away),
    }
}

pub(super) fn unsubscribe(line: &Line, channel: &str) {
    line.asks.send(Ask::Unsubscribe(line.key(channel))).ok();
}

/// Who wants to hear what, and those who wait for a confirmation.
#[derive(Default)]
struct Wanted {
    channels: HashSet<String>,
    waiting: Vec<oneshot::Sender<()>>,
    own: String,
}

/// Keeps the connection for as long as it is polled.
pub(super) async fn keep(line: Arc<Line>, mut asks: mpsc::UnboundedReceiver<Ask>) {
    let mut wanted = Wanted::default();
    let mut lost = Instant::now();
    loop {
        if let Some(mut heard) = connect(&line, &mut wanted, &mut asks).await {
            line.listeners.everything();
            heard.listen(&line, &mut wanted, &mut asks).await;
            line.echo.begin(None);
            lost = Instant::now();
            continue;
        }
        if DEAF < lost.elapsed()
            && let Ok(link) = line.link()
        {
            line.lose(&link, "its messages cannot be subscribed to");
        }
        wanted.take_for(LOOK + jitter(LOOK), &mut asks).await;
    }
}

/// A connection with all subscriptions.
struct Heard {
    connection: MultiplexedConnection,
    closed: CancellationToken,
}

/// Connects and subscribes to everything that is wanted.
async fn connect(line: &Arc<Line>, wanted: &mut Wanted, asks: &mut mpsc::UnboundedReceiver<Ask>) -> Option<Heard> {
    let closed = CancellationToken::new();
    let (over, hearing) = (closed.clone(), Arc::downgrade(line));
    let config = server::config().set_push_sender(move |push: PushInfo| {
        match (push.kind, hearing.upgrade()) {
            (PushKind::Disconnection, _) => over.cancel(),
            (PushKind::Message, Some(line)) => hear(&line, push.data),
            _ => {}
        }
        Ok::<(), ()>(())
    });
    let connection = server::connect(&line.options.url, &config).await.ok()?;
    let mut heard = Heard { connection, closed };
    // What was asked for meanwhile is subscribed to with the rest.
    while let Ok(ask) = asks.try_recv() {
        wanted.take(ask);
    }
    wanted.own = own_channel(line);
    let channels: Vec<_> = wanted.channels.iter().chain([&wanted.own]).cloned().collect();
    heard.change(&channels, true).await.ok()?;
    wanted.confirm();
    line.echo.begin(Some(Instant::now()));
    Some(heard)
}

fn own_channel(line: &Line) -> String {
    line.key(&format!("n:{}", (line.process)()))
}

/// Hands on a message.
fn hear(line: &Line, data: Vec<Value>) {
    let mut data = data.into_iter();
    let (Some(channel), Some(payload)) = (data.next(), data.next()) else { return };
    let (Ok(channel), Ok(payload)) = (String::from_redis_value(channel), Vec::<u8>::from_redis_value(payload)) else {
        return;
    };
    let Some(channel) = channel.strip_prefix(&line.options.prefix) else { return };
    if payload == PING.as_bytes() && channel.starts_with("n:") {
        return line.echo.heard();
    }
    line.listeners.hear(channel, payload);
}

impl Heard {
    /// Until the connection is of no use any more.
    async fn listen(&mut self, line: &Line, wanted: &mut Wanted, asks: &mut mpsc::UnboundedReceiver<Ask>) {
        loop {
            let ask = tokio::select! {
                () = self.closed.cancelled() => return,
                ask = asks.recv() => ask,
                () = sleep(LOOK) => None,
            };
            let asked = ask.into_iter().chain(std::iter::from_fn(|| asks.try_recv().ok())).collect::<Vec<_>>();
            if self.do_all(asked, wanted).await.is_err() {
                return;
            }
            if line.echo.is_deaf() {
                tracing::warn!("Redis answers, and what is published does not come: subscribing anew");
                return;
            }
            let own = own_channel(line);
            if own != wanted.own && self.move_to(own, wanted).await.is_err() {
                return;
            }
        }
    }

    /// In the order in which it was asked for. What cannot be done is wanted all the same: from the next connection.
    async fn do_all(&mut self, asked: Vec<Ask>, wanted: &mut Wanted) -> Result<(), ()> {
        let mut done = Ok(());
        let mut asked = asked.into_iter().peekable();
        while let Some(first) = asked.next() {
            let subscribe = first.is_subscription();
            let mut group = vec![first];
            group.extend(std::iter::from_fn(|| asked.next_if(|ask| ask.is_subscription() == subscribe)));
            let names: HashSet<_> = group.iter().map(|ask| ask.channel().to_owned()).collect();
            let names: Vec<_> = names.into_iter().filter(|name| wanted.channels.contains(name) != subscribe).collect();
            if done.is_ok() {
                done = self.change(&names, subscribe).await;
            }
            group.into_iter().for_each(|ask| wanted.take(ask));
        }
        done?;
        wanted.confirm();
        Ok(())
    }

    /// This process has another id.
    async fn move_to(&mut self, own: String, wanted: &mut Wanted) -> Result<(), ()> {
        self.change(std::slice::from_ref(&own), true).await?;
        let former = std::mem::replace(&mut wanted.own, own);
        self.change(&[former], false).await
    }

    async fn change(&mut self, channels: &[String], subscribe: bool) -> Result<(), ()> {
        for channels in channels.chunks(AT_ONCE) {
            let asked = async {
                match subscribe {
                    true => self.connection.subscribe(channels).await,
                    false => self.connection.unsubscribe(channels).await,
                }
            };
            let answer: RedisResult<()> = timeout(PATIENCE, asked).await.map_err(drop)?;
            if let Err(error) = answer {
                tracing::warn!(%error, "Redis does not take subscriptions");
                return Err(());
            }
        }
        Ok(())
    }
}

impl Wanted {
    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Subscribe(channel, done) => {
                self.channels.insert(channel);
                self.waiting.push(done);
            }
            Ask::Unsubscribe(channel) => {
                self.channels.remove(&channel);
            }
        }
    }

    /// Takes what is asked for this long.
    async fn take_for(&mut self, time: Duration, asks: &mut mpsc::UnboundedReceiver<Ask>) {
        let end = sleep(time);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                Some(ask) = asks.recv() => self.take(ask),
            }
        }
        // Those who have given up.
        self.waiting.retain(|done| !done.is_closed());
    }

    fn confirm(&mut self) {
        for done in self.waiting.drain(..) {
            // Who does not wait any more hears of it by `Wake::Everything`.
            done.send(()).ok();
        }
    }
}
