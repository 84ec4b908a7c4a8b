//! `POST /chat/stream`: the stateless contract.

use super::app::{App, Sse, problem, said};
use super::upstream::script::Script;
use reqwest::Method;
use serde_json::{Value, json};

fn turns(count: usize) -> Value {
    let turn = |index| json!({ "role": if index % 2 == 0 { "user" } else { "assistant" }, "content": "x" });
    (0..count).map(turn).collect()
}

async fn ask(app: &App, body: &Value) -> reqwest::Response {
    app.stranger(Method::POST, "/chat/stream").json(body).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_body_streams_token_and_done() {
    let app = App::start().await;
    let script = Script { pieces: 40, multibyte: true, ..Script::default() };
    app.upstream.script(script.clone());
    for messages in [turns(1), turns(49)] {
        let mut events = Sse::new(ask(&app, &json!({ "messages": messages })).await);
        let frames = events.until("done").await;
        assert_eq!(said(&frames), script.full_text());
        let done = &frames.last().unwrap().data;
        assert_eq!(done["stop_reason"], "end_turn");
        assert_eq!(done["usage"]["input_tokens"], 11);
        assert_eq!(done["usage"]["output_tokens"], 40);
        assert_eq!(events.next().await, None, "the stream ends");
    }
    assert_eq!(app.upstream.seen()[1].body["messages"].as_array().unwrap().len(), 49);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_did_not_count_is_estimated_and_called_so() {
    let app = App::start().await;
    app.upstream.script(Script { text: Some("12345678".into()), usage: false, ..Script::default() });
    let frames = Sse::new(ask(&app, &json!({ "messages": turns(1) })).await).until("done").await;
    let usage = &frames.last().unwrap().data["usage"];
    assert_eq!((&usage["output_tokens"], &usage["estimated"]), (&json!(2), &json!(true)), "{usage}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_message_is_taken_and_a_longer_one_is_not() {
    let app = App::start().await;
    let body = |length: usize| json!({ "messages": [{ "role": "user", "content": "é".repeat(length) }] });
    Sse::new(ask(&app, &body(4_000)).await).until("done").await;
    assert_eq!(problem(ask(&app, &body(4_001)).await, 422).await["field"], "messages[0].content");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let app = App::start().await;
    let one = |role: &str, content: Value| json!({ "messages": [{ "role": role, "content": content }] });
    for (body, field) in [
        (json!({ "messages": turns(51) }), "messages"),
        (json!({ "messages": [] }), "messages"),
        (json!({}), "messages"),
        (json!({ "messages": "hello" }), "messages"),
        (one("system", json!("x")), "messages[0].role"),
        (one("assistant", json!("x")), "messages[0].role"),
        (one("user", json!("")), "messages[0].content"),
        (one("user", json!(["x"])), "messages[0].content"),
        (json!({ "messages": [{ "role": "user" }] }), "messages[0]"),
        (json!({ "messages": turns(1), "model": "nobody/model" }), "model"),
    ] {
        let told = problem(ask(&app, &body).await, 422).await;
        let named = told["field"].as_str().unwrap();
        assert!(named.starts_with(field), "{named} for {field}");
    }
    let raw = |body: Vec<u8>| app.stranger(Method::POST, "/chat/stream").body(body);
    let json = ("content-type", "application/json");
    for broken in ["{", "", "{\"messages\": [}", "\u{feff}"] {
        let answer = raw(broken.into()).header(json.0, json.1).send().await.unwrap();
        problem(answer, 400).await;
    }
    let deep = format!("{{\"x\":{}", "[".repeat(100_000));
    problem(raw(deep.into()).header(json.0, json.1).send().await.unwrap(), 400).await;
    problem(raw(vec![b'x'; 1 << 20]).header(json.0, json.1).send().await.unwrap(), 413).await;
    problem(raw(b"messages=x".to_vec()).send().await.unwrap(), 415).await;
    problem(app.get("/chat/stream").await, 405).await;
    assert_eq!(app.upstream.seen().len(), 0, "the provider was never asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_an_event() {
    let app = App::start().await;
    app.upstream.script(Script { error_after: Some(3), ..Script::default() });
    let mut events = Sse::new(ask(&app, &json!({ "messages": turns(1) })).await);
    let frames = events.until("error").await;
    assert_eq!(said(&frames), "t0 t1 t2");
    assert_eq!(frames.last().unwrap().data["kind"], "overloaded");
    assert_eq!(events.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_up_ends_it() {
    let app = App::start().await;
    app.upstream.script(Script { silence_after: Some(2), ..Script::default() });
    let mut events = Sse::new(ask(&app, &json!({ "messages": turns(1) })).await);
    events.until("token").await;
    drop(events);
    app.upstream.closed(1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_guests_it_asks_who_is_there() {
    let app = App::with(&["--guests=off"]).await;
    problem(ask(&app, &json!({ "messages": turns(1) })).await, 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_has_a_limit_as_well() {
    let app = App::with(&["--sends-per-minute=1"]).await;
    Sse::new(ask(&app, &json!({ "messages": turns(1) })).await).until("done").await;
    problem(ask(&app, &json!({ "messages": turns(1) })).await, 429).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_has_one_limit_with_all_the_addresses_of_its_network() {
    let app = App::with(&["--sends-per-minute=1", "--trusted-proxies=127.0.0.1"]).await;
    let ask = async |from: &str| {
        let body = json!({ "messages": turns(1) });
        let request = app.stranger(Method::POST, "/chat/stream").header("x-forwarded-for", from).json(&body);
        request.send().await.unwrap()
    };
    assert_eq!(ask("2001:db8::1").await.status(), 200);
    problem(ask("2001:db8::2").await, 429).await;
    assert_eq!(ask("2001:db8:0:1::1").await.status(), 200, "another network has its own");
}
