//! The providers are read anew while the server runs.

use super::app::{App, said};
use super::upstream::script::Script;
use crate::server::bounds::Bounds;
use serde_json::Value;
use std::time::Duration;

async fn names(app: &App) -> Vec<String> {
    let models: Value = app.get("/api/v1/models").await.json().await.unwrap();
    let mut names: Vec<_> =
        models["items"].as_array().unwrap().iter().map(|it| it["provider"].as_str().unwrap().to_owned()).collect();
    names.dedup();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_counts_from_the_next_reply_on_and_an_open_one_goes_on() {
    let app = App::start().await;
    let path = app.folder.0.join("rivulet.toml");
    let before = std::fs::read_to_string(&path).unwrap();
    let conversation = app.conversation().await;
    let script = Script { pieces: 40, gap_ms: 20, ..Script::default() };
    let sent = app.send_to(&conversation, &script, "responses/mock").await;
    app.upstream.until(1, |seen| 5 <= seen.pieces).await.unwrap();

    std::fs::write(&path, before.replace("providers.responses", "providers.other")).unwrap();
    app.state.reload();
    assert!(names(&app).await.contains(&"other".to_owned()));
    assert!(!names(&app).await.contains(&"responses".to_owned()));
    let frames = app.rest_of(&conversation, &sent).await;
    assert_eq!((said(&frames), frames.last().unwrap().event.as_str()), (script.full_text(), "done"));

    let next = app.conversation().await;
    let sent = app.send_to(&next, &Script::default(), "other/mock").await;
    assert_eq!(app.rest_of(&next, &sent).await.last().unwrap().event, "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_changes_nothing() {
    let app = App::start().await;
    let path = app.folder.0.join("rivulet.toml");
    let before = names(&app).await;
    for wrong in ["[providers.x]\nkind = 7\n", "[providers.x]\nkind = \"openai\"\nbase_url = \"nowhere\"\n"] {
        std::fs::write(&path, wrong).unwrap();
        app.state.reload();
        assert_eq!(names(&app).await, before);
    }
    std::fs::remove_file(&path).unwrap();
    app.state.reload();
    assert_eq!(names(&app).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_local_server_has_can_be_chosen_as_soon_as_it_has_it() {
    let bounds = Bounds { discovery: Duration::from_millis(20), ..Bounds::default() };
    let app = App::bounded(bounds).await;
    let local = async |expected: &[&str]| {
        let found = async || {
            let models: Value = app.get("/api/v1/models").await.json().await.unwrap();
            let ids: Vec<_> =
                models["items"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
            ids.into_iter().filter(|id| id.starts_with("ollama/")).collect::<Vec<_>>()
        };
        let there = async || {
            while found().await != expected {
                tokio::task::yield_now().await
            }
        };
        tokio::time::timeout(Duration::from_secs(10), there()).await.expect("its models are listed");
    };
    local(&[]).await;
    app.upstream.has(&["qwen3:4b", "llama3.2:latest"]);
    local(&["ollama/qwen3:4b", "ollama/llama3.2:latest"]).await;
    app.upstream.has(&["llama3.2:latest"]);
    local(&["ollama/llama3.2:latest"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn z42_a_local_model_is_listed_by_a_name_that_can_be_shown_and_asked_by_its_own() {
    let bounds = Bounds { discovery: Duration::from_millis(20), ..Bounds::default() };
    let app = App::bounded(bounds).await;
    app.upstream.has(&["ev\u{202e}il\u{7}:4b", "\u{200b}"]);
    let ids = async || {
        let models: Value = app.get("/api/v1/models").await.json().await.unwrap();
        let ids = models["items"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned());
        ids.filter(|id| id.starts_with("ollama/")).collect::<Vec<_>>()
    };
    let listed = async || {
        while ids().await != ["ollama/evil :4b"] {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(Duration::from_secs(10), listed()).await.expect("its models are listed");
    let conversation = app.conversation().await;
    let sent = app.send_to(&conversation, &Script::default(), "ollama/evil :4b").await;
    assert_eq!(app.rest_of(&conversation, &sent).await.last().unwrap().event, "done");
    assert_eq!(app.upstream.seen()[0].body["model"], "ev\u{202e}il\u{7}:4b");
}
