//! Keeps the connection for commands: opens it, asks on it twice a second, and says when this process is joined and when it
//! is alone.

use super::call::{self, Failure};
use super::life::text;
use super::line::{Line, Link};
use super::listeners::PING;
use super::server::{self, Server};
use crate::server::sync::lock;
use ::redis::{ErrorKind, Pipeline, PushInfo, PushKind, RedisError, cmd};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How often it is asked, and how long each answer may take. Two that do not come are as long as [`super::PATIENCE`].
const BEAT: Duration = Duration::from_millis(500);
const LATE: Duration = Duration::from_millis(600);
const MOST_MISSED: u32 = 2;
/// In one of this number of beats it is asked how much memory it uses.
const MEASURED: u64 = 10;
/// Answers have to come for this long, and a moment that differs from process to process, until a process that was alone is
/// joined again: each change is a snapshot for all its viewers.
const REJOIN: Duration = Duration::from_secs(2);
const REJOIN_SPREAD: Duration = Duration::from_millis(500);
/// The time between two tries to connect, and how far it grows.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Requests that wait to be sent: more than a busy process has under way.
const BUFFER: usize = 4_096;

/// Why there is no connection.
pub(super) enum NotConnected {
    /// Redis answers, and is of no use until it, or a setting, is changed.
    Unfit(String),
    Unreachable(String),
}

/// Opens a connection, and makes it ready: before anything else it learns the life.
pub(super) async fn connect(line: &Line) -> Result<Link, NotConnected> {
    let over = CancellationToken::new();
    let closed = over.clone();
    let config = server::config().set_pipeline_buffer_size(BUFFER).set_push_sender(move |push: PushInfo| {
        if push.kind == PushKind::Disconnection {
            closed.cancel();
        }
        Ok::<(), ()>(())
    });
    let connection = server::connect(&line.options.url, &config).await.map_err(|error| not_connected(line, &error))?;
    let link = Link { connection, over };
    let failed = |failure: Failure| match failure {
        Failure::Refused(words) if !call::passes(&words) => {
            NotConnected::Unfit(format!("Redis refuses what Rivulet needs: {words}"))
        }
        Failure::Refused(words) => NotConnected::Unreachable(words),
        Failure::Away | Failure::Taken => NotConnected::Unreachable(lock(&line.why).clone()),
    };
    if let Some(fault) = line.server(&link).await.map_err(failed)?.fault() {
        return Err(NotConnected::Unfit(fault));
    }
    line.load(&link).await.map_err(failed)?;
    // What a user of Redis may not do, and a server that may not write, is found now and told by its words.
    beat(line, &link).await.map_err(failed)?;
    Ok(link)
}

fn not_connected(line: &Line, error: &RedisError) -> NotConnected {
    let address = line.options.url.shown();
    let is_denied = matches!(error.code(), Some("WRONGPASS" | "NOAUTH" | "NOPERM"));
    match error.kind() {
        kind if is_denied || kind == ErrorKind::AuthenticationFailed => {
            NotConnected::Unfit(format!("Redis at {address} does not accept the user and password"))
        }
        ErrorKind::RESP3NotSupported => {
            NotConnected::Unfit(format!("Redis at {address} is older than 6.2, which is needed"))
        }
        ErrorKind::InvalidClientConfig => NotConnected::Unfit(error.to_string()),
        _ => NotConnected::Unreachable(format!("Redis at {address} cannot be reached: {error}")),
    }
}

/// Keeps the connection for as long as it is polled.
pub(super) async fn keep(line: Arc<Line>, first: Option<Link>) {
    // At the start nobody has a snapshot to lose.
    let mut wait = if first.is_some() { Duration::ZERO } else { REJOIN };
    let mut opened = first.map(Ok);
    let mut pause = SHORTEST_WAIT;
    let mut told = String::new();
    loop {
        let changes = line.standing.borrow().changes;
        let link = match opened.take() {
            Some(link) => link,
            None => connect(&line).await,
        };
        let why = match link {
            Ok(link) => {
                *lock(&line.link) = Some(link.clone());
                let why = beat_on(&line, &link, wait).await;
                line.lose(&link, &why);
                lock(&line.why).clone()
            }
            Err(NotConnected::Unfit(why) | NotConnected::Unreachable(why)) => why,
        };
        if line.standing.borrow().changes != changes {
            // It had joined, and that it is lost has been told.
            (wait, pause) = (REJOIN, SHORTEST_WAIT);
            told.clear();
            continue;
        }
        if told != why {
            tracing::warn!(why, "Redis cannot be joined; it is tried again");
            told = why;
        }
        sleep(pause + jitter(pause)).await;
        pause = (pause * 2).min(LONGEST_WAIT);
    }
}

/// Asks again and again, and returns why this connection is of no use any more. After `wait` with answers it joins.
async fn beat_on(line: &Line, link: &Link, wait: Duration) -> String {
    let (begun, wait) = (Instant::now(), wait + jitter(wait.min(REJOIN_SPREAD)));
    let mut good_since = begun;
    let (mut missed, mut number) = (0, 0_u64);
    loop {
        let next = Instant::now() + BEAT;
        match timeout(LATE, beat(line, link)).await {
            Ok(Ok(())) => missed = 0,
            Ok(Err(failure)) => return failure.to_string(),
            Err(_) => {
                missed += 1;
                good_since = Instant::now();
            }
        }
        if missed == MOST_MISSED {
            return super::SILENT.into();
        }
        if missed == 0 && number.is_multiple_of(MEASURED) {
            // A user of Redis that may not ask is told so by its own silence here: there is always room then.
            let _measured = timeout(LATE, measure(line, link)).await;
        }
        number += 1;
        let is_heard = line.echo.heard_since(begun);
        if missed == 0 && is_heard && wait <= good_since.elapsed() {
            line.join(link);
        }
        let pause = if is_heard { next.saturating_duration_since(Instant::now()) } else { SHORTEST_WAIT };
        tokio::select! {
            () = link.over.cancelled() => return "the connection was closed".into(),
            () = sleep(pause) => {}
        }
    }
}

/// One beat: the run and the life are as they were, it may be written, and what is published comes back.
async fn beat(line: &Line, link: &Link) -> Result<(), Failure> {
    let mut beat = Pipeline::with_capacity(4);
    beat.add_command(cmd("INFO").arg("server").clone());
    beat.add_command(line.life_command());
    // Changes nothing, and is refused where nothing may be written; where only the memory is full it is not.
    beat.add_command(cmd("PERSIST").arg(line.key("life")).clone());
    let own = line.key(&format!("n:{}", (line.process)()));
    beat.add_command(cmd("PUBLISH").arg(own).arg(PING).clone());
    let mut answers = line.ask_all(link, &beat, 4).await?.into_iter();
    if let (Some(info), Some(life)) = (answers.next().transpose()?, answers.next().transpose()?)
        && !line.is_current(&Server::read(&text(info)), &life)
    {
        line.learn(link).await?;
    }
    for answer in answers {
        answer?;
    }
    line.echo.called();
    Ok(())
}

/// Asks how much memory is used.
async fn measure(line: &Line, link: &Link) -> Result<(), Failure> {
    let info = line.ask(link, cmd("INFO").arg("memory")).await?;
    line.room.measured(&text(info));
    Ok(())
}

/// A part of this time, another one for each process.
pub(super) fn jitter(most: Duration) -> Duration {
    most.mul_f64((uuid::Uuid::new_v4().as_u128() % 1_000) as f64 / 1_000.0)
}
