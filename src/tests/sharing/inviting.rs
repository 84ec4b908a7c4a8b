//! Joining: by name, and by a link.

use super::*;
use crate::model::Access;
use crate::server::secret::{self, Hash};
use crate::server::store::sharing::InviteLink;
use crate::server::times::{ago, now};
use crate::tests::app::{Sent, directive};
use crate::tests::images::files::png;

async fn people(shared: &Shared) -> Vec<(String, String)> {
    let sharing: Value = shared.app.get(&shared.path("/sharing")).await.json().await.unwrap();
    let people = sharing["people"].as_array().unwrap().iter();
    people.map(|person| (text(&person["name"]), text(&person["role"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_found_by_name_and_errors_say_what_is_wrong() {
    let shared = Shared::with("reader").await;
    let path = shared.path("/sharing/people");
    let wrong = problem(shared.app.post(&path, json!({ "name": "Nobody", "role": "reader" })).await, 422).await;
    assert_eq!(wrong["field"], "name");
    let own = problem(shared.app.post(&path, json!({ "name": "ann", "role": "reader" })).await, 422).await;
    assert!(own["detail"].as_str().unwrap().contains("your own"));
    for role in ["owner", "admin", ""] {
        let wrong = problem(shared.app.post(&path, json!({ "name": "Bob", "role": role })).await, 422).await;
        assert_eq!(wrong["field"], "role");
    }
    shared.app.share(&shared.conversation, "BOB", "participant").await;
    assert_eq!(people(&shared).await, [("Bob".to_owned(), "participant".to_owned())], "once, with the newer role");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_for_so_many_people_and_for_its_time() {
    let mut shared = Shared::with("reader").await;
    let secret = shared.app.share_link(&shared.conversation, json!({ "role": "participant" })).await;
    assert_eq!(secret.len(), 32, "128 bits");
    // A user who already has more access takes no use of it.
    assert_eq!(shared.app.join(&secret).await.status(), StatusCode::OK);
    shared.be_bob();
    let joined: Value = shared.app.join(&secret).await.json().await.unwrap();
    assert_eq!(joined["id"], shared.conversation.as_str());
    let again: Value = shared.app.join(&secret).await.json().await.unwrap();
    assert_eq!(again["id"], joined["id"], "used up by this very person, whose answer may have been lost");
    assert_eq!(shared.app.snapshot(&shared.conversation).await["access"], "participant", "a reader became more");
    shared.app.cookie = shared.app.new_cookie().await;
    let used_up = problem(shared.app.join(&secret).await, 404).await;
    let unknown = problem(shared.app.join(&secret::short().unwrap()).await, 404).await;
    assert_eq!(used_up, unknown);
    // An expired one.
    let (secret, conversation) = (secret::short().unwrap(), shared.conversation.parse().unwrap());
    let over = InviteLink {
        hash: Hash::of(&secret),
        role: Access::Reader,
        uses: 9,
        used: 0,
        ends_at: ago(std::time::Duration::from_secs(1)),
        created_at: now(),
    };
    let writer = shared.app.state.writer(shared.bob_id.parse().unwrap());
    assert!(shared.app.state.store.add_share_link(writer, conversation, &over, 100).await.unwrap());
    problem(shared.app.join(&secret).await, 404).await;
    // A withdrawn one.
    shared.be_ann();
    let secret = shared.app.share_link(&shared.conversation, json!({ "role": "reader", "uses": 2 })).await;
    let path = shared.path(&format!("/sharing/links/{}", Hash::of(&secret)));
    assert_eq!(shared.app.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    problem(shared.app.request(Method::DELETE, &path).send().await.unwrap(), 404).await;
    shared.app.cookie = shared.app.new_cookie().await;
    problem(shared.app.join(&secret).await, 404).await;
    for body in [json!({ "role": "reader", "uses": 0 }), json!({ "role": "reader", "days": 31 })] {
        shared.be_ann();
        problem(shared.app.post(&shared.path("/sharing/links"), body).await, 422).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_take_the_last_use_at_once_are_one() {
    let mut shared = Shared::with("reader").await;
    let secret = shared.app.share_link(&shared.conversation, json!({ "role": "reader" })).await;
    let one = shared.app.new_cookie().await;
    let other = shared.app.new_cookie().await;
    let join = |cookie: &str| {
        let body = json!({ "secret": secret });
        shared.app.stranger(Method::POST, "/api/v1/join").header("cookie", cookie).json(&body).send()
    };
    let (one, other) = tokio::join!(join(&one), join(&other));
    let mut statuses = [one.unwrap().status(), other.unwrap().status()];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::NOT_FOUND]);
    shared.be_ann();
    assert_eq!(people(&shared).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a18_guessing_links_is_slowed() {
    let shared = Shared::with("reader").await;
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(shared.app.join(&secret::short().unwrap()).await.status());
    }
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
    for (method, path) in [(Method::GET, "/join/x"), (Method::GET, "/p/x"), (Method::POST, "/p/x/api/follow")] {
        let refused = shared.app.request(method.clone(), path).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert!(refused.headers().contains_key("retry-after"), "{path}");
        let kind = if method == Method::GET { "text/html" } else { "application/problem+json" };
        assert!(refused.headers()["content-type"].to_str().unwrap().starts_with(kind), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_comes_in_and_signs_in_keeps_it() {
    let mut shared = Shared::with("participant").await;
    shared.take_back().await;
    let secret = shared.app.share_link(&shared.conversation, json!({ "role": "participant" })).await;
    shared.app.cookie = shared.app.new_cookie().await;
    assert_eq!(shared.app.join(&secret).await.status(), StatusCode::OK);
    let image = shared.app.image(png(8, 8)).await;
    let body = json!({ "content": directive(&Script::default()), "images": [image] });
    let sent = Sent::of(&shared.app.post(&shared.path("/messages"), body).await.json().await.unwrap());
    shared.app.rest_of(&shared.conversation, &sent).await;
    let author = shared.app.snapshot(&shared.conversation).await["messages"][2]["author"].clone();
    assert!(text(&author["name"]).starts_with("guest "));
    shared.app.sign_in("Bob").await;
    let snapshot = shared.app.snapshot(&shared.conversation).await;
    assert_eq!(snapshot["access"], "participant");
    assert_eq!(snapshot["messages"][2]["author"]["name"], "Bob", "what the guest wrote is Bob's now");
    let used: Value = shared.app.get("/api/v1/usage").await.json().await.unwrap();
    assert_eq!(used["items"][0]["replies"], 1, "and so is what that cost");
    shared.be_ann();
    assert_eq!(snapshot["messages"][2]["images"][0]["id"], image.as_str());
    let shown = shared.app.get(&format!("/api/v1/images/{image}")).await;
    assert_eq!(shown.status(), StatusCode::OK, "what the guest showed is still there");
    assert_eq!(people(&shared).await, [("Bob".to_owned(), "participant".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_signs_in_as_the_owner_is_the_owner() {
    let mut shared = Shared::with("reader").await;
    let secret = shared.app.share_link(&shared.conversation, json!({ "role": "participant" })).await;
    shared.app.cookie = shared.app.new_cookie().await;
    assert_eq!(shared.app.join(&secret).await.status(), StatusCode::OK);
    shared.app.sign_in("Ann").await;
    assert_eq!(shared.app.snapshot(&shared.conversation).await["access"], "owner");
    assert_eq!(people(&shared).await.len(), 1, "nobody shares with themselves");
    assert_eq!(shared.app.conversations().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_cannot_be_enumerated_by_many_tries_nor_by_guests() {
    let mut shared = Shared::with("reader").await;
    let path = shared.path("/sharing/people");
    let mut statuses = Vec::new();
    for number in 0..30 {
        let body = json!({ "name": format!("Nobody {number}"), "role": "reader" });
        statuses.push(shared.app.post(&path, body).await.status());
    }
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
    assert!(shared.app.try_sign_in("Bob", crate::tests::accounts::PASSWORD).await.status().is_redirection());
    shared.app.cookie = shared.app.new_cookie().await;
    let own = shared.app.conversation().await;
    let path = format!("/api/v1/conversations/{own}/sharing/people");
    for name in ["Bob", "Nobody"] {
        let refused = problem(shared.app.post(&path, json!({ "name": name, "role": "reader" })).await, 403).await;
        assert!(text(&refused["detail"]).contains("Sign up to share by name"));
    }
    let page = shared.app.get(&format!("/c/{own}/sharing")).await.text().await.unwrap();
    assert!(page.contains("Make a link") && !page.contains("Their name here"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_removed_comes_back_by_no_link_and_who_leaves_ends_none() {
    let mut shared = Shared::with("reader").await;
    let page = shared.app.get(&format!("/c/{}/sharing", shared.conversation)).await.text().await.unwrap();
    assert!(page.contains("ends all open invitation links too"), "{page}");
    let secret = shared.app.share_link(&shared.conversation, json!({ "role": "reader", "uses": 5 })).await;
    shared.be_bob();
    let path = shared.path(&format!("/sharing/people/{}", shared.bob_id));
    assert_eq!(shared.app.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(shared.app.join(&secret).await.status(), StatusCode::OK, "who has left may come back");
    shared.take_back().await;
    shared.be_bob();
    problem(shared.app.join(&secret).await, 404).await;
    shared.be_ann();
    let sharing: Value = shared.app.get(&shared.path("/sharing")).await.json().await.unwrap();
    assert_eq!(sharing["links"], json!([]));
}
