//! A conversation that is longer than its model can read.

use super::app::App;
use super::upstream::script::Script;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_cannot_read_is_left_out_from_the_oldest_on_and_the_reply_says_so() {
    // Each question and each answer is about 25 tokens, and 65 are for them.
    let app = App::configured(
        r#"[providers.anthropic]
           kind = "anthropic"
           base_url = "URL"
           models = [{ id = "mock", context = 100 }]"#,
    )
    .await;
    let conversation = app.conversation().await;
    let system = json!({ "system": "Be brief." });
    let path = format!("/api/v1/conversations/{conversation}");
    app.request(reqwest::Method::PATCH, &path).json(&system).send().await.unwrap();
    let script = Script { text: Some("answer ".repeat(14)), ..Script::default() };
    for _ in 0..3 {
        app.upstream.push(script.clone());
    }
    let mut told = Vec::new();
    for number in 0..3 {
        let words = format!("Question {number}: {}", "words ".repeat(14));
        let path = format!("/api/v1/conversations/{conversation}/messages");
        let sent: Value = app.post(&path, json!({ "content": words })).await.json().await.unwrap();
        let sent = super::app::Sent::of(&sent);
        app.rest_of(&conversation, &sent).await;
        told.push(app.last_message(&conversation).await["left_out"].as_u64().unwrap_or(0));
    }
    assert_eq!(told, [0, 2, 4]);
    let seen = &app.upstream.seen()[2].body;
    assert_eq!(seen["system"], "Be brief.");
    assert_eq!(seen["messages"].as_array().unwrap().len(), 1);
    let opened = app.follow(&conversation, None).await.next().await.unwrap();
    assert_eq!(opened.data["messages"].as_array().unwrap().len(), 6, "people still see all of it");
}
