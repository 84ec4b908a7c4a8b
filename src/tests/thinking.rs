//! How long a model thinks: one duration for live, late and later viewers.

use super::app::{App, Frame, text};
use super::upstream::script::Script;
use serde_json::{Value, json};
use std::time::Duration;

/// Thinks aloud, then in silence for this long, then speaks.
fn thinks(thinking: usize, silence_ms: u64) -> Script {
    Script { thinking, thinking_ms: silence_ms, pieces: 3, ..Script::default() }
}

fn thoughts(frames: &[Frame]) -> Vec<&Frame> {
    frames.iter().filter(|frame| frame.event == "thinking").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn thinking_tells_when_it_began_and_how_long_it_took() {
    let app = App::start().await;
    for model in ["anthropic/mock", "openai/mock"] {
        let conversation = app.conversation().await;
        let sent = app.send_to(&conversation, &thinks(2, 300), model).await;
        let frames = app.rest_of(&conversation, &sent).await;
        let thoughts = thoughts(&frames);
        assert!(thoughts[0].data["since"].is_string(), "{thoughts:?}");
        let told = thoughts.last().unwrap().data["ms"].as_u64().unwrap();
        assert!((250..5_000).contains(&told), "{told} ms");
        let others = &thoughts[1..thoughts.len() - 1];
        assert!(others.iter().all(|frame| frame.data.get("since").is_none() && frame.data.get("ms").is_none()));
        let message = app.last_message(&conversation).await;
        assert_eq!(message["thinking_ms"], told);
        assert_eq!(message["thinking"], "thought0 thought1");
        assert_eq!(message.get("thinking_since"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_viewer_learns_since_when_a_silent_model_thinks() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { thinking: 1, silence_after: Some(0), ..Script::default() }).await;
    let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
    let first = events.until("thinking").await.pop().unwrap();
    assert_eq!(first.data["text"], "", "the block opens before it has a word");
    let draft = &app.snapshot(&conversation).await["draft"];
    assert_eq!(draft["thinking_since"], first.data["since"]);
    assert_eq!(draft.get("thinking_ms"), None);

    // What another process would show, once it is kept.
    let reply = sent.reply.parse().unwrap();
    let kept = async {
        while app.state.store.message(reply).await.unwrap().unwrap().0.thinking_since.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), kept).await.expect("a checkpoint");

    app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
    let rest = events.until_end(&sent.reply).await;
    let told = thoughts(&rest).last().unwrap().data["ms"].as_u64().unwrap();
    let message = app.last_message(&conversation).await;
    assert_eq!((&message["thinking_ms"], &message["status"]), (&json!(told), &json!("stopped")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_without_thinking_says_nothing_of_it() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    let frames = app.rest_of(&conversation, &sent).await;
    assert_eq!(thoughts(&frames), Vec::<&Frame>::new());
    assert_eq!(app.last_message(&conversation).await.get("thinking_ms"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_thought_is_never_sent_back() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let first = app.send(&conversation, &thinks(3, 0)).await;
    app.rest_of(&conversation, &first).await;
    let second = app.send(&conversation, &thinks(1, 0)).await;
    app.rest_of(&conversation, &second).await;
    app.post(&format!("/api/v1/replies/{}/continue", second.reply), json!({})).await;
    app.upstream.ended(3).await.unwrap();
    for seen in app.upstream.seen() {
        assert!(!seen.body.to_string().contains("thought0"), "{}", seen.body);
    }
    let history: Vec<Value> = app.upstream.seen()[2].body["messages"].as_array().unwrap().clone();
    assert_eq!(text(&history[1]["content"]), "t0 t1 t2");
}
