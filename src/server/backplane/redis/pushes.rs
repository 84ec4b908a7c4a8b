//! Keeps the connection on which Redis sends what is published, and the subscriptions.
//!
//! A connection can be well and hear nothing: so each process publishes to itself, and one that does not hear itself
//! connects anew, and looks at everything.

use super::call::Failure;
use super::echo::{Ask, DEAF};
use super::heart::jitter;
use super::line::Line;
use super::listeners::{DEAD, EVERYBODY, PING};
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
/// After a connection that was lost, this is long enough for others.
const SHORTEST_WAIT: Duration = Duration::from_millis(5);
/// After this many connections in a row on which nothing was heard, a process is alone.
const MOST_UNHEARD: u32 = 3;
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
    waiting: Vec<(Instant, oneshot::Sender<()>)>,
    own: String,
}

/// Keeps the connection for as long as it is polled.
pub(super) async fn keep(line: Arc<Line>, mut asks: mpsc::UnboundedReceiver<Ask>) {
    let mut wanted = Wanted::default();
    let mut lost = Instant::now();
    let (mut unheard, mut told) = (0, String::new());
    loop {
        let mut pause = LOOK + jitter(LOOK);
        let why = match connect(&line, &mut wanted, &mut asks).await {
            Ok(mut heard) => {
                let begun = Instant::now();
                line.listeners.everything();
                let why = heard.listen(&line, &mut wanted, &mut asks).await;
                unheard = if line.echo.heard_since(begun) { 0 } else { unheard + 1 };
                line.echo.begin(None);
                lost = Instant::now();
                if unheard == 0 {
                    told.clear();
                    pause = SHORTEST_WAIT;
                }
                why
            }
            Err(why) => why,
        };
        if let Ok(link) = line.link() {
            if told != why {
                tracing::warn!(why, "Redis' messages are subscribed to anew");
                told = why;
            }
            // To be alone is better than to believe that nothing happens elsewhere.
            if DEAF < lost.elapsed() || MOST_UNHEARD <= unheard {
                line.lose(&link, "what is published does not come");
            }
        }
        wanted.take_for(pause, &mut asks).await;
    }
}

/// A connection with all subscriptions.
struct Heard {
    connection: MultiplexedConnection,
    closed: CancellationToken,
}

/// Connects and subscribes to everything that is wanted.
async fn connect(
    line: &Arc<Line>,
    wanted: &mut Wanted,
    asks: &mut mpsc::UnboundedReceiver<Ask>,
) -> Result<Heard, String> {
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
    let connection = server::connect(&line.options.url, &config).await.map_err(|error| error.to_string())?;
    let mut heard = Heard { connection, closed };
    // What was asked for meanwhile is subscribed to with the rest.
    while let Ok(ask) = asks.try_recv() {
        wanted.take(ask);
    }
    wanted.own = own_channel(line);
    let everybody = line.key(EVERYBODY);
    let channels: Vec<_> = wanted.channels.iter().chain([&wanted.own, &everybody]).cloned().collect();
    heard.change(&channels, true).await?;
    // Everything is looked at after this.
    wanted.confirm();
    line.echo.begin(Some(Instant::now()));
    Ok(heard)
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
    if channel == EVERYBODY {
        if let Some(process) = payload.strip_prefix(DEAD.as_bytes()) {
            line.bury(&String::from_utf8_lossy(process));
        }
        return;
    }
    line.listeners.hear(channel, payload);
}

impl Heard {
    /// Until the connection is of no use any more: why.
    async fn listen(&mut self, line: &Line, wanted: &mut Wanted, asks: &mut mpsc::UnboundedReceiver<Ask>) -> String {
        loop {
            let ask = tokio::select! {
                () = self.closed.cancelled() => return "the connection was closed".into(),
                ask = asks.recv() => ask,
                () = sleep(LOOK) => None,
            };
            let asked = ask.into_iter().chain(std::iter::from_fn(|| asks.try_recv().ok())).collect::<Vec<_>>();
            match self.do_all(asked, wanted).await {
                Ok(true) => line.listeners.everything(),
                Ok(false) => {}
                Err(why) => return why,
            }
            if line.echo.is_silent() {
                return "Redis answers, and what is published does not come".into();
            }
            let own = own_channel(line);
            if own != wanted.own
                && let Err(why) = self.move_to(own, wanted).await
            {
                return why;
            }
        }
    }

    /// In the order in which it was asked for. What cannot be done is wanted all the same: from the next connection.
    /// Whether somebody has given up waiting for it.
    async fn do_all(&mut self, asked: Vec<Ask>, wanted: &mut Wanted) -> Result<bool, String> {
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
        Ok(wanted.confirm())
    }

    /// This process has another id.
    async fn move_to(&mut self, own: String, wanted: &mut Wanted) -> Result<(), String> {
        self.change(std::slice::from_ref(&own), true).await?;
        let former = std::mem::replace(&mut wanted.own, own);
        self.change(&[former], false).await
    }

    async fn change(&mut self, channels: &[String], subscribe: bool) -> Result<(), String> {
        for channels in channels.chunks(AT_ONCE) {
            let asked = async {
                match subscribe {
                    true => self.connection.subscribe(channels).await,
                    false => self.connection.unsubscribe(channels).await,
                }
            };
            let answer: RedisResult<()> = timeout(PATIENCE, asked).await.map_err(|_| super::SILENT)?;
            answer.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Wanted {
    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Subscribe(channel, done) => {
                self.channels.insert(channel);
                self.waiting.push((Instant::now(), done));
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
        // Those who have given up hear that everything may have changed once it is subscribed to.
        self.waiting.retain(|(_, done)| !done.is_closed());
    }

    /// Whether somebody has given up waiting, and is to be told otherwise that it hears from now on.
    fn confirm(&mut self) -> bool {
        let mut is_late = false;
        for (since, done) in self.waiting.drain(..) {
            // Where nobody waits any more, it was for too long, or the caller is gone.
            is_late |= done.send(()).is_err() && PATIENCE <= since.elapsed();
        }
        is_late
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn who_gave_up_waiting_for_a_subscription_hears_of_it_otherwise() {
        let mut wanted = Wanted::default();
        let mut ask = || {
            let (done, confirmed) = oneshot::channel();
            wanted.take(Ask::Subscribe("{c:1}".into(), done));
            confirmed
        };
        let (waits, leaves) = (ask(), ask());
        // Its viewer has gone.
        drop(leaves);
        assert!(!wanted.confirm());
        assert_eq!(waits.await, Ok(()));
        let (done, gives_up) = oneshot::channel();
        wanted.take(Ask::Subscribe("{c:1}".into(), done));
        advance(PATIENCE).await;
        drop(gives_up);
        assert!(wanted.confirm());
    }
}
