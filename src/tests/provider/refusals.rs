//! Refused requests, in the words of public reports: what they mean, and what is done about it.

use crate::server::provider::FailureKind;
use crate::tests::app::{App, Frame, Sent};
use crate::tests::upstream::script::Script;
use reqwest::Method;
use serde_json::{Value, json};

pub(super) fn case(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The answer of a case that is one body.
fn answer(answer: &Value) -> Script {
    let whole = || answer["body_in_pieces"].as_array().unwrap().iter().map(|piece| piece.as_str().unwrap()).collect();
    let body = answer.get("body").map_or_else(whole, Value::to_string);
    Script { status: answer["status"].as_u64().map(|status| status as u16), body: Some(body), ..Script::default() }
}

/// Two models: the second is the fallback of the first.
fn two(kind: &str) -> String {
    let path = if kind == "openai" { "/v1" } else { "" };
    format!(
        r#"
        [providers.first]
        kind = "{kind}"
        base_url = "URL{path}"
        models = [{{ id = "big", fallback = "second/small" }}]
        [providers.second]
        kind = "openai"
        base_url = "URL/v1"
        models = [{{ id = "small" }}]"#
    )
}

/// Sends a message to a conversation with these parameters. The upstream answers from its queue.
async fn ask(app: &App, model: &str, parameters: &Value) -> Vec<Frame> {
    let conversation = app.conversation().await;
    let path = format!("/api/v1/conversations/{conversation}");
    let changes = json!({ "parameters": parameters });
    assert!(app.request(Method::PATCH, &path).json(&changes).send().await.unwrap().status().is_success());
    let message = json!({ "content": "Hello", "model": model });
    let sent: Value = app.post(&format!("{path}/messages"), message).await.json().await.unwrap();
    app.rest_of(&conversation, &Sent::of(&sent)).await
}

fn end(frames: &[Frame]) -> (&str, &Value) {
    let last = frames.last().unwrap();
    (&last.event, &last.data)
}

#[tokio::test(flavor = "multi_thread")]
async fn z10_an_account_without_credit_is_a_quota_and_the_fallback_is_asked() {
    let anthropic = case(include_str!("../cases/quota-anthropic-400-credit-balance.json"));
    let xai = case(include_str!("../cases/quota-xai-403-credits.json"));
    for (case, kind) in [(anthropic, "anthropic"), (xai, "openai")] {
        let app = App::configured(&two(kind)).await;
        app.upstream.push(answer(&case["the_model_api_answers"]));
        let frames = ask(&app, "first/big", &json!({})).await;
        assert_eq!(end(&frames).0, "done", "{frames:?}");
        let told = frames.iter().find(|frame| frame.event == "waiting").unwrap();
        assert_eq!(told.data["message"], "The provider of big wants to be paid first. Asking small instead\u{2026}");
        assert_eq!(app.upstream.seen().len(), 2, "it is not asked again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z10_without_a_fallback_it_is_said_and_not_retried_whatever_the_headers_say() {
    let app = App::start().await;
    let anthropic = case(include_str!("../cases/quota-anthropic-400-credit-balance.json"));
    for model in ["anthropic/m", "openai/m", "mistral/m", "responses/m", "gemini/m", "ollama/m"] {
        for status in [400, 403, 429, 500] {
            app.upstream.reset();
            let refusal = answer(&anthropic["the_model_api_answers"]);
            app.upstream.push(Script { status: Some(status), should_retry: true, ..refusal });
            let frames = ask(&app, model, &json!({})).await;
            let (event, error) = end(&frames);
            assert_eq!((event, &error["kind"], &error["retryable"]), ("error", &json!("quota"), &json!(false)));
            assert!(error["message"].as_str().unwrap().starts_with("The account at the model provider has no credit"));
            assert_eq!(app.upstream.seen().len(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z10_an_ordinary_400_or_403_stays_what_it_is() {
    let app = App::start().await;
    for (status, kind) in [(400, "bad_request"), (403, "unauthorized")] {
        let body = json!({ "error": { "message": "The caller does not have permission for this", "type": "x" } });
        app.upstream.push(Script { status: Some(status), body: Some(body.to_string()), ..Script::default() });
        assert_eq!(end(&ask(&app, "openai/m", &json!({})).await).1["kind"], kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z13_a_conversation_that_is_too_long_is_called_so_in_all_words_and_formats() {
    let app = App::start().await;
    for text in [
        include_str!("../cases/too-long-anthropic-input-plus-max.json"),
        include_str!("../cases/too-long-atlas.json"),
        include_str!("../cases/too-long-bedrock.json"),
        include_str!("../cases/too-long-kimi.json"),
        include_str!("../cases/too-long-openai-window.json"),
        include_str!("../cases/too-long-tgi.json"),
        include_str!("../cases/too-long-xai.json"),
    ] {
        let case = case(text);
        let parameters = case["conversation"]["parameters"].as_object().cloned().unwrap_or_default().into();
        for model in ["anthropic/m", "openai/m", "mistral/m", "responses/m", "gemini/m", "ollama/m"] {
            app.upstream.push(answer(&case["the_model_api_answers"]));
            let frames = ask(&app, model, &parameters).await;
            let error = end(&frames).1;
            assert_eq!(error["kind"], "conversation_too_long", "{model}: {error}");
            assert!(!error["message"].as_str().unwrap().contains("Empty that field"), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z13_a_longest_reply_that_is_too_long_is_named() {
    let app = App::start().await;
    for words in [
        "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude-x",
        "'max_tokens' or 'max_completion_tokens' is too large: 100000. This model's maximum context length is 4096 tokens \
         and your request has 10 input tokens (100000 > 4096 - 10).",
    ] {
        app.upstream.reset();
        let body = json!({ "error": { "message": words, "type": "invalid_request_error" } }).to_string();
        app.upstream.push(Script { status: Some(400), body: Some(body), ..Script::default() });
        let frames = ask(&app, "openai/m", &json!({ "max_output_tokens": 100_000 })).await;
        let error = end(&frames).1;
        assert_eq!(error["kind"], FailureKind::BadRequest.name());
        assert!(error["message"].as_str().unwrap().contains("\u{201c}Longest reply\u{201d}"), "{error}");
        assert_eq!(app.upstream.seen().len(), 1, "a person's wish is not sent under another name to get rid of it");
    }
}

/// Refuses once for `words`, then answers.
fn refuse_once(app: &App, status: u16, words: &str) {
    let body = json!({ "error": { "message": words, "type": "invalid_request_error", "param": null, "code": null } });
    app.upstream.push(Script { status: Some(status), body: Some(body.to_string()), ..Script::default() });
    app.upstream.push(Script::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn z11_a_server_that_refuses_stream_options_is_asked_without_them_and_remembered_until_the_settings_change() {
    let app = App::start().await;
    let case = case(include_str!("../cases/stream-options-refused-400.json"));
    let refusal = answer(&case["the_model_api_answers"]["first_request (has stream_options)"]);
    app.upstream.push(refusal.clone());
    let frames = ask(&app, "openai/m", &json!({})).await;
    assert_eq!(end(&frames).0, "done");
    assert_eq!(end(&ask(&app, "openai/m", &json!({})).await).0, "done");
    let seen = app.upstream.seen();
    let with: Vec<_> = seen.iter().map(|seen| seen.body.get("stream_options").is_some()).collect();
    assert_eq!(with, [true, false, false]);
    app.state.reload();
    ask(&app, "openai/m", &json!({})).await;
    ask(&app, "openai/other", &json!({})).await;
    let seen = app.upstream.seen();
    assert!(seen[3..].iter().all(|seen| seen.body.get("stream_options").is_some()), "read anew, and for each model");
}

#[tokio::test(flavor = "multi_thread")]
async fn z11_what_a_server_names_in_a_422_or_in_plain_words_is_left_out_too() {
    let app = App::start().await;
    let python = json!({ "detail": [{ "loc": ["body", "stream_options"], "msg": "extra fields not permitted" }] });
    for (status, body) in [(422, python.to_string()), (400, "unknown field: stream_options".into())] {
        app.state.reload();
        app.upstream.push(Script { status: Some(status), body: Some(body), ..Script::default() });
        assert_eq!(end(&ask(&app, "openai/m", &json!({})).await).0, "done");
    }
    let frames = {
        refuse_once(&app, 400, "Unknown parameter: 'store'");
        ask(&app, "responses/m", &json!({})).await
    };
    assert_eq!(end(&frames).0, "done");
    assert_eq!(app.upstream.seen().last().unwrap().body.get("store"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn z11_what_a_person_has_set_is_named_and_not_dropped() {
    let app = App::start().await;
    for (parameters, words, field) in [
        (json!({ "temperature": 1.5 }), "Unrecognized request argument supplied: temperature", "Temperature"),
        (json!({ "effort": "high" }), "Unrecognized request argument supplied: reasoning_effort", "Effort"),
        (json!({ "max_output_tokens": 9 }), "max_tokens is too small: 9. It must be at least 16", "Longest reply"),
    ] {
        app.upstream.reset();
        refuse_once(&app, 400, words);
        let frames = ask(&app, "openai/m", &parameters).await;
        let error = end(&frames).1;
        assert!(error["message"].as_str().unwrap().contains(&format!("\u{201c}{field}\u{201d}")), "{error}");
        assert_eq!(app.upstream.seen().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z11_a_server_that_refuses_for_ever_is_asked_a_few_times_at_most() {
    let app = App::start().await;
    let words = "stream_options, store, max_tokens and max_completion_tokens are not known here";
    let body = json!({ "error": { "message": words } }).to_string();
    let script = Script { status: Some(400), body: Some(body), times: Some(100), ..Script::default() };
    app.upstream.push(script);
    let frames = ask(&app, "openai/m", &json!({ "max_output_tokens": 9 })).await;
    assert_eq!((end(&frames).0, &end(&frames).1["kind"]), ("error", &json!("bad_request")));
    assert!(app.upstream.seen().len() <= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn z14_the_longest_reply_goes_to_a_compatible_server_as_max_tokens() {
    let app = App::start().await;
    let case = case(include_str!("../cases/max-tokens-for-compatible-servers.json"));
    let parameters = &case["conversation"]["parameters"];
    ask(&app, "openai/m", parameters).await;
    let body = app.upstream.seen()[0].body.clone();
    assert_eq!((&body["max_tokens"], body.get("max_completion_tokens")), (&json!(50), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn z14_a_server_that_names_the_limit_it_does_not_know_gets_the_other() {
    let app = App::start().await;
    let words =
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    refuse_once(&app, 400, words);
    for _ in 0..2 {
        assert_eq!(end(&ask(&app, "openai/m", &json!({ "max_output_tokens": 50 })).await).0, "done");
    }
    let seen = app.upstream.seen();
    let limits: Vec<_> =
        seen.iter().map(|seen| (&seen.body["max_tokens"], &seen.body["max_completion_tokens"])).collect();
    let (fifty, none) = (json!(50), json!(null));
    assert_eq!(limits, [(&fifty, &none), (&none, &fifty), (&none, &fifty)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn z14_the_settings_say_what_a_server_takes() {
    let toml = r#"
        [providers.local]
        kind = "openai"
        base_url = "URL/v1"
        longest_reply = "max_completion_tokens"
        leave_out = ["stream_options"]
        models = [{ id = "m" }]"#;
    let app = App::configured(toml).await;
    ask(&app, "local/m", &json!({ "max_output_tokens": 50 })).await;
    let body = app.upstream.seen()[0].body.clone();
    assert_eq!((&body["max_completion_tokens"], body.get("max_tokens")), (&json!(50), None));
    assert_eq!(body.get("stream_options"), None);
}

/// A stream in OpenAI's framing, which takes about 300 bytes for a token, longer than a reply's text may be.
#[tokio::test(flavor = "multi_thread")]
async fn z35_a_reply_of_ten_mebibytes_on_the_wire_is_whole() {
    let app = App::start().await;
    app.upstream.push(Script { pieces: 60_000, ..Script::default() });
    let frames = ask(&app, "openai/m", &json!({})).await;
    assert_eq!(end(&frames).0, "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn z42_neither_our_key_nor_what_turns_text_is_shown_of_a_providers_words() {
    let app = App::start().await;
    for written in
        ["KEY-OF-THE-TEST", "key%2Dof%2Dthe%2dtest", "a2V5LW9mLXRoZS10ZXN0", "QmVhcmVyIGtleS1vZi10aGUtdGVzdA=="]
    {
        for model in ["anthropic/m", "openai/m", "mistral/m", "responses/m", "gemini/m"] {
            let body = json!({ "error": { "message": format!("\u{202e}bad\u{2066} key\u{200b}: {written}\u{7}") } });
            app.upstream.push(Script { status: Some(400), body: Some(body.to_string()), ..Script::default() });
            let frames = ask(&app, model, &json!({})).await;
            let message = end(&frames).1["message"].as_str().unwrap();
            assert!(message.contains("It said: “bad key: ") && message.contains("[hidden]"), "{model}: {message}");
            assert!(!message.contains(&written[8..]) && !message.contains('\u{202e}'), "{model}: {message}");
        }
    }
}
