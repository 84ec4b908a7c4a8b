//! Two nodes with all their parts, on one database and one Redis.

use super::redis_connection::heard;
use super::{apps, stands};
use crate::server::backplane::redis::Kind;
use crate::tests::app::{App, Folder, Frame, problem, settings};
use crate::tests::services::{Valve, own_redis, redis_options};
use crate::tests::upstream::Upstream;
use crate::tests::upstream::script::Script;
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn s16_a_stop_at_one_node_is_heard_by_the_one_that_writes() {
    let Some((app, second)) = apps(&[]).await else { return };
    let script = Script { pieces: 2_000, gap_ms: 20, ..Script::default() };
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &script).await;
    app.upstream.until(1, |seen| 5 <= seen.pieces).await.unwrap();
    let mut stops = app.state.redis.as_ref().unwrap().listen(Kind::Stop);
    let stopped = second.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
    assert_eq!(stopped.status(), StatusCode::ACCEPTED);
    assert_eq!(heard(&mut stops).await.1, sent.reply.as_bytes());
    let frames = app.rest_of(&conversation, &sent).await;
    assert_eq!(frames.last().unwrap().event, "stopped");
}

/// Without a word of it in the database, which is what makes it sure.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hears_of_a_stop_ends_the_reply_at_once() {
    let Some((app, second)) = apps(&[]).await else { return };
    let script = Script { pieces: 2_000, gap_ms: 20, ..Script::default() };
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &script).await;
    app.upstream.until(1, |seen| 5 <= seen.pieces).await.unwrap();
    let (id, reply) = (conversation.parse().unwrap(), sent.reply.parse().unwrap());
    second.state.redis.as_ref().unwrap().stop(id, reply, app.state.store.process()).await;
    let frames = timeout(Duration::from_secs(20), app.rest_of(&conversation, &sent)).await.unwrap();
    assert_eq!(frames.last().unwrap().event, "stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_a_limit_that_is_used_up_at_one_node_is_used_up_at_another() {
    let Some((app, second)) = apps(&["--sends-per-minute=3"]).await else { return };
    let conversation = app.conversation().await;
    for node in [&app, &second, &app] {
        let sent = node.send(&conversation, &Script::default()).await;
        node.rest_of(&conversation, &sent).await;
    }
    for node in [&second, &app] {
        let path = format!("/api/v1/conversations/{conversation}/messages");
        let refused = node.post(&path, json!({ "content": "And a fourth?" })).await;
        assert!(refused.headers().contains_key("retry-after"));
        problem(refused, 429).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s15_a_node_that_is_set_to_redis_is_not_ready_without_it_and_serves_on() {
    let Some(server) = own_redis("") else { return };
    let valve = Valve::new(server.socket());
    let url = format!("--redis-url={}", valve.url());
    let app = App::on(Folder::new(), Upstream::start().await, &[&url]).await;
    let conversation = app.conversation().await;
    assert_eq!(app.get("/readyz").await.status(), StatusCode::OK);
    let joined = |app: &App| {
        app.metrics().lines().find_map(|line| line.strip_prefix("rivulet_redis_joined ").map(str::to_owned))
    };
    assert_eq!(joined(&app).as_deref(), Some("1"));
    valve.shut();
    stands(app.state.redis.as_ref().unwrap(), false).await;
    let why = problem(app.get("/readyz").await, 503).await;
    assert!(why["detail"].as_str().unwrap().contains("Redis"), "{why}");
    assert_eq!(joined(&app).as_deref(), Some("0"));
    assert!(app.metrics().contains("rivulet_redis_losses_total 1"), "{}", app.metrics());
    let sent = app.send(&conversation, &Script::default()).await;
    // That it is alone now may have made a snapshot of what was sent a moment before.
    let mut viewer = app.follow(&conversation, Some(&sent.cursor)).await;
    let is_done = |frame: &Frame| {
        let newest = frame.data["messages"].as_array().and_then(|messages| messages.last());
        frame.event == "done" || newest.is_some_and(|newest| newest["id"] == sent.reply && newest["status"] == "done")
    };
    viewer.until_that(is_done).await;
    valve.open();
    stands(app.state.redis.as_ref().unwrap(), true).await;
    assert_eq!(app.get("/readyz").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_start_says_which_of_four_ways_it_is_and_no_password() {
    let (folder, upstream) = (Folder::new(), Upstream::start().await);
    let mode = |flags: &[&str]| settings(&folder, &upstream, flags).mode();
    let sqlite = format!("--database-url={}", folder.sqlite());
    let (postgres, redis) = ("--database-url=postgres://ann:s3cret@db/chat", "--redis-url=redis://ann:s3cret@cache");
    let modes = [mode(&[&sqlite]), mode(&[&sqlite, redis]), mode(&[postgres]), mode(&[postgres, redis])];
    for (index, mode) in modes.iter().enumerate() {
        assert!(!mode.contains("s3cret"), "{mode}");
        assert!(!modes[..index].contains(mode), "{mode}");
        assert_eq!(mode.contains("cache:6379"), index % 2 == 1, "{mode}");
        assert_eq!(mode.contains("live text"), index % 2 == 1, "{mode}");
    }
    let stranger = redis_options("redis://ann:s3cret@cache");
    assert!(!format!("{stranger:?} {:?}", settings(&folder, &upstream, &[redis])).contains("s3cret"));
}

/// As the two processes of an update: what one of them writes is live at the other.
#[tokio::test(flavor = "multi_thread")]
async fn s16_text_is_live_between_two_processes_on_one_file_too() {
    let Some((app, second)) = apps(&[]).await else { return };
    let conversation = app.conversation().await;
    let mut there = second.follow(&conversation, None).await;
    there.until("snapshot").await;
    let sent = app.send(&conversation, &Script { pieces: 60, gap_ms: 20, ..Script::default() }).await;
    let frames = there.until_end(&sent.reply).await;
    let count = |event: &str| frames.iter().filter(|frame| frame.event == event).count();
    assert!(
        10 < count("token") && count("snapshot") == 0,
        "{} pieces, {} snapshots",
        count("token"),
        count("snapshot")
    );
}
