//! What an owner, a participant and a reader may do.

use super::*;
use crate::tests::app::directive;

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_talks_and_the_owner_alone_changes_things() {
    let mut shared = Shared::with("participant").await;
    shared.be_bob();
    let Shared { app, conversation, sent, .. } = &shared;
    let theirs = app.send(conversation, &Script::default()).await;
    app.rest_of(conversation, &theirs).await;
    for action in ["retry", "continue"] {
        let answer = app.post(&format!("/api/v1/replies/{}/{action}", theirs.reply), json!({})).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{action}");
        let again = crate::tests::app::Sent::of(&answer.json().await.unwrap());
        app.rest_of(conversation, &again).await;
    }
    let stopped = app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
    assert_eq!(stopped.status(), StatusCode::OK, "it had ended");
    let title = app.request(Method::PATCH, &shared.path("")).json(&json!({ "title": "Mine" })).send().await.unwrap();
    let refused = problem(title, 403).await;
    assert!(refused["detail"].as_str().unwrap().contains("Ann"), "{refused}");
    problem(app.request(Method::DELETE, &shared.path("")).send().await.unwrap(), 403).await;
    problem(app.post(&shared.path("/sharing/links"), json!({ "role": "reader" })).await, 403).await;
    let put = app.request(Method::PUT, &shared.path("/sharing/public")).json(&json!({})).send().await.unwrap();
    problem(put, 403).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_stops_what_the_owner_asked() {
    let mut shared = Shared::with("participant").await;
    let script = Script { silence_after: Some(2), ..Script::default() };
    let sent = shared.app.send(&shared.conversation, &script).await;
    shared.be_bob();
    let stop = format!("/api/v1/replies/{}/stop", sent.reply);
    assert_eq!(shared.app.post(&stop, json!({})).await.status(), StatusCode::ACCEPTED);
    let rest = shared.app.rest_of(&shared.conversation, &sent).await;
    assert_eq!(rest.last().unwrap().event, "stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_reads_and_is_told_why_not_more() {
    let mut shared = Shared::with("reader").await;
    shared.be_bob();
    let snapshot = shared.app.snapshot(&shared.conversation).await;
    assert_eq!(snapshot["access"], "reader");
    assert_eq!(snapshot["messages"][1]["text"], "A secret of Ann.");
    let refused = shared.app.post(&shared.path("/messages"), json!({ "content": "x" })).await;
    let refused = problem(refused, 403).await;
    assert_eq!(refused["detail"], "You can read this conversation, but not write in it.");
    let sharing: Value = shared.app.get(&shared.path("/sharing")).await.json().await.unwrap();
    assert_eq!((&sharing["owner"]["name"], &sharing["people"][0]["name"]), (&json!("Ann"), &json!("Bob")));
    // What is only the owner's is not shown.
    shared.be_ann();
    shared.app.share_link(&shared.conversation, json!({ "role": "reader" })).await;
    shared.be_bob();
    let sharing: Value = shared.app.get(&shared.path("/sharing")).await.json().await.unwrap();
    assert_eq!((&sharing["links"], &sharing["public"]), (&json!([]), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_counts_at_once_and_open_views_are_told() {
    let mut shared = Shared::with("reader").await;
    shared.be_bob();
    let mut events = shared.app.follow(&shared.conversation, None).await;
    assert_eq!(events.next().await.unwrap().data["access"], "reader");
    shared.be_ann();
    let path = shared.path(&format!("/sharing/people/{}", shared.bob_id));
    let changed =
        shared.app.request(Method::PATCH, &path).json(&json!({ "role": "participant" })).send().await.unwrap();
    assert_eq!(changed.json::<Value>().await.unwrap()["role"], "participant");
    let told = events.until_that(|frame| frame.event == "snapshot").await;
    assert_eq!(told.last().unwrap().data["access"], "participant");
    shared.be_bob();
    let sent = shared.app.send(&shared.conversation, &Script::default()).await;
    shared.app.rest_of(&shared.conversation, &sent).await;
    problem(shared.app.request(Method::PATCH, &path).json(&json!({ "role": "reader" })).send().await.unwrap(), 403)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_pays_and_is_limited() {
    let mut shared = Shared::with("participant").await;
    let tokens = async |app: &App| {
        let used: Value = app.get("/api/v1/usage").await.json().await.unwrap();
        used["items"].as_array().unwrap().iter().map(|it| it["input_tokens"].as_u64().unwrap()).sum::<u64>()
    };
    let ann_before = tokens(&shared.app).await;
    assert!(0 < ann_before);
    shared.be_bob();
    assert_eq!(tokens(&shared.app).await, 0);
    let sent = shared.app.send(&shared.conversation, &Script::default()).await;
    shared.app.rest_of(&shared.conversation, &sent).await;
    assert!(0 < tokens(&shared.app).await);
    shared.be_ann();
    assert_eq!(tokens(&shared.app).await, ann_before);
    // Used up for Bob is not used up for Ann.
    let bob = shared.bob_id.parse().unwrap();
    let quota = crate::server::quota::Quota { tokens_per_day: Some(1), ..Default::default() };
    let note = crate::server::store::audit::Note::new("Root", "set the limits", "Bob", "");
    shared.app.state.store.set_quota(bob, quota, &note).await.unwrap();
    shared.be_bob();
    let body = json!({ "content": directive(&Script::default()) });
    problem(shared.app.post(&shared.path("/messages"), body.clone()).await, 429).await;
    shared.be_ann();
    assert_eq!(shared.app.post(&shared.path("/messages"), body).await.status(), StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_seen_by_whom_the_conversation_is_shared_with() {
    let mut shared = Shared::with("reader").await;
    let image = shared.app.image(crate::tests::images::files::png(8, 8)).await;
    let path = format!("/api/v1/images/{image}");
    shared.be_bob();
    problem(shared.app.get(&path).await, 404).await;
    shared.be_ann();
    let body = json!({ "content": directive(&Script::default()), "images": [image] });
    let sent = shared.app.post(&shared.path("/messages"), body).await;
    assert_eq!(sent.status(), StatusCode::ACCEPTED, "{}", sent.text().await.unwrap());
    shared.be_bob();
    assert_eq!(shared.app.get(&path).await.status(), StatusCode::OK);
    shared.take_back().await;
    shared.be_bob();
    problem(shared.app.get(&path).await, 404).await;
}
