//! Whole nodes on one PostgreSQL and one Redis: what one of them writes, the viewers of the others see as it comes.

use crate::server::bounds::Bounds;
use crate::tests::app::{Frame, Sse, assert_contiguous, said, text};
use crate::tests::services::{Valve, own_redis, redis};
use crate::tests::several::Nodes;
use crate::tests::upstream::script::Script;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Longer than until a dead node is found and its replies are ended.
const PATIENCE: Duration = Duration::from_secs(20);

async fn nodes(count: usize) -> Option<Nodes> {
    let options = redis()?.options();
    let (url, prefix) = (format!("--redis-url={}", redis()?.url()), format!("--redis-prefix={}", options.prefix));
    Nodes::with(count, &[&url, &prefix], Bounds::default()).await
}

pub(super) fn long(pieces: usize, gap_ms: u64) -> Script {
    Script { pieces, gap_ms, ..Script::default() }
}

/// The text that a viewer of these frames has of the reply, and checks that it never got shorter.
pub(super) fn folded(frames: &[Frame], reply: &str) -> String {
    let mut shown = String::new();
    for frame in frames {
        match frame.event.as_str() {
            "snapshot" => {
                let messages = frame.data["messages"].as_array().unwrap();
                let stored = messages.iter().find(|message| message["id"] == reply).map(|it| text(&it["text"]));
                let draft = &frame.data["draft"];
                let drafted = (draft["reply"] == reply).then(|| text(&draft["text"]));
                let now = drafted.or(stored).unwrap_or_default();
                assert!(shown.len() <= now.len(), "{shown:?} became {now:?}");
                shown = now;
            }
            "token" if frame.data["reply"] == reply => shown.push_str(&text(&frame.data["text"])),
            _ => {}
        }
    }
    shown
}

pub(super) fn count(frames: &[Frame], is: impl Fn(&Frame) -> bool) -> usize {
    frames.iter().filter(|frame| is(frame)).count()
}

