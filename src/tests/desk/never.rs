//! What visitors never get, by any door (A52).

use super::{Desk, INSTRUCTIONS, Visitor};
use crate::tests::app::{directive, text};
use crate::tests::upstream::script::Script;
use reqwest::{Method, StatusCode};
use serde_json::json;

/// Of the instructions, the thinking, the model, the provider's error and stop word, and the agent's account.
const CANARIES: [&str; 8] =
    [INSTRUCTIONS, "thought1", "anthropic", "mock", "canary-of-the-provider", "end_turn", "Agatha", "input_tokens"];

fn assert_none(door: &str, answer: &str) {
    for canary in CANARIES {
        assert!(!answer.contains(canary), "{door} tells {canary}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a52_what_visitors_never_get() {
    let desk = Desk::with(&[], json!({ "agent_names": "team" })).await;
    let who = Visitor::new();
    let script = Script { pieces: 90, thinking: 90, gap_ms: 25, ..Script::default() };
    let begun = desk.begin(&who, &script).await;
    assert_none("a send", &begun.to_string());
    let (conversation, cursor) = (text(&begun["conversation"]), text(&begun["cursor"]));
    // Live.
    let mut events = desk.follow(&who, &conversation, &cursor).await;
    let live = events.until_end(&text(&begun["reply"]["id"])).await;
    assert!(live.iter().any(|frame| frame.event == "thinking"), "thoughts are replaced and not dropped");
    assert_none("live events", &format!("{live:?}"));
    crate::tests::app::assert_contiguous(&live);
    // Resumed, and so far behind that pieces are merged.
    let mut late = desk.follow(&who, &conversation, &cursor).await;
    let merged = late.until_end(&text(&begun["reply"]["id"])).await;
    assert!(merged.iter().any(|frame| frame.data["first"].is_u64()), "it is behind");
    assert_none("merged events", &format!("{merged:?}"));
    // An error of the provider, an agent, and what comes after.
    let failing = Script { error_after: Some(2), ..Script::default() };
    let failed = desk.say(&who, &conversation, &directive(&failing)).await;
    let mut events = desk.follow(&who, &conversation, &text(&failed["cursor"])).await;
    let frames = events.until_end(&text(&failed["reply"]["id"])).await;
    assert_eq!(frames.last().unwrap().data["kind"], "failed");
    assert_none("an error", &format!("{frames:?}"));
    assert_eq!(desk.try_answer(&conversation, json!({ "content": "Here." })).await.status(), StatusCode::ACCEPTED);
    assert_none("an answer", &format!("{:?}", events.until("message").await));
    let newest = desk.seen(&who, &conversation).await["messages"].as_array().unwrap().last().unwrap()["id"].clone();
    let newest = text(&newest);
    for path in [
        format!("/conversations/{conversation}"),
        format!("/conversations/{conversation}/messages?before={newest}"),
        "/conversations".to_owned(),
        format!("/c/{conversation}"),
        String::new(),
    ] {
        let answer = desk.visitor(&who, Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_none(&path, &answer.text().await.unwrap());
    }
    // A snapshot by the stream.
    let mut events = desk.follow(&who, &conversation, "").await;
    assert_none("a snapshot", &format!("{:?}", events.next().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sees_neither_instructions_nor_parameters() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let path = format!("/api/v1/conversations/{conversation}");
    let seen = desk.agent(Method::GET, &path).send().await.unwrap().text().await.unwrap();
    assert!(!seen.contains(INSTRUCTIONS) && seen.contains("\"access\":\"agent\""), "{seen}");
    let mut events = desk.watch(&conversation).await;
    let first = format!("{:?}", events.next().await);
    assert!(!first.contains(INSTRUCTIONS), "{first}");
    let sites = desk.agent(Method::GET, "/api/v1/sites").send().await.unwrap().text().await.unwrap();
    assert!(sites.contains("The Shop") && !sites.contains(INSTRUCTIONS), "{sites}");
}
