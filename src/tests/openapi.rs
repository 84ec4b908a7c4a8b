//! The API's description: complete, and true where a test without a client of its own can tell. `scripts/schemathesis`
//! asks everything that it describes.

use super::app::{App, problem, text};
use crate::server::routes;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::to_value(routes::document()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((method.clone(), path.clone(), operation.clone()));
        }
    }
    all
}

#[test]
fn every_route_of_the_api_describes_itself() {
    let document = document();
    let described = document["paths"].as_object().unwrap();
    let of_the_api = |path: &str| path.starts_with("/api/v1/") && path != "/api/v1/openapi.json";
    for path in routes::paths() {
        let told = of_the_api(&path) || ["/chat/stream", "/healthz", "/readyz"].contains(&path.as_str());
        assert_eq!(described.contains_key(&path), told, "{path}: add it with `described(routes!(…))`");
    }
    assert!(25 < operations(&document).len());
}

#[test]
fn every_operation_says_what_it_is_for_and_what_it_answers() {
    let document = document();
    let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(ids.insert(text(&operation["operationId"])), "{name}: an id of its own");
        assert!(operation["summary"].as_str().is_some_and(|it| !it.is_empty()), "{name}: a first doc line");
        assert!(tags.contains(&operation["tags"][0]), "{name}: a tag that is in the list");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{name}");
        for status in ["400", "403", "500", "503"] {
            assert!(answers.contains_key(status), "{name}: {status}");
        }
        let open = operation["security"].as_array().is_some_and(|it| it.contains(&json!({})));
        assert_eq!(answers.contains_key("401"), !open, "{name}");
        assert_eq!(answers.contains_key("404"), path.contains('{') || path == "/api/v1/join", "{name}");
        for (status, answer) in answers {
            let described = answer["description"].as_str().is_some_and(|it| !it.is_empty());
            assert!(described || answer["$ref"].is_string(), "{name}: {status}");
        }
    }
}

#[test]
fn everything_that_is_referred_to_is_there() {
    let document = document();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(50 < references.len());
    for reference in references {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{reference}");
    }
    let waits = &document["components"]["responses"]["TooMany"]["headers"];
    assert!(waits["Retry-After"].is_object());
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").map(text));
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_its_page_are_for_everybody() {
    let app = App::start().await;
    let served = app.stranger(Method::GET, "/api/v1/openapi.json").send().await.unwrap();
    assert_eq!(served.headers()["content-type"], "application/json");
    let served: Value = served.json().await.unwrap();
    assert_eq!(served["openapi"], "3.1.0");
    assert_eq!(served, document());
    let page = app.stranger(Method::GET, "/api").send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(!page.headers()["content-security-policy"].to_str().unwrap().contains("script-src"));
    let page = page.text().await.unwrap();
    assert!(!page.contains("<script"));
    for (method, path, _) in operations(&document()) {
        assert!(page.contains(&format!("{} {path}", method.to_uppercase())), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_no_object() {
    let app = App::start().await;
    let conversation = format!("/api/v1/conversations/{}", app.conversation().await);
    let changes = [json!(["a title", null, null, null]), json!([]), json!({ "parameters": [0.5, null, null] })];
    for body in changes {
        problem(app.request(Method::PATCH, &conversation).json(&body).send().await.unwrap(), 422).await;
    }
    problem(app.post("/chat/stream", json!({ "messages": [["user", "x"]] })).await, 422).await;
    problem(app.post("/chat/stream", json!([[{ "role": "user", "content": "x" }], null])).await, 422).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_fifty_tokens_however_many_are_asked_for_at_once() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let make = |_| app.post("/api/v1/tokens", json!({ "name": "a program", "scope": "read" }));
    let made = futures::future::join_all((0..200).map(make)).await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(|it| it.status() == StatusCode::CREATED);
    assert_eq!((made.len(), refused.len()), (50, 150));
    for answer in refused {
        assert_eq!(problem(answer, 422).await["field"], "name");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_and_ended_by_a_browser_only() {
    let mut app = App::start().await;
    problem(app.post("/api/v1/tokens", json!({ "name": "x", "scope": "read" })).await, 403).await;
    app.sign_up("Ann").await;
    let made = app.post("/api/v1/tokens", json!({ "name": "a program", "scope": "write" })).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let made: Value = made.json().await.unwrap();
    let secret = text(&made["token"]);
    let by_token = |method, path: &str| app.stranger(method, path).bearer_auth(&secret);
    let me: Value = by_token(Method::GET, "/api/v1/account").send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (me["name"].clone(), me["scope"].clone(), me["guest"].clone()),
        (json!("Ann"), json!("write"), json!(false))
    );
    let listed: Value = by_token(Method::GET, "/api/v1/tokens").send().await.unwrap().json().await.unwrap();
    assert_eq!(listed["items"][0]["id"], made["id"]);
    assert!(!listed.to_string().contains(&secret));

    let new = json!({ "name": "another", "scope": "read" });
    problem(by_token(Method::POST, "/api/v1/tokens").json(&new).send().await.unwrap(), 403).await;
    let path = format!("/api/v1/tokens/{}", text(&made["id"]));
    problem(by_token(Method::DELETE, &path).send().await.unwrap(), 403).await;
    for (wrong, field) in
        [(json!({ "name": " ", "scope": "read" }), "name"), (json!({ "name": "x", "scope": "all" }), "scope")]
    {
        assert_eq!(problem(app.post("/api/v1/tokens", wrong).await, 422).await["field"], field);
    }
    let ended = app.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    problem(app.request(Method::DELETE, &path).send().await.unwrap(), 404).await;
    problem(by_token(Method::GET, "/api/v1/account").send().await.unwrap(), 401).await;
}
