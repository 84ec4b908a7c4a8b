//! Nodes that die, and nodes that are taken for dead (S17), as far as PostgreSQL alone brings it.

use super::{DEATH, Nodes, PATIENCE, SOON, within};
use crate::tests::app::{Frame, text};
use crate::tests::upstream::script::Script;
use serde_json::Value;

fn long() -> Script {
    Script { pieces: 4_000, gap_ms: 20, ..Script::default() }
}

/// The newest message of a snapshot.
fn last(frame: &Frame) -> Option<&Value> {
    if frame.event != "snapshot" {
        return None;
    }
    frame.data["messages"].as_array()?.last()
}

fn is(frame: &Frame, status: &str) -> bool {
    last(frame).is_some_and(|message| message["status"] == status)
}

async fn streaming(nodes: &Nodes) -> i64 {
    let open = sqlx::query_scalar("select count(*) from message where status = 'streaming'");
    open.fetch_one(&mut nodes.database.connect().await).await.unwrap()
}

#[tokio::test]
async fn s17_a_node_is_killed_and_its_reply_is_interrupted_with_all_that_was_shown_elsewhere() {
    let Some(mut nodes) = Nodes::start(3).await else { return };
    let conversation = nodes[0].conversation().await;
    let mut there = [nodes[1].follow(&conversation, None).await, nodes[2].follow(&conversation, None).await];
    nodes[0].send(&conversation, &long()).await;
    for viewer in &mut there {
        let long_enough = |frame: &Frame| last(frame).is_some_and(|it| 100 < it["text"].as_str().unwrap().len());
        viewer.until_that(long_enough).await;
    }
    nodes.kill(0);
    let mut texts = Vec::new();
    for viewer in &mut there {
        let frames = viewer.until_that(|frame| is(frame, "interrupted"));
        let frames = within(DEATH, "interruption", frames).await;
        let shown: Vec<_> = frames.iter().filter_map(last).map(|message| text(&message["text"])).collect();
        assert!(shown.windows(2).all(|pair| pair[1].starts_with(&pair[0])), "it shrinks: {shown:?}");
        texts.push(shown.last().unwrap().clone());
    }
    assert_eq!(texts[0], texts[1]);
    assert_eq!(streaming(&nodes).await, 0);
    // Both are asked, and go on.
    for number in 0..2 {
        let sent = nodes[number].send(&conversation, &Script::default()).await;
        assert_eq!(nodes[number].rest_of(&conversation, &sent).await.last().unwrap().event, "done");
    }
}

/// F16: as SIGSTOP of its process and SIGCONT.
#[tokio::test]
async fn a_node_that_was_declared_dead_leaves_its_replies_and_goes_on_as_another() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let (mut here, mut there) =
        (nodes[0].follow(&conversation, None).await, nodes[1].follow(&conversation, None).await);
    nodes[0].send(&conversation, &long()).await;
    here.until("token").await;
    // Of what is stored.
    there.until_that(|frame| last(frame).is_some_and(|message| message["text"] != "")).await;
    let former = nodes[0].process();
    let paused = nodes[0].pause().await;
    within(DEATH, "interruption", there.until_that(|frame| is(frame, "interrupted"))).await;
    let stored = nodes[1].last_message(&conversation).await;
    drop(paused);
    // Its own viewers are shown what everybody is.
    let frames = within(PATIENCE, "snapshot", here.until_that(|frame| is(frame, "interrupted"))).await;
    assert_eq!(last(frames.last().unwrap()).unwrap()["text"], stored["text"]);
    let ends = frames.iter().filter(|frame| frame.is_end()).count();
    assert!(ends <= 1, "{ends} ends");
    let is_another = async {
        while nodes[0].process() == former {
            nodes[0].get("/healthz").await;
        }
    };
    within(PATIENCE, "other process", is_another).await;
    within(SOON, "end at the model", nodes[0].upstream.ended(1)).await.unwrap();
    assert_eq!(nodes[1].last_message(&conversation).await, stored, "nothing was written after that");
    let sent = nodes[0].send(&conversation, &Script::default()).await;
    assert_eq!(nodes[0].rest_of(&conversation, &sent).await.last().unwrap().event, "done");
}

/// Of a machine that was suspended: sockets outlive it, and news does not.
#[tokio::test]
async fn a_node_that_was_away_for_longer_than_news_is_kept_has_its_viewers_look_again() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let mut here = nodes[0].follow(&conversation, None).await;
    here.until("snapshot").await;
    let process = nodes[0].process();
    let paused = nodes[0].pause().await;
    nodes.rename(1, &conversation, "Meanwhile").await;
    let mut database = nodes.database.connect().await;
    let dead = "select count(*) from node where dead_at is not null and process = $1";
    let mut is_dead =
        async || sqlx::query_scalar::<_, i64>(dead).bind(&process).fetch_one(&mut database).await.unwrap() == 1;
    within(DEATH, "verdict", async { while !is_dead().await {} }).await;
    sqlx::query("delete from news").execute(&mut nodes.database.connect().await).await.unwrap();
    drop(paused);
    let is_named = |frame: &Frame| frame.event == "snapshot" && frame.data["conversation"]["title"] == "Meanwhile";
    within(PATIENCE, "name", here.until_that(is_named)).await;
}

#[tokio::test]
async fn nodes_that_only_were_busy_are_not_taken_for_dead() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let mut here = nodes[0].follow(&conversation, None).await;
    let script = Script { pieces: 200, gap_ms: 20, ..Script::default() };
    nodes[0].send(&conversation, &script).await;
    here.until("token").await;
    let process = nodes[0].process();
    let paused = nodes[0].pause().await;
    // Three of the other's rounds.
    let beats = async |process: String| -> i64 {
        let beat = sqlx::query_scalar("select beat from node where process = $1").bind(process);
        beat.fetch_one(&mut nodes.database.connect().await).await.unwrap()
    };
    let before = beats(nodes[1].process()).await;
    within(PATIENCE, "beats", async { while beats(nodes[1].process()).await < before + 3 {} }).await;
    drop(paused);
    here.until("done").await;
    assert_eq!(nodes[0].process(), process);
    assert_eq!(nodes[1].last_message(&conversation).await["text"], script.full_text());
}
