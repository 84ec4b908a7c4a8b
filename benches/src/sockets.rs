//! Idle Pusher clients: what each costs while it is subscribed to a conversation without events.

use crate::follower::{CONNECT_TOGETHER, Follower};
use crate::http::Caller;
use crate::machine::slab_kib;
use crate::report::Report;
use crate::row::{Budget, Row};
use crate::scene::{self, Person};
use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

/// The number of sockets that the design speaks of.
const OF: usize = 5_000;
/// The memory budget of each, idle, without the kernel's part.
const MAX_KIB: f64 = 2.5;
/// This part of the sockets is there before their memory is measured.
const WARM: usize = 5;
const KEY: &str = "key-of-the-bench";

pub async fn measure(count: usize, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("bench: {count} sockets ...");
    let upstream = scene::upstream().await?;
    let settings = [("RIVULET_PUSHER_KEY", KEY)];
    let database = scene::new_database()?;
    let mut people = people(&database, upstream.address, &settings, count).await?.into_iter().enumerate();
    let rivulet = scene::rivulet_with(&database, upstream.address, &settings).await?;
    // The server's own memory grows with the first of them, and not with the rest.
    let _first = open(rivulet.address, people.by_ref().take(count / WARM)).await?;
    let (before, slab) = (rivulet.settled_kib().await?, slab_kib()?);
    let sockets = open(rivulet.address, people).await?;
    let each = |now: u64, before: u64| now.saturating_sub(before) as f64 / sockets.len() as f64;
    let memory = each(rivulet.settled_kib().await?, before);
    let what = format!("memory per idle socket, of {count}");
    let goal = (OF <= count).then(|| Budget::most(MAX_KIB));
    report.add(Row::alone(what, "KiB", memory).with(goal));
    let kernel = each(slab_kib()?, slab);
    report.add(Row::alone("the same in the kernel, both ends of its connection".into(), "KiB", kernel));
    Ok(())
}

async fn open(address: SocketAddr, people: impl Iterator<Item = (usize, Known)>) -> anyhow::Result<Vec<Follower>> {
    stream::iter(people)
        .map(|(index, person)| subscribed(address, person, index))
        .buffer_unordered(CONNECT_TOGETHER)
        .try_collect()
        .await
}

/// A user who has no connection.
struct Known {
    cookie: String,
    conversation: String,
}

/// Users with a conversation each, as customers of an application have. They come to a server of their own, which has
/// ended when the sockets open: the memory of their connections would hide what the sockets take.
async fn people(
    database: &Path,
    upstream: SocketAddr,
    settings: &[(&str, &str)],
    count: usize,
) -> anyhow::Result<Vec<Known>> {
    let rivulet = scene::rivulet_with(database, upstream, settings).await?;
    let people = Person::many(rivulet.address, count).await?;
    let known = people.iter().map(|person| {
        let conversation = person.path().rsplit('/').next().context("a conversation has an id")?;
        Ok(Known { cookie: person.caller.cookie().to_owned(), conversation: conversation.to_owned() })
    });
    let known = known.collect();
    drop(people);
    rivulet.end().await?;
    known
}

async fn subscribed(address: SocketAddr, person: Known, index: usize) -> anyhow::Result<Follower> {
    let request = format!(
        "GET /app/{KEY}?protocol=7 HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut socket = Follower::open(address, index, &request).await?;
    let hello = socket.text_until("}\"}").await?;
    let id = hello.split("socket_id\\\":\\\"").nth(1).and_then(|rest| rest.split('\\').next());
    let id = id.with_context(|| format!("no socket_id in {hello}"))?;
    let channel = format!("private-conversations.{}", person.conversation);
    let asked = json!({ "socket_id": id, "channel_name": channel });
    let signed: Value = Caller::known(address, person.cookie).await?.post("/broadcasting/auth", &asked).await?;
    let message = json!({ "event": "pusher:subscribe", "data": { "channel": channel, "auth": signed["auth"] } });
    socket.write(&frame(&message.to_string())).await?;
    socket.text_until("snapshot").await?;
    Ok(socket)
}

/// A text frame with a mask of zeros, which leaves the payload unchanged.
pub fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    // The shortest form of the length, which RFC 6455, 5.2 demands and some servers insist on.
    match u8::try_from(text.len()) {
        Ok(length @ ..126) => frame.push(0x80 | length),
        _ => {
            frame.push(0x80 | 126);
            frame.extend((text.len() as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}
