//! How the model is to answer: kept with the conversation, sent only where it is set, explained where it is refused.

use super::app::{App, directive};
use super::upstream::script::Script;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn set(app: &App, conversation: &str, parameters: Value) -> Value {
    let path = format!("/api/v1/conversations/{conversation}");
    let changes = json!({ "parameters": parameters });
    let changed = app.request(Method::PATCH, &path).json(&changes).send().await.unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    changed.json().await.unwrap()
}

/// What the model's API is asked with these parameters.
async fn asked(app: &App, model: &str, parameters: Value) -> Value {
    app.upstream.reset();
    let conversation = app.conversation().await;
    set(app, &conversation, parameters).await;
    let sent = app.send_to(&conversation, &Script::default(), model).await;
    app.rest_of(&conversation, &sent).await;
    app.upstream.seen()[0].body.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_reach_each_provider_under_its_names_and_only_where_they_are_set() {
    let app = App::start().await;
    let all = json!({ "temperature": 0.25, "max_output_tokens": 500, "effort": "high" });
    let body = asked(&app, "anthropic/mock", all.clone()).await;
    assert_eq!((&body["temperature"], &body["max_tokens"]), (&json!(0.25), &json!(500)));
    assert_eq!(body["output_config"], json!({ "effort": "high" }));
    let body = asked(&app, "openai/mock", all.clone()).await;
    assert_eq!((&body["temperature"], &body["max_tokens"]), (&json!(0.25), &json!(500)));
    assert_eq!(body["reasoning_effort"], "high");
    let body = asked(&app, "responses/mock", all.clone()).await;
    assert_eq!((&body["temperature"], &body["max_output_tokens"]), (&json!(0.25), &json!(500)));
    assert_eq!(body["reasoning"], json!({ "effort": "high" }));
    let body = asked(&app, "mistral/mock", all.clone()).await;
    assert_eq!((&body["temperature"], &body["max_tokens"]), (&json!(0.25), &json!(500)));
    assert_eq!(body["reasoning_effort"], "high");
    let body = asked(&app, "gemini/mock", all.clone()).await;
    let thinking = json!({ "thinkingLevel": "high" });
    let all_of_gemini = json!({ "temperature": 0.25, "maxOutputTokens": 500, "thinkingConfig": thinking });
    assert_eq!(body["generationConfig"], all_of_gemini);
    let body = asked(&app, "ollama/mock", all).await;
    assert_eq!(body["options"], json!({ "temperature": 0.25, "num_predict": 500 }));
    assert_eq!(body["think"], "high");
    for model in ["anthropic", "openai", "responses", "mistral", "gemini", "ollama"] {
        let body = asked(&app, &format!("{model}/mock"), json!({})).await;
        let names = ["temperature", "max_completion_tokens", "reasoning_effort", "output_config", "generationConfig"];
        for name in names.into_iter().chain(["options", "think", "reasoning"]) {
            assert_eq!(body.get(name), None, "{name} of {model}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_change_together_and_other_changes_leave_them() {
    let app = App::start().await;
    let new = json!({ "parameters": { "temperature": 1.0 } });
    let made: Value = app.post("/api/v1/conversations", new).await.json().await.unwrap();
    assert_eq!(made["parameters"], json!({ "temperature": 1.0 }));
    let conversation = made["id"].as_str().unwrap();
    let path = format!("/api/v1/conversations/{conversation}");
    app.request(Method::PATCH, &path).json(&json!({ "title": "Rivers" })).send().await.unwrap();
    assert_eq!(app.snapshot(conversation).await["conversation"]["parameters"], json!({ "temperature": 1.0 }));
    assert_eq!(set(&app, conversation, json!({ "effort": "low" })).await["parameters"], json!({ "effort": "low" }));
    assert_eq!(set(&app, conversation, json!({})).await["parameters"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sets_and_empties_them_and_a_form_without_the_fields_leaves_them() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let parameters = async || app.snapshot(&conversation).await["conversation"]["parameters"].clone();
    let change = async |fields: &[(&str, &str)]| {
        let fields = [&[("conversation", conversation.as_str())], fields].concat();
        app.form("/forms/change", &fields).send().await.unwrap().status()
    };
    let all = [("temperature", "0.5"), ("max_output_tokens", "100"), ("effort", "low")];
    assert_eq!(change(&all).await, StatusCode::SEE_OTHER);
    assert_eq!(parameters().await, json!({ "temperature": 0.5, "max_output_tokens": 100, "effort": "low" }));
    change(&[("title", "Rivers")]).await;
    assert_eq!(parameters().await["effort"], "low");
    assert_eq!(change(&[("temperature", "warm")]).await, StatusCode::UNPROCESSABLE_ENTITY);
    change(&[("temperature", ""), ("max_output_tokens", "100"), ("effort", "")]).await;
    assert_eq!(parameters().await, json!({ "max_output_tokens": 100 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_the_model_refuses_is_named_with_what_to_do() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    set(&app, &conversation, json!({ "temperature": 1.5 })).await;
    let words = "`temperature` is deprecated for this model.".to_owned();
    let script = Script { status: Some(400), error_message: Some(words.clone()), ..Script::default() };
    assert!(directive(&script).contains("deprecated"));
    let sent = app.send(&conversation, &script).await;
    let told = app.rest_of(&conversation, &sent).await.pop().unwrap();
    let message = told.data["message"].as_str().unwrap();
    assert!(
        message.starts_with("This model does not take the conversation's “Temperature”. Empty that field"),
        "{message}"
    );
    assert_eq!(told.data["retryable"], false);
}
