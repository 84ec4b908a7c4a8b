//! Tokens: what a provider counted, what is estimated where it did not, and whose usage it is.

use super::app::{App, problem};
use super::upstream::script::Script;
use crate::model::Usage;
use reqwest::Method;
use serde_json::{Value, json};

async fn used(app: &App) -> Vec<Value> {
    let used: Value = app.get("/api/v1/usage").await.json().await.unwrap();
    used["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_is_summed_by_day_and_model_and_outlives_the_conversation() {
    let app = App::start().await;
    assert_eq!(used(&app).await, Vec::<Value>::new());
    let conversation = app.conversation().await;
    for model in ["anthropic/mock", "anthropic/mock", "openai/mock"] {
        let sent = app.send_to(&conversation, &Script::default(), model).await;
        app.rest_of(&conversation, &sent).await;
    }
    app.request(Method::DELETE, &format!("/api/v1/conversations/{conversation}")).send().await.unwrap();
    let used = used(&app).await;
    assert_eq!(used.len(), 2);
    let day = jiff::Timestamp::now().to_string()[..10].to_owned();
    let first = json!({ "day": day, "model": "anthropic/mock", "input_tokens": 22, "output_tokens": 40, "replies": 2 });
    assert_eq!(used[0], first);
    assert_eq!((&used[1]["model"], &used[1]["replies"]), (&json!("openai/mock"), &json!(1)));
    for bad in ["0", "367"] {
        let answer = app.get(&format!("/api/v1/usage?days={bad}")).await;
        assert_eq!(problem(answer, 422).await["field"], "days");
    }
    problem(app.stranger(Method::GET, "/api/v1/usage").send().await.unwrap(), 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_counts_nonsense_does_not_lock_the_account_out() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    for tokens in [i64::MAX as u64, u64::MAX] {
        let counted = json!({ "choices": [], "usage": { "prompt_tokens": tokens, "completion_tokens": tokens } });
        let said = json!({ "choices": [{ "delta": { "content": "Yes." }, "finish_reason": "stop" }] });
        let script = Script {
            status: Some(200),
            content_type: Some("text/event-stream".into()),
            body: Some(format!("data: {said}\n\ndata: {counted}\n\ndata: [DONE]\n\n")),
            ..Script::default()
        };
        let sent = app.send_to(&conversation, &script, "openai/mock").await;
        assert_eq!(app.rest_of(&conversation, &sent).await.last().unwrap().event, "done");
    }
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    let used = used(&app).await;
    let counted = used.iter().find(|item| item["model"] == "openai/mock").unwrap();
    assert_eq!((&counted["input_tokens"], &counted["replies"]), (&json!(2_000_000_000), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_title_costs_is_on_the_account_that_the_guest_who_asked_is_by_now() {
    let mut app = App::start().await;
    let guest = app.cookie.clone();
    app.cookie = app.new_cookie().await;
    app.sign_up("Ann").await;
    let ann = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    let anns = std::mem::replace(&mut app.cookie, guest);
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    let reply = sent.reply.parse().unwrap();
    let guest = app.state.store.message(reply).await.unwrap().unwrap().2;
    app.state.store.merge(guest, ann).await.unwrap();
    let usage = Usage { input_tokens: 5, ..Usage::default() };
    app.state.store.charge_title((reply, guest), "small", usage).await.unwrap();
    app.cookie = anns;
    assert!(used(&app).await.iter().any(|it| it["model"] == "small" && it["input_tokens"] == 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_provider_counts_nothing_the_usage_is_estimated_and_says_so() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { usage: false, text: Some("12345678".into()), ..Script::default() };
    let sent = app.send_to(&conversation, &script, "openai/mock").await;
    let frames = app.rest_of(&conversation, &sent).await;
    let asked = super::app::directive(&script).chars().count().div_ceil(4);
    let expected = json!({ "input_tokens": asked, "output_tokens": 2, "estimated": true });
    assert_eq!(frames.last().unwrap().data["usage"], expected);
    assert_eq!(app.last_message(&conversation).await["usage"], expected);
    assert_eq!(used(&app).await[0]["estimated"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_reply_keeps_what_was_reported_and_its_viewers_are_told() {
    let app = App::start().await;
    // The count at the beginning is the input; the output would have come at the end.
    for (model, asked) in [("anthropic/mock", Some(11)), ("openai/mock", None)] {
        let conversation = app.conversation().await;
        let script = Script { silence_after: Some(4), ..Script::default() };
        let sent = app.send_to(&conversation, &script, model).await;
        let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
        events.until("token").await;
        app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
        let told = events.until_end(&sent.reply).await.pop().unwrap();
        let usage = &app.last_message(&conversation).await["usage"];
        assert_eq!(&told.data["usage"], usage);
        let answered = app.last_message(&conversation).await["text"].as_str().unwrap().chars().count().div_ceil(4);
        assert_eq!((&usage["estimated"], &usage["output_tokens"]), (&json!(true), &json!(answered)), "{model}");
        assert!(asked.is_none_or(|asked| usage["input_tokens"] == asked), "{usage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_never_began_costs_nothing() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { status: Some(401), ..Script::default() }).await;
    app.rest_of(&conversation, &sent).await;
    assert_eq!(app.last_message(&conversation).await["usage"], Value::Null);
    assert_eq!(used(&app).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_a_price_costs_something_and_a_new_price_changes_nothing_that_was_paid() {
    let toml = r#"[providers.anthropic]
        kind = "anthropic"
        base_url = "URL"
        models = [{ id = "mock", price = { input = 2.5, output = 10 } }]"#;
    let app = App::configured(toml).await;
    let conversation = app.conversation().await;
    // 11 tokens in and 20 out are 27.5 and 200 millionths.
    let sent = app.send_to(&conversation, &Script::default(), "anthropic/mock").await;
    let frames = app.rest_of(&conversation, &sent).await;
    assert_eq!(frames.last().unwrap().data["usage"]["cost_micros"], 228);
    let dearer = toml.replace("2.5", "1000").replace("URL", app.upstream.url());
    std::fs::write(app.folder.0.join("own.toml"), dearer).unwrap();
    app.state.reload();
    assert_eq!(app.last_message(&conversation).await["usage"]["cost_micros"], 228);
    assert_eq!(used(&app).await[0]["cost_micros"], 228);

    let sent = app.send_to(&conversation, &Script::default(), "anthropic/mock").await;
    app.rest_of(&conversation, &sent).await;
    assert_eq!(used(&app).await[0]["cost_micros"], 228 + 11_200);
    // One without a price neither costs nor forgets.
    let sent = app.send_to(&conversation, &Script::default(), "openai/mock").await;
    app.rest_of(&conversation, &sent).await;
    assert_eq!(app.last_message(&conversation).await["usage"].get("cost_micros"), None);
    let spent = app.post("/api/usage", json!({ "conversation": conversation })).await;
    let spent: Value = spent.json().await.unwrap();
    assert_eq!(spent["conversation"]["cost_micros"], 228 + 11_200);
    assert_eq!(spent["today"]["cost_micros"], 228 + 11_200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stateless_answer_is_counted_also_where_the_provider_counts_nothing() {
    let app = App::start().await;
    let script = Script { usage: false, text: Some("12345678".into()), ..Script::default() };
    let content = super::app::directive(&script);
    let body = json!({ "messages": [{ "role": "user", "content": content }], "model": "openai/mock" });
    app.post("/chat/stream", body).await.text().await.unwrap();
    let written = async || {
        while used(&app).await.is_empty() {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), written()).await.unwrap();
    let used = &used(&app).await[0];
    assert_eq!(
        (&used["input_tokens"], &used["output_tokens"]),
        (&json!(content.chars().count().div_ceil(4)), &json!(2))
    );
    assert_eq!(used["estimated"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn z07_a_stateless_answer_without_a_word_is_failed_and_paid_for() {
    let app = App::start().await;
    let content = super::app::directive(&Script { pieces: 0, usage: false, ..Script::default() });
    let body = json!({ "messages": [{ "role": "user", "content": content }], "model": "openai/mock" });
    let told = app.post("/chat/stream", body).await.text().await.unwrap();
    assert!(told.contains("event: error\n") && told.contains("\"kind\":\"empty\""), "{told}");
    let written = async || {
        while used(&app).await.is_empty() {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), written()).await.expect("what was asked is charged");
    let used = &used(&app).await[0];
    assert_eq!(
        (&used["input_tokens"], &used["estimated"]),
        (&json!(content.chars().count().div_ceil(4)), &json!(true))
    );
}
