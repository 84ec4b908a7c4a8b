//! The providers are read anew while the server runs.

use super::app::{App, said};
use super::upstream::script::Script;
use serde_json::Value;

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
