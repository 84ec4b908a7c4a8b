//! What is sent: addresses, keys, bodies, and the operator's parameters in them.

use crate::tests::app::{App, Folder, Sent};
use crate::tests::upstream::Upstream;
use crate::tests::upstream::script::Script;
use crate::tests::upstream::state::Seen;
use serde_json::{Value, json};

/// Sends a conversation of two turns with instructions to a model, and returns what the upstream saw.
async fn seen(app: &App, model: &str) -> Seen {
    app.upstream.reset();
    let made = app.post("/api/v1/conversations", json!({ "model": model, "system": "Be kind." })).await;
    let made: Value = made.json().await.unwrap();
    let id = made["id"].as_str().unwrap();
    for content in ["Hello", "Again"] {
        let sent = app.post(&format!("/api/v1/conversations/{id}/messages"), json!({ "content": content })).await;
        let sent = Sent::of(&sent.json().await.unwrap());
        app.rest_of(id, &sent).await;
    }
    app.upstream.seen().pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_api_is_asked_in_its_own_words() {
    let app = App::start().await;
    let said = Script::default().full_text();
    let turns = json!([
        { "role": "user", "content": "Hello" },
        { "role": "assistant", "content": said },
        { "role": "user", "content": "Again" },
    ]);
    let with_system = {
        let mut turns = turns.as_array().unwrap().clone();
        turns.insert(0, json!({ "role": "system", "content": "Be kind." }));
        Value::from(turns)
    };
    let part = |role: &str, text: &str| json!({ "role": role, "parts": [{ "text": text }] });
    let gemini = json!({
        "contents": [part("user", "Hello"), part("model", &said), part("user", "Again")],
        "systemInstruction": { "parts": [{ "text": "Be kind." }] },
    });
    let cases = [
        (
            "responses/m",
            "/v1/responses",
            "authorization",
            json!({ "model": "m", "stream": true, "store": false, "input": turns, "instructions": "Be kind." }),
        ),
        ("gemini/m", "/v1beta/models/m:streamGenerateContent", "x-goog-api-key", gemini),
        ("ollama/m", "/api/chat", "accept", json!({ "model": "m", "stream": true, "messages": with_system })),
        (
            "mistral/m",
            "/mistral/v1/chat/completions",
            "authorization",
            json!({ "model": "m", "stream": true, "messages": with_system }),
        ),
        (
            "openai/m",
            "/v1/chat/completions",
            "authorization",
            json!({ "model": "m", "stream": true, "stream_options": { "include_usage": true }, "messages": with_system }),
        ),
        (
            "anthropic/m",
            "/v1/messages",
            "x-api-key",
            json!({ "model": "m", "stream": true, "max_tokens": 32000, "messages": turns, "system": "Be kind." }),
        ),
    ];
    for (model, path, header, body) in cases {
        let seen = seen(&app, model).await;
        assert_eq!((seen.path.as_str(), &seen.body), (path, &body), "{model}");
        let value = &seen.headers[header];
        assert!(value.ends_with("key-of-the-test") || value == "application/x-ndjson", "{model}: {value}");
        assert!(!seen.headers.contains_key("cookie") && !seen.headers.contains_key("origin"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_models_name_stays_within_its_place_in_the_address() {
    let app = App::start().await;
    let path = seen(&app, "gemini/../../x?y#z%2e").await.path;
    assert_eq!(path, "/v1beta/models/..%2F..%2Fx%3Fy%23z%252e:streamGenerateContent");
    assert_eq!(seen(&app, "gemini/models/x").await.path, "/v1beta/models/x:streamGenerateContent");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_laid_over_the_request_those_of_a_model_over_those_of_its_provider() {
    let (folder, upstream) = (Folder::new(), Upstream::start().await);
    let toml = format!(
        r#"
        [providers.work]
        kind = "anthropic"
        base_url = "{url}"
        parameters = {{ max_tokens = 9, thinking = {{ type = "adaptive", display = "omitted" }} }}
        models = [{{ id = "m", parameters = {{ thinking = {{ display = "summarized" }}, stop_sequences = ["x"] }} }}]

        [providers.more]
        kind = "anthropic"
        base_url = "{url}"
        "#,
        url = upstream.url()
    );
    let path = folder.0.join("two.toml");
    std::fs::write(&path, toml).unwrap();
    let app = App::on(folder, upstream, &[&format!("--config={}", path.display())]).await;
    let body = seen(&app, "work/m").await.body;
    assert_eq!(body["max_tokens"], 9);
    assert_eq!(body["thinking"], json!({ "type": "adaptive", "display": "summarized" }));
    assert_eq!((&body["stop_sequences"], &body["stream"]), (&json!(["x"]), &json!(true)));
    assert_eq!(seen(&app, "work/other").await.body["thinking"]["display"], "omitted");
    assert_eq!(seen(&app, "more/m").await.body["max_tokens"], 32_000);
}
