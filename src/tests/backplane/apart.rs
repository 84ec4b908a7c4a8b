//! A node that Redis does not answer while it answers the others, and a Redis without room: what is written there is shown
//! at the other nodes from the database, until it is in the log again.

use super::joined_nodes::{count, folded, long, until_end};
use super::until;
use crate::server::bounds::Bounds;
use crate::tests::app::{Frame, Sse, text};
use crate::tests::services::{Redis, Valve, own_redis};
use crate::tests::several::{Nodes, within};
use crate::tests::upstream::script::Script;
use redis::cmd;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// Until others see what a node has written that is cut off: it finds that out, tells it, and they look once a second.
const SEEN: Duration = Duration::from_secs(6);

fn tokens(most: usize) -> impl Fn(&Frame) -> bool {
    let seen = std::cell::Cell::new(0);
    move |frame: &Frame| {
        seen.set(seen.get() + usize::from(frame.event == "token"));
        most < seen.get()
    }
}

/// The first node by a way that can be shut, and others beside it.
async fn nodes(server: &Redis, valve: &Valve, others: usize) -> Option<Nodes> {
    let prefix = format!("--redis-prefix={}", server.options().prefix);
    let mut nodes = Nodes::with(1, &[&format!("--redis-url={}", valve.url()), &prefix], Bounds::default()).await?;
    nodes.start_with(&[&format!("--redis-url={}", server.url()), &prefix]);
    for _ in 0..others {
        nodes.add().await;
    }
    Some(nodes)
}

async fn rename(nodes: &Nodes, number: usize, conversation: &str, title: &str) {
    let path = format!("/api/v1/conversations/{conversation}");
    let changed = nodes[number].request(Method::PATCH, &path).json(&json!({ "title": title })).send().await.unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
}

fn is_named(title: &'static str) -> impl Fn(&Frame) -> bool {
    move |frame| frame.data["conversation"]["title"] == title
}

/// A snapshot in which the reply has this status.
fn shows(reply: &str, status: &'static str) -> impl Fn(&Frame) -> bool {
    move |frame| {
        let messages = frame.data["messages"].as_array();
        let is_it = |message: &Value| message["id"] == reply && message["status"] == status;
        frame.event == "snapshot" && messages.is_some_and(|all| all.iter().any(is_it))
    }
}

async fn viewer(nodes: &Nodes, number: usize, conversation: &str) -> Sse {
    let mut viewer = nodes[number].follow(conversation, None).await;
    viewer.until("snapshot").await;
    viewer
}

#[tokio::test(flavor = "multi_thread")]
async fn h18_what_a_node_writes_that_redis_does_not_answer_is_seen_at_the_others_from_the_database() {
    let Some(server) = own_redis("") else { return };
    let valve = Valve::new(server.socket());
    let Some(nodes) = nodes(&server, &valve, 2).await else { return };
    let (conversation, quiet) = (nodes[0].conversation().await, nodes[0].conversation().await);
    let sent = nodes[0].send(&conversation, &long(1_500, 20)).await;
    let mut here = nodes[0].follow(&conversation, None).await;
    let mut there = [nodes[1].follow(&conversation, None).await, nodes[2].follow(&conversation, None).await];
    let mut of_quiet = viewer(&nodes, 1, &quiet).await;
    let mut near = here.until_that(tokens(20)).await;
    let mut far = Vec::new();
    for viewer in &mut there {
        far.push(viewer.until_that(tokens(20)).await);
    }
    valve.shut();
    near.extend(here.until("snapshot").await);
    for (viewer, frames) in there.iter_mut().zip(&mut far) {
        for _ in 0..3 {
            frames.extend(within(SEEN, "stored text", viewer.until("snapshot")).await);
        }
    }
    // What others tell of the conversation meanwhile does not bring back what the log has of the reply.
    rename(&nodes, 2, &conversation, "By one that is joined").await;
    for (viewer, frames) in there.iter_mut().zip(&mut far) {
        frames.extend(within(SEEN, "title", viewer.until_that(is_named("By one that is joined"))).await);
    }
    // What it changes, begins and ends meanwhile is seen by the news.
    rename(&nodes, 0, &quiet, "By one that is cut off").await;
    within(SEEN, "title", of_quiet.until_that(is_named("By one that is cut off"))).await;
    let begun = nodes[0].send(&quiet, &long(150, 20)).await;
    within(SEEN, "beginning", of_quiet.until_that(shows(&begun.reply, "streaming"))).await;
    within(SEEN, "end", of_quiet.until_that(shows(&begun.reply, "done"))).await;
    valve.open();
    // It has half a minute in all.
    near.extend(here.until_end(&sent.reply).await);
    let stored = text(&nodes[0].last_message(&conversation).await["text"]);
    assert_eq!(folded(&near, &sent.reply), stored);
    for (viewer, frames) in there.iter_mut().zip(&mut far) {
        frames.extend(until_end(viewer, &sent.reply).await);
        let last = frames.iter().rposition(|frame| frame.event == "snapshot").unwrap();
        assert!(20 < frames.len() - last, "it is live again");
        assert_eq!(folded(frames, &sent.reply), stored, "and what was shown never got shorter");
        assert_eq!((frames.last().unwrap().event.as_str(), count(frames, Frame::is_end)), ("done", 1));
    }
    // The log of the other one goes on too.
    let next = nodes[2].send(&quiet, &Script::default()).await;
    let frames = until_end(&mut of_quiet, &next.reply).await;
    assert!(0 < count(&frames, |frame| frame.event == "token"), "live");
}

