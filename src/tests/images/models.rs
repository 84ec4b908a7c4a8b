//! The images that models are shown, each in the words of its API, and what they are told of the others.

use super::files;
use crate::tests::app::{App, Folder, problem};
use crate::tests::upstream::Upstream;
use crate::tests::upstream::script::Script;
use serde_json::{Value, json};

/// Every kind of provider, each with a model that sees and one that does not.
async fn every_kind() -> App {
    let (folder, upstream) = (Folder::new(), Upstream::start().await);
    let (key, url) = (folder.0.join("key"), upstream.url());
    std::fs::write(&key, "key-of-the-test").unwrap();
    let mut table = String::new();
    for (kind, base) in [
        ("anthropic", url.to_owned()),
        ("openai", format!("{url}/v1")),
        ("openai-responses", format!("{url}/v1")),
        ("gemini", url.to_owned()),
        ("mistral", format!("{url}/mistral")),
        ("ollama", url.to_owned()),
    ] {
        table += &format!(
            "[providers.my-{kind}]\nkind = \"{kind}\"\nbase_url = \"{base}\"\nkey_file = \"{}\"\n",
            key.display()
        );
        table +=
            "models = [{ id = \"sees\", images = true }, { id = \"blind\", images = false }, { id = \"usual\" }]\n";
    }
    let config = folder.0.join("every-kind.toml");
    std::fs::write(&config, table).unwrap();
    let config = format!("--config={}", config.display());
    App::on(folder, upstream, &[&config, "--model=my-anthropic/sees"]).await
}

