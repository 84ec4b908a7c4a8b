//! What an account chooses for all its browsers, and what it tells models in all its conversations.

use super::app::{App, problem, text};
use super::sharing::Shared;
use super::upstream::script::Script;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

async fn prefer(app: &App, change: Value) -> Response {
    app.request(Method::PATCH, "/api/v1/settings").json(&change).send().await.unwrap()
}

async fn settings(app: &App) -> Value {
    app.get("/api/v1/settings").await.json().await.unwrap()
}

/// The lines of the account's list, as the app reads them.
struct Lines(Response, String);

impl Lines {
    async fn follow(app: &App) -> Self {
        Self(
            app.post("/api/follow", json!({ "conversation": null, "cursor": null, "list": null })).await,
            String::new(),
        )
    }

    /// The next line of this type.
    async fn next(&mut self, kind: &str) -> Value {
        loop {
            while let Some((line, rest)) = self.1.split_once('\n') {
                let line: Value = serde_json::from_str(line).unwrap_or_default();
                self.1 = rest.to_owned();
                if line["type"] == kind {
                    return line;
                }
            }
            let chunk = self.0.chunk().await.unwrap().expect("the stream goes on");
            self.1.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

/// The instructions that the model was given for the last message.
async fn told(app: &App, conversation: &str) -> Value {
    app.upstream.reset();
    let sent = app.send(conversation, &Script::default()).await;
    app.rest_of(conversation, &sent).await;
    app.upstream.seen()[0].body["system"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_chosen_in_one_browser_is_so_in_all_of_the_accounts_and_told_to_those_that_are_open() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let other = app.token("write").await;
    let mut open = Lines::follow(&app).await;
    assert_eq!(open.next("list").await["preferences"], Value::Null, "nothing was chosen");
    let changed = prefer(&app, json!({ "theme": "dark", "instructions": "Be brief." })).await;
    assert_eq!(changed.status(), StatusCode::OK);
    let told = open.next("preferences").await;
    assert_eq!(told["preferences"]["theme"], "dark");
    assert!(!told.to_string().contains("Be brief."), "what models are told is in no event");
    let again = app.stranger(Method::PATCH, "/api/v1/settings").bearer_auth(&other);
    let again = again.json(&json!({ "text": "large" })).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK, "by another device");
    let told = open.next("preferences").await["preferences"].clone();
    assert_eq!((&told["theme"], &told["text"]), (&json!("dark"), &json!("large")), "what is left out stays");
    assert_eq!(told["number"], 2);
    // A browser that signs in later has it from its first page on.
    app.cookie = app.new_cookie().await;
    app.sign_in("ann").await;
    for path in ["/", "/settings", "/account"] {
        let page = app.get(path).await.text().await.unwrap();
        assert!(page.contains("<html lang=\"en\" data-theme=\"dark\" data-text=\"large\">"), "{path}: {page}");
    }
    assert_eq!(Lines::follow(&app).await.next("list").await["preferences"], told);
}

#[tokio::test(flavor = "multi_thread")]
async fn own_instructions_come_before_those_of_a_conversation_and_only_where_the_account_asks() {
    let mut shared = Shared::with("participant").await;
    let conversation = shared.conversation.clone();
    let path = shared.path("");
    let changed = shared.app.request(Method::PATCH, &path).json(&json!({ "system": "Of the conversation." }));
    assert_eq!(changed.send().await.unwrap().status(), StatusCode::OK);
    let saved = prefer(&shared.app, json!({ "instructions": "  Own of Ann.\u{0}\n" })).await;
    assert_eq!(saved.status(), StatusCode::OK);
    let both = json!("Own of Ann.\u{fffd}\n\nOf the conversation.");
    assert_eq!(told(&shared.app, &conversation).await, both);
    // What is tried again is asked anew, for the account that tries.
    let last = text(&shared.app.last_message(&conversation).await["id"]);
    shared.be_bob();
    shared.app.upstream.reset();
    let again = shared.app.post(&format!("/api/v1/replies/{last}/retry"), json!({})).await;
    let again = super::app::Sent::of(&again.json().await.unwrap());
    shared.app.rest_of(&conversation, &again).await;
    assert_eq!(shared.app.upstream.seen()[0].body["system"], "Of the conversation.", "Bob has asked");
    assert_eq!(told(&shared.app, &conversation).await, "Of the conversation.");
    assert_eq!(prefer(&shared.app, json!({ "instructions": "Own of Bob." })).await.status(), StatusCode::OK);
    assert_eq!(told(&shared.app, &conversation).await, "Own of Bob.\n\nOf the conversation.");
    // Nobody but Ann finds hers.
    for path in [
        &*shared.path(""),
        "/api/v1/settings",
        &format!("/c/{conversation}"),
        &format!("/c/{conversation}/export?as=json"),
    ] {
        let seen = shared.app.get(path).await.text().await.unwrap();
        assert!(!seen.contains("Own of Ann"), "{path}: {seen}");
    }
    let of_ann =
        shared.app.state.store.about(shared.app.state.store.owner(conversation.parse().unwrap()).await.unwrap());
    assert_eq!(of_ann.await.unwrap()["settings"]["instructions"], "  Own of Ann.\u{fffd}\n");
    let of_bob = shared.app.state.store.about(shared.bob_id.parse().unwrap()).await.unwrap();
    assert_eq!(of_bob["settings"]["instructions"], "Own of Bob.");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_chosen_is_refused_with_its_field_and_changes_nothing() {
    let app = App::start().await;
    for (change, field) in [
        (json!({ "theme": "blue" }), "theme"),
        (json!({ "text": "" }), "text"),
        (json!({ "send": "Enter" }), "send"),
        (json!({ "announced": "some" }), "announced"),
        (json!({ "instructions": "é".repeat(8_001) }), "instructions"),
        (json!({ "favourites": ["x".repeat(300)] }), "favourites"),
        (json!({ "favourites": (0..101).map(|n| format!("a/{n}")).collect::<Vec<_>>() }), "favourites"),
    ] {
        let refused = problem(prefer(&app, change).await, 422).await;
        assert_eq!(refused["field"], field, "{refused}");
    }
    assert_eq!(settings(&app).await["number"], 0);
    assert_eq!(prefer(&app, json!({ "instructions": "é".repeat(8_000) })).await.status(), StatusCode::OK);
    let twice = prefer(&app, json!({ "favourites": ["a/b", "c/d", "a/b", ""] })).await;
    assert_eq!(twice.json::<Value>().await.unwrap()["favourites"], json!(["a/b", "c/d"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_are_a_page_without_our_code_and_a_guests_stay_when_it_signs_up() {
    let mut app = App::start().await;
    let fields = [
        ("theme", "light"),
        ("text", "normal"),
        ("send", "ctrl"),
        ("announced", "end"),
        ("instructions", "One\r\nTwo"),
    ];
    assert_eq!(app.form("/settings", &fields).send().await.unwrap().status(), StatusCode::SEE_OTHER);
    let favourite = [("model", "openai/mock"), ("favourite", "yes")];
    assert_eq!(app.form("/settings/favourite", &favourite).send().await.unwrap().status(), StatusCode::SEE_OTHER);
    app.sign_up("Ann").await;
    let page = app.get("/settings").await.text().await.unwrap();
    for part in ["value=\"light\" selected", "value=\"ctrl\" selected", "value=\"end\" selected", "One\nTwo</textarea>"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(settings(&app).await["favourites"], json!(["openai/mock"]));
    let long = "x".repeat(8_001);
    let refused = app.form("/settings", &[("theme", "dark"), ("instructions", &long)]).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = refused.text().await.unwrap();
    assert!(page.contains(&long) && page.contains("under 8000 characters"), "what was typed is still there");
    let no_more = [("model", "openai/mock"), ("favourite", "no")];
    assert_eq!(app.form("/settings/favourite", &no_more).send().await.unwrap().status(), StatusCode::SEE_OTHER);
    assert_eq!((&settings(&app).await["favourites"], &settings(&app).await["theme"]), (&json!([]), &json!("light")));
}