#[tokio::test(flavor = "multi_thread")]
async fn f27_where_redis_has_no_room_replies_go_on_and_no_further_one_is_begun() {
    let Some(server) = own_redis("") else { return };
    let (url, prefix) = (server.url(), server.options().prefix);
    let flags = [format!("--redis-url={url}"), format!("--redis-prefix={prefix}")];
    let Some(nodes) = Nodes::with(2, &[&flags[0], &flags[1]], Bounds::default()).await else { return };
    let [conversation, other, quiet] =
        [nodes[0].conversation().await, nodes[0].conversation().await, nodes[0].conversation().await];
    let sent = nodes[0].send(&conversation, &long(1_200, 20)).await;
    let short = nodes[0].send(&other, &long(250, 20)).await;
    let mut here = nodes[0].follow(&conversation, None).await;
    let mut there = nodes[1].follow(&conversation, None).await;
    let (mut of_other, mut of_quiet) = (viewer(&nodes, 1, &other).await, viewer(&nodes, 1, &quiet).await);
    let (mut near, mut far) = (here.until_that(tokens(20)).await, there.until_that(tokens(20)).await);
    let limit = async |bytes: &str| -> () { server.ask(cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes)).await };
    limit("1").await;
    // Its own viewers go on, after one snapshot; the others are shown what is stored.
    near.extend(here.until("snapshot").await);
    near.extend(here.until_that(tokens(40)).await);
    for _ in 0..3 {
        far.extend(within(SEEN, "stored text", there.until("snapshot")).await);
    }
    rename(&nodes, 0, &quiet, "Without room").await;
    within(SEEN, "title", of_quiet.until_that(is_named("Without room"))).await;
    within(SEEN, "end", of_other.until_that(shows(&short.reply, "done"))).await;
    let path = format!("/api/v1/conversations/{quiet}/messages");
    until(async || nodes[1].state.journals.is_full()).await;
    let refused = nodes[1].post(&path, json!({ "content": "One more?" })).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    limit("0").await;
    near.extend(until_end(&mut here, &sent.reply).await);
    far.extend(until_end(&mut there, &sent.reply).await);
    let stored = text(&nodes[0].last_message(&conversation).await["text"]);
    for frames in [&near, &far] {
        assert_eq!(folded(frames, &sent.reply), stored);
        assert_eq!((frames.last().unwrap().event.as_str(), count(frames, Frame::is_end)), ("done", 1));
    }
    let last = far.iter().rposition(|frame| frame.event == "snapshot").unwrap();
    assert!(20 < far.len() - last, "it is live again");
    until(async || !nodes[1].state.journals.is_full()).await;
    let next = nodes[1].send(&quiet, &Script::default()).await;
    until_end(&mut of_quiet, &next.reply).await;
}