pub(super) async fn until_end(viewer: &mut Sse, reply: &str) -> Vec<Frame> {
    timeout(PATIENCE, viewer.until_end(reply)).await.expect("it does not end")
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_a_reply_of_one_node_is_seen_live_at_the_others() {
    let Some(nodes) = nodes(3).await else { return };
    let conversation = nodes[0].conversation().await;
    let mut viewers = Vec::new();
    for node in nodes.iter() {
        let mut viewer = node.follow(&conversation, None).await;
        assert_eq!(viewer.next().await.unwrap().event, "snapshot");
        viewers.push(viewer);
    }
    let sent = nodes[1].send(&conversation, &long(100, 20)).await;
    for (number, viewer) in viewers.iter_mut().enumerate() {
        let frames = until_end(viewer, &sent.reply).await;
        assert_eq!(count(&frames, |frame| frame.event == "snapshot"), 0, "node {number}");
        assert_contiguous(&frames);
        assert!(20 < count(&frames, |frame| frame.event == "token"), "it comes in pieces");
        assert_eq!(frames.last().unwrap().event, "done");
        assert_eq!(said(&frames), text(&nodes[0].last_message(&conversation).await["text"]), "node {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s17_a_node_is_killed_and_its_reply_ends_once_with_all_that_was_shown() {
    let Some(mut nodes) = nodes(3).await else { return };
    let conversation = nodes[1].conversation().await;
    let sent = nodes[0].send(&conversation, &long(5_000, 20)).await;
    let mut viewers = [nodes[1].follow(&conversation, None).await, nodes[2].follow(&conversation, None).await];
    let mut frames = Vec::new();
    for viewer in &mut viewers {
        let tokens = std::cell::Cell::new(0);
        let is_last = |frame: &Frame| {
            tokens.set(tokens.get() + usize::from(frame.event == "token"));
            30 < tokens.get()
        };
        frames.push(viewer.until_that(is_last).await);
    }
    nodes.kill(0);
    let killed = Instant::now();
    for (viewer, frames) in viewers.iter_mut().zip(&mut frames) {
        frames.extend(until_end(viewer, &sent.reply).await);
        assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    }
    let stored: Value = nodes[0].last_message(&conversation).await;
    assert_eq!(stored["status"], "interrupted");
    for frames in &frames {
        assert_eq!(frames.last().unwrap().event, "interrupted");
        assert_eq!(count(frames, Frame::is_end), 1);
        assert_eq!(count(frames, |frame| frame.event == "snapshot"), 1, "the log goes on where it was");
        assert_eq!(folded(frames, &sent.reply), text(&stored["text"]));
    }
    // The conversation goes on, at any node.
    let next = nodes[1].send(&conversation, &Script::default()).await;
    for viewer in &mut viewers {
        let frames = until_end(viewer, &next.reply).await;
        assert_eq!((count(&frames, Frame::is_end), count(&frames, |frame| frame.event == "snapshot")), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h12_a_rename_at_another_node_costs_nobody_a_snapshot() {
    let Some(nodes) = nodes(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let sent = nodes[0].send(&conversation, &long(100, 20)).await;
    let mut viewers = [nodes[0].follow(&conversation, None).await, nodes[1].follow(&conversation, None).await];
    for number in 0..10 {
        let title = json!({ "title": format!("Title {number}") });
        let path = format!("/api/v1/conversations/{conversation}");
        let changed = nodes[1].request(Method::PATCH, &path).json(&title).send().await.unwrap();
        assert!(changed.status().is_success());
    }
    let mut all = Vec::new();
    for viewer in &mut viewers {
        let frames = until_end(viewer, &sent.reply).await;
        assert_eq!(count(&frames, |frame| frame.event == "snapshot"), 1);
        assert!(10 <= count(&frames, |frame| frame.event == "conversation"));
        all.push(folded(&frames, &sent.reply));
    }
    assert_eq!(all[0], all[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn h13_a_viewer_who_changes_nodes_goes_on_where_they_were() {
    let Some(nodes) = nodes(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let sent = nodes[0].send(&conversation, &long(150, 20)).await;
    let (mut cursor, mut frames) = (sent.cursor.clone(), Vec::new());
    'moving: for move_number in 0.. {
        let mut viewer = nodes[move_number % 2].follow(&conversation, Some(&cursor)).await;
        assert_eq!(viewer.next().await.unwrap().event, "resumed", "after {move_number} moves");
        for _ in 0..3 {
            let Some(frame) = viewer.next().await else { continue 'moving };
            cursor.clone_from(&frame.id);
            let is_end = frame.is_end();
            frames.push(frame);
            if is_end {
                break 'moving;
            }
        }
    }
    assert_contiguous(&frames);
    assert_eq!(said(&frames), text(&nodes[1].last_message(&conversation).await["text"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_what_is_changed_at_one_node_is_in_the_lists_and_snapshots_of_another_at_once() {
    let Some(nodes) = nodes(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let mut viewer = nodes[1].follow(&conversation, None).await;
    viewer.next().await.unwrap();
    let path = format!("/api/v1/conversations/{conversation}");
    let title = json!({ "title": "Tides" });
    assert!(nodes[0].request(Method::PATCH, &path).json(&title).send().await.unwrap().status().is_success());
    let frames = viewer.until("conversation").await;
    assert_eq!(frames.last().unwrap().data["conversation"]["title"], "Tides");
    assert!(nodes[0].request(Method::DELETE, &path).send().await.unwrap().status().is_success());
    assert_eq!(viewer.until("deleted").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_redis_goes_away_and_comes_back_and_no_text_is_lost_or_doubled() {
    let Some(server) = own_redis("") else { return };
    let valve = Valve::new(server.socket());
    let Some(nodes) = Nodes::with(2, &[&format!("--redis-url={}", valve.url())], Bounds::default()).await else {
        return;
    };
    let conversation = nodes[0].conversation().await;
    let sent = nodes[0].send(&conversation, &long(600, 20)).await;
    let mut here = nodes[0].follow(&conversation, None).await;
    let mut there = nodes[1].follow(&conversation, None).await;
    let tokens = |most: usize| {
        let seen = std::cell::Cell::new(0);
        move |frame: &Frame| {
            seen.set(seen.get() + usize::from(frame.event == "token"));
            most < seen.get()
        }
    };
    let (mut near, mut far) = (here.until_that(tokens(20)).await, there.until_that(tokens(20)).await);
    valve.shut();
    // Its own viewers go on; the others are shown what is stored.
    near.extend(here.until("snapshot").await);
    near.extend(here.until_that(tokens(20)).await);
    for _ in 0..3 {
        far.extend(there.until("snapshot").await);
    }
    valve.open();
    near.extend(until_end(&mut here, &sent.reply).await);
    far.extend(until_end(&mut there, &sent.reply).await);
    let stored = text(&nodes[0].last_message(&conversation).await["text"]);
    assert_eq!(folded(&near, &sent.reply), stored);
    for frames in [&near, &far] {
        assert_eq!(frames.last().unwrap().event, "done");
        assert_eq!(count(frames, Frame::is_end), 1);
    }
    let last = far.iter().rposition(|frame| frame.event == "snapshot").unwrap();
    assert_eq!(folded(&far[last..], &sent.reply), stored, "it goes on from what it was shown last");
    assert!(20 < far.len() - last, "and live");
}