async fn conversation_with(app: &App, model: &str) -> String {
    let made = app.post("/api/v1/conversations", json!({ "model": model })).await;
    made.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_very_bytes_arrive_in_every_format() {
    let app = every_kind().await;
    for kind in ["anthropic", "openai", "openai-responses", "gemini", "mistral", "ollama"] {
        let conversation = conversation_with(&app, &format!("my-{kind}/sees")).await;
        let images = [app.image(files::numbered(1)).await, app.image(files::turned_jpeg()).await];
        app.upstream.reset();
        let reply = app.ask(&conversation, "What is this?", &images).await;
        assert_eq!((&reply["status"], &reply["images_left_out"]), (&"done".into(), &Value::Null), "{kind}: {reply}");
        app.ask(&conversation, "Are you sure?", &[]).await;
        let seen = app.upstream.seen();
        assert_eq!(seen.len(), 2, "{kind}");
        for request in seen {
            let found: Vec<_> = request.images.iter().map(|image| image.bytes.clone()).collect();
            let mut sent = Vec::new();
            for id in &images {
                sent.push(app.show(id).await.bytes().await.unwrap().to_vec());
            }
            assert_eq!(found, sent, "{kind}");
            let types: Vec<_> = request.images.iter().filter_map(|image| image.media_type.as_deref()).collect();
            let told = if kind == "ollama" { vec![] } else { vec!["image/png", "image/jpeg"] };
            assert_eq!(types, told, "{kind}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_model_sees_is_the_operators_word_or_what_is_usual_for_its_kind() {
    let app = every_kind().await;
    let models = app.get("/api/v1/models").await.json::<Value>().await.unwrap();
    let seeing = |name: &str| {
        let models = models["items"].as_array().unwrap().iter().filter(|model| model["name"] == name);
        models
            .map(|model| (model["provider"].as_str().unwrap(), model["images"].as_bool().unwrap()))
            .collect::<Vec<_>>()
    };
    assert!(seeing("sees").iter().all(|(_, sees)| *sees));
    assert!(seeing("blind").iter().all(|(_, sees)| !sees));
    let usual = [
        ("my-anthropic", true),
        ("my-openai", false),
        ("my-openai-responses", true),
        ("my-gemini", true),
        ("my-mistral", true),
        ("my-ollama", false),
    ];
    assert_eq!(seeing("usual"), usual);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_does_not_see_is_not_asked_to_and_is_told_where_an_image_was() {
    let app = every_kind().await;
    let conversation = conversation_with(&app, "my-openai/blind").await;
    let image = app.image(files::numbered(1)).await;
    let body = |model: &str| json!({ "content": "What is this?", "images": [image], "model": model });
    let told = problem(app.say(&conversation, body("my-openai/blind")).await, 422).await;
    assert_eq!(told["field"], "images");
    let sentence = "my-openai/blind does not see images. Choose a model that does, or remove them.";
    assert_eq!(told["detail"], sentence);
    problem(app.say(&conversation, body("demo/tour")).await, 422).await;
    assert_eq!(app.snapshot(&conversation).await["messages"], json!([]), "nothing was begun");
    assert!(app.upstream.seen().is_empty());

    let (new, message) = (uuid::Uuid::now_v7().to_string(), uuid::Uuid::now_v7().to_string());
    let begin = |model: &str| {
        let start = json!({ "model": model });
        json!({ "conversation": new, "message": message, "text": "Look", "images": [image], "start": start })
    };
    problem(app.post("/api/chat/send", begin("my-openai/blind")).await, 422).await;
    problem(app.get(&format!("/api/v1/conversations/{new}")).await, 404).await;
    let begun = app.post("/api/chat/send", begin("my-openai/sees")).await;
    let begun = crate::tests::app::Sent::of(&begun.json().await.unwrap());
    app.rest_of(&new, &begun).await;

    let answer = app.say(&conversation, body("my-openai/sees")).await;
    let sent = crate::tests::app::Sent::of(&answer.json().await.unwrap());
    app.rest_of(&conversation, &sent).await;
    let mut events = app.follow(&conversation, None).await;
    let reply = app.ask(&conversation, "And now?", &[]).await;
    assert_eq!(reply["images_left_out"], 1);
    let told = events.until("reply").await.pop().unwrap();
    assert_eq!(told.data["images_left_out"], 1, "the viewers know it from its first event");
    let request = app.upstream.seen().pop().unwrap();
    assert!(request.images.is_empty());
    assert_eq!(request.body["messages"][0], json!({ "role": "user", "content": "[image]\nWhat is this?" }));
    // Asked again with a model that sees, it is shown.
    app.request(reqwest::Method::PATCH, &format!("/api/v1/conversations/{conversation}"))
        .json(&json!({ "model": "my-openai/sees" }))
        .send()
        .await
        .unwrap();
    let again = app.post(&format!("/api/v1/replies/{}/retry", reply["id"].as_str().unwrap()), json!({})).await;
    let sent = crate::tests::app::Sent::of(&again.json().await.unwrap());
    app.rest_of(&conversation, &sent).await;
    assert_eq!(app.last_message(&conversation).await["images_left_out"], Value::Null);
    assert_eq!(app.upstream.seen().pop().unwrap().images.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_images_the_newest_are_shown_as_many_as_the_api_takes() {
    let app = every_kind().await;
    for (kind, most) in [("mistral", 8), ("anthropic", 12)] {
        let conversation = conversation_with(&app, &format!("my-{kind}/sees")).await;
        let mut sent = Vec::new();
        for turn in 0..3 {
            let mut images = Vec::new();
            for number in 0..5 {
                images.push(app.image(files::numbered(turn * 10 + number)).await);
            }
            let reply = app.ask(&conversation, "Look", &images).await;
            sent.extend(images);
            let left_out = reply["images_left_out"].as_u64().unwrap_or(0) as usize;
            assert_eq!(left_out, sent.len().saturating_sub(most), "{kind}, turn {turn}");
        }
        let seen = app.upstream.seen().pop().unwrap().images;
        let newest = app.show(sent.last().unwrap()).await.bytes().await.unwrap();
        assert_eq!((seen.len(), seen.last().unwrap().bytes.as_slice()), (most, &newest[..]), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_in_every_message_is_shown_in_the_newest_only() {
    let app = every_kind().await;
    let conversation = conversation_with(&app, "my-mistral/sees").await;
    let image = [app.image(files::numbered(1)).await];
    for turn in 1..=10 {
        let reply = app.ask(&conversation, "Look again", &image).await;
        assert_eq!(app.upstream.seen().pop().unwrap().images.len(), turn.min(8));
        assert_eq!(reply["images_left_out"].as_u64().unwrap_or(0) as usize, turn.saturating_sub(8));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_that_does_not_see_is_not_asked_about_an_image() {
    let app = App::configured(
        r#"
        [providers.first]
        kind = "anthropic"
        base_url = "URL"
        models = [{ id = "to-blind", fallback = "second/blind" }, { id = "to-seeing", fallback = "second/sees" }]
        [providers.second]
        kind = "openai"
        base_url = "URL/v1"
        models = [{ id = "blind" }, { id = "sees", images = true }]"#,
    )
    .await;
    let image = app.image(files::numbered(1)).await;
    for (model, status, asked) in [("first/to-blind", "failed", 1), ("first/to-seeing", "done", 2)] {
        app.upstream.reset();
        app.upstream.push(Script { status: Some(401), ..Script::default() });
        let conversation = conversation_with(&app, model).await;
        let reply = app.ask(&conversation, "What is this?", std::slice::from_ref(&image)).await;
        assert_eq!(reply["status"], status, "{model}");
        let seen = app.upstream.seen();
        assert_eq!((seen.len(), seen.last().unwrap().images.len()), (asked, 1), "{model}");
    }
}
