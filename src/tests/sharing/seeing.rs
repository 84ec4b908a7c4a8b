//! Every viewer sees everything live, with its author; and the list says what is shared.

use super::*;
use crate::tests::app::Frame;
use crate::tests::invariants::assert_sound;

#[tokio::test(flavor = "multi_thread")]
async fn all_viewers_see_the_same_in_the_same_order_and_who_wrote_it() {
    let mut shared = Shared::with("participant").await;
    let mut of_ann = shared.app.follow(&shared.conversation, None).await;
    shared.be_bob();
    let mut of_bob = shared.app.follow(&shared.conversation, None).await;
    let (first_ann, first_bob) = (of_ann.next().await.unwrap(), of_bob.next().await.unwrap());
    assert_eq!((&first_ann.data["access"], &first_bob.data["access"]), (&json!("owner"), &json!("participant")));
    assert_eq!(first_bob.data["messages"][0]["author"]["name"], "Ann");
    assert_eq!(first_bob.data["messages"][1].get("author"), None, "a reply has no author");
    assert_eq!(first_bob.data["conversation"]["owner"]["name"], "Ann");
    let script = Script { pieces: 40, gap_ms: 2, ..Script::default() };
    let sent = shared.app.send(&shared.conversation, &script).await;
    let events = |mut frames: Vec<Frame>| {
        frames.retain(|frame| frame.event != "presence");
        frames
    };
    let seen_ann = events(of_ann.until_end(&sent.reply).await);
    let seen_bob = events(of_bob.until_end(&sent.reply).await);
    let said = |frames: &[Frame]| frames.iter().find(|frame| frame.event == "message").unwrap().clone();
    assert_eq!(said(&seen_ann).data["message"]["author"], json!({ "id": shared.bob_id, "name": "Bob" }));
    assert_sound(&shared.app, &sent.reply, &[&seen_ann, &seen_bob], &script.full_text()).await;
    let stored = shared.app.snapshot(&shared.conversation).await;
    assert_eq!(stored["messages"][2]["author"]["name"], "Bob");
    let again = json!({ "id": sent.message, "content": said(&seen_ann).data["message"]["text"] });
    let again = shared.app.post(&shared.path("/messages"), again).await;
    assert_eq!(again.json::<Value>().await.unwrap()["reply"]["id"], sent.reply, "sending twice is sending once");
}

/// The lines of the app's stream, as JSON.
async fn list_event(lines: &mut Response, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut buffer = String::new();
    let reading = async {
        loop {
            let chunk = lines.chunk().await.unwrap().expect("the stream ended");
            buffer.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some(end) = buffer.find('\n') {
                let line: String = buffer.drain(..=end).collect();
                match serde_json::from_str::<Value>(&line) {
                    Ok(value) if value["topic"] == "list" && wanted(&value) => return value,
                    _ => {}
                }
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), reading).await.expect("it was not told")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participants_list_has_it_live_until_access_is_withdrawn() {
    let mut shared = Shared::with("reader").await;
    shared.be_ann();
    let other = shared.app.conversation().await;
    shared.be_bob();
    assert_eq!(shared.app.conversations().await.len(), 1);
    let follow = json!({ "conversation": null, "cursor": null, "list": null });
    let mut lines = shared.app.post("/api/follow", follow).await;
    list_event(&mut lines, |line| line["type"] == "list").await;
    shared.be_ann();
    shared.app.share(&other, "Bob", "reader").await;
    let added = list_event(&mut lines, |line| line["type"] == "conversation").await;
    assert_eq!((&added["conversation"]["id"], &added["conversation"]["owner"]["name"]), (&json!(other), &json!("Ann")));
    let path = format!("/api/v1/conversations/{other}");
    shared.app.request(Method::PATCH, &path).json(&json!({ "title": "Plans" })).send().await.unwrap();
    list_event(&mut lines, |line| line["conversation"]["title"] == "Plans").await;
    shared.app.send(&shared.conversation, &Script::default()).await;
    list_event(&mut lines, |line| line["conversation"]["id"] == shared.conversation.as_str()).await;
    shared.take_back().await;
    let gone = list_event(&mut lines, |line| line["type"] == "deleted").await;
    assert_eq!(gone["conversation"], shared.conversation.as_str());
    shared.app.request(Method::DELETE, &path).send().await.unwrap();
    let gone = list_event(&mut lines, |line| line["type"] == "deleted").await;
    assert_eq!(gone["conversation"], other.as_str());
    shared.be_bob();
    assert!(shared.app.conversations().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shared_has_its_place_on_the_pages_of_the_list() {
    let mut shared = Shared::with("reader").await;
    shared.be_bob();
    let mut all = vec![shared.conversation.clone()];
    for _ in 0..4 {
        all.push(shared.app.conversation().await);
    }
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let page: Value = shared.app.get(&format!("/api/v1/conversations?limit=2{next}")).await.json().await.unwrap();
        found.extend(page["items"].as_array().unwrap().iter().map(|item| text(&item["id"])));
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    all.reverse();
    assert_eq!(found, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_deletes_everything_deletes_only_what_is_theirs() {
    let mut shared = Shared::with("participant").await;
    shared.be_bob();
    shared.app.conversation().await;
    let bob = shared.bob_id.parse().unwrap();
    crate::server::conversations::delete_all(&shared.app.state, bob).await.unwrap();
    let left = shared.app.conversations().await;
    assert_eq!(left.len(), 1, "what others share stays");
    shared.be_ann();
    assert_eq!(shared.app.conversations().await.len(), 1);
}
