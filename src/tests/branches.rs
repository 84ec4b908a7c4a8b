//! Branches of a conversation, and messages one by one and page by page.

use super::app::{App, Sent, directive, problem, text};
use super::upstream::script::Script;
use super::wire::{empty, message, said};
use crate::event::{Snapshot, Thread};
use crate::model::Versions;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

fn says(text: &str) -> Script {
    Script { text: Some(text.into()), ..Script::default() }
}

async fn get(app: &App, path: &str) -> Value {
    let answer = app.get(path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

/// Asks behind `parent`, and waits for the end of the reply.
async fn ask(app: &App, conversation: &str, parent: Value, answer: &str) -> Sent {
    let body = json!({ "content": directive(&says(answer)), "parent": parent });
    let sent = app.post(&format!("/api/v1/conversations/{conversation}/messages"), body).await;
    assert_eq!(sent.status(), StatusCode::ACCEPTED);
    let sent = Sent::of(&sent.json().await.unwrap());
    app.rest_of(conversation, &sent).await;
    sent
}

async fn show(app: &App, conversation: &str, message: &str) -> reqwest::Response {
    let path = format!("/api/v1/conversations/{conversation}/branch");
    app.request(Method::PUT, &path).json(&json!({ "message": message })).send().await.unwrap()
}

fn texts(messages: &Value) -> Vec<String> {
    let replies = messages.as_array().unwrap().iter().filter(|message| message["role"] == "assistant");
    replies.map(|message| text(&message["text"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_question_is_asked_otherwise_on_a_branch_of_its_own() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let first = ask(&app, &conversation, Value::Null, "one").await;
    let second = ask(&app, &conversation, json!(first.reply), "two").await;
    let third = ask(&app, &conversation, json!(second.reply), "three").await;
    let other = ask(&app, &conversation, json!(first.reply), "two, otherwise").await;
    assert_eq!(texts(&app.snapshot(&conversation).await["messages"]), ["one", "two, otherwise"]);
    // What follows belongs to the branch that is shown.
    let path = format!("/api/v1/conversations/{conversation}");
    let more = app.send(&conversation, &says("more")).await;
    app.rest_of(&conversation, &more).await;
    assert_eq!(texts(&app.snapshot(&conversation).await["messages"]), ["one", "two, otherwise", "more"]);

    let tree = get(&app, &format!("{path}/tree")).await;
    let nodes = tree["items"].as_array().unwrap();
    assert_eq!(nodes.len(), 10);
    let shown = nodes.iter().filter(|node| node["shown"] == true).count();
    assert_eq!(shown, 6);
    let beside: Vec<_> = nodes.iter().filter(|node| node["parent"] == json!(first.reply)).collect();
    assert_eq!(beside.len(), 2);
    assert_eq!((beside[0]["shown"].clone(), beside[1]["shown"].clone()), (json!(false), json!(true)));
    let ids: Vec<_> = [&first, &second, &third, &other, &more].iter().map(|sent| json!(sent.reply)).collect();
    assert!(ids.iter().all(|id| nodes.iter().any(|node| node["id"] == *id)));

    // Another branch can be read without showing it.
    let way = get(&app, &format!("{path}/messages?leaf={}", third.reply)).await;
    assert_eq!(texts(&way["items"]), ["one", "two", "three"]);
}

/// The versions of each message that a snapshot shows, as `number/count`.
fn versions(snapshot: &Value) -> Vec<String> {
    let of = |message: &Value| match &message["versions"] {
        Value::Null => "1/1".into(),
        versions => format!("{}/{}", versions["number"], versions["count"]),
    };
    snapshot["messages"].as_array().unwrap().iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_place_says_how_many_versions_it_has_and_shows_the_one_that_is_chosen() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let first = ask(&app, &conversation, Value::Null, "one").await;
    let second = ask(&app, &conversation, json!(first.reply), "two").await;
    assert_eq!(versions(&app.snapshot(&conversation).await), ["1/1"; 4]);
    let again = app.post(&format!("/api/v1/replies/{}/retry", second.reply), json!({})).await;
    app.rest_of(&conversation, &Sent::of(&again.json().await.unwrap())).await;
    assert_eq!(versions(&app.snapshot(&conversation).await), ["1/1", "1/1", "1/1", "2/2"]);

    // The first question in other words; repeated words are one message.
    let new = uuid::Uuid::now_v7().to_string();
    let words = json!({ "message": first.message, "new": new, "text": directive(&says("uno")), "model": null });
    let edited = app.post("/api/chat/edit", words.clone()).await;
    assert_eq!(edited.status(), StatusCode::OK);
    let edited = Sent::of(&edited.json().await.unwrap());
    app.rest_of(&conversation, &edited).await;
    assert_eq!(Sent::of(&app.post("/api/chat/edit", words).await.json().await.unwrap()).reply, edited.reply);
    let shown = app.snapshot(&conversation).await;
    assert_eq!((texts(&shown["messages"]), versions(&shown)), (vec!["uno".into()], vec!["2/2".into(), "1/1".into()]));

    // Back to the former question, with the newest of what followed it, then to the reply before that.
    let turn = |message: &str, number: u32| json!({ "message": message, "number": number });
    let turned = app.post("/api/chat/version", turn(&new, 1)).await;
    assert_eq!(turned.status(), StatusCode::OK);
    let shown = app.snapshot(&conversation).await;
    assert_eq!(versions(&shown), ["1/2", "1/1", "1/1", "2/2"]);
    let last = text(&shown["messages"][3]["id"]);
    let form = [("message", last.as_str()), ("number", "1")];
    let back = app.form("/forms/version", &form).send().await.unwrap();
    assert_eq!(back.headers()["location"], format!("/c/{conversation}").as_str());
    let shown = app.snapshot(&conversation).await;
    assert_eq!((texts(&shown["messages"]), versions(&shown)[3].as_str()), (vec!["one".into(), "two".into()], "1/2"));
    for number in [0, 3, u32::MAX] {
        problem(app.post("/api/chat/version", turn(&last, number)).await, 422).await;
    }
    let reply = json!({ "message": last, "new": uuid::Uuid::now_v7(), "text": "x", "model": null });
    let refused = problem(app.post("/api/chat/edit", reply).await, 422).await;
    assert_eq!(refused["field"], "message");
}

#[test]
fn what_takes_a_place_is_its_newest_version() {
    let mut thread = Thread::from(Snapshot { messages: vec![said(1, None, "a"), said(2, Some(1), "b")], ..empty() });
    let versions = |thread: &Thread| -> Vec<_> {
        let of = |versions: Option<Versions>| versions.map(|versions| (versions.number, versions.count));
        thread.messages.iter().map(|message| of(message.versions)).collect()
    };
    thread.apply(&message(3, Some(1)));
    assert_eq!(versions(&thread), [None, Some((2, 2))]);
    thread.apply(&message(3, Some(1)));
    assert_eq!(versions(&thread), [None, Some((2, 2))], "told twice, counted once");
    thread.apply(&message(4, Some(1)));
    assert_eq!(versions(&thread), [None, Some((3, 3))]);
    thread.apply(&message(5, Some(4)));
    assert_eq!(versions(&thread), [None, Some((3, 3)), None]);
    thread.apply(&message(6, None));
    assert_eq!(versions(&thread), [Some((2, 2))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_are_shown_the_branch_that_was_chosen() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let first = ask(&app, &conversation, Value::Null, "one").await;
    let second = ask(&app, &conversation, json!(first.reply), "two").await;
    ask(&app, &conversation, Value::Null, "from the start").await;
    let mut viewer = app.follow(&conversation, None).await;
    assert_eq!(texts(&viewer.next().await.unwrap().data["messages"]), ["from the start"]);

    // By a message in the middle: down to the newest below it.
    let chosen: Value = show(&app, &conversation, &first.message).await.json().await.unwrap();
    assert_eq!(texts(&chosen["messages"]), ["one", "two"]);
    let told = viewer.next().await.unwrap();
    assert_eq!(told.event, "snapshot");
    assert_eq!(texts(&told.data["messages"]), ["one", "two"]);
    // It goes on from there, and a newer message wins.
    let third = app.send(&conversation, &says("three")).await;
    app.rest_of(&conversation, &third).await;
    assert_eq!(texts(&app.snapshot(&conversation).await["messages"]), ["one", "two", "three"]);
    assert_eq!(get(&app, &format!("/api/v1/messages/{}", third.message)).await["parent"], json!(second.reply));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_branch_is_chosen_while_a_reply_is_open() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let first = ask(&app, &conversation, Value::Null, "one").await;
    let open = app.send(&conversation, &Script { silence_after: Some(2), ..Script::default() }).await;
    problem(show(&app, &conversation, &first.reply).await, 409).await;
    app.post(&format!("/api/v1/replies/{}/stop", open.reply), json!({})).await;
    app.rest_of(&conversation, &open).await;
    assert_eq!(show(&app, &conversation, &first.reply).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_is_a_reply_of_the_same_conversation() {
    let app = App::start().await;
    let (here, there) = (app.conversation().await, app.conversation().await);
    let first = ask(&app, &here, Value::Null, "one").await;
    let foreign = ask(&app, &there, Value::Null, "elsewhere").await;
    let nobody = uuid::Uuid::now_v7().to_string();
    for parent in [&first.message, &foreign.reply, &nobody] {
        let body = json!({ "content": "x", "parent": parent });
        let refused = problem(app.post(&format!("/api/v1/conversations/{here}/messages"), body).await, 422).await;
        assert_eq!(refused["field"], "parent");
    }
    for message in [&foreign.reply, &nobody] {
        assert_eq!(problem(show(&app, &here, message).await, 422).await["field"], "message");
    }
    // A repeated id with another parent is another message.
    let sent = json!({ "id": nobody, "content": "x", "parent": first.reply });
    let path = format!("/api/v1/conversations/{here}/messages");
    let once: Value = app.post(&path, sent.clone()).await.json().await.unwrap();
    let twice: Value = app.post(&path, sent).await.json().await.unwrap();
    assert_eq!(once["reply"]["id"], twice["reply"]["id"]);
    problem(app.post(&path, json!({ "id": nobody, "content": "x", "parent": null })).await, 409).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_read_one_by_one_and_page_by_page() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let mut parent = Value::Null;
    for answer in ["one", "two", "three"] {
        parent = json!(ask(&app, &conversation, parent, answer).await.reply);
    }
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let mut pages = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = get(&app, &format!("{path}{query}")).await;
        pages.push(texts(&page["items"]));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=2&cursor={next}");
    }
    assert_eq!(pages, [["three"], ["two"], ["one"]]);
    let nobody = uuid::Uuid::now_v7();
    for wrong in [format!("cursor={nobody}"), format!("leaf={nobody}"), "limit=0".into(), "limit=201".into()] {
        problem(app.get(&format!("{path}?{wrong}")).await, 422).await;
    }
    problem(app.get(&format!("{path}?cursor=x")).await, 400).await;

    let open = app.send(&conversation, &Script { silence_after: Some(2), ..Script::default() }).await;
    app.follow(&conversation, Some(&open.cursor)).await.until("token").await;
    let reply = get(&app, &format!("/api/v1/replies/{}", open.reply)).await;
    assert_eq!(reply["status"], "streaming");
    assert!(!text(&reply["text"]).is_empty(), "as far as it has come, and not as far as it is kept");
    assert_eq!(get(&app, &format!("/api/v1/messages/{}", open.message)).await["role"], "user");
    problem(app.get(&format!("/api/v1/replies/{}", open.message)).await, 404).await;
    app.post(&format!("/api/v1/replies/{}/stop", open.reply), json!({})).await;
}
