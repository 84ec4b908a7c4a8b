//! Withdrawn access ends within a second, on every stream and in every process (A17, S14).

use super::*;
use crate::event::Event;
use crate::server::State;
use crate::server::journal::Topic;
use crate::server::transport::{Follower, Frame};
use crate::tests::app::settings;
use std::time::{Duration, Instant};

/// The promise.
const SECOND: Duration = Duration::from_secs(1);
/// Longer than anything that will succeed takes.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a17_streams_are_cut_and_everything_answers_as_for_a_random_id() {
    let mut shared = Shared::with("participant").await;
    let mut of_ann = shared.app.follow(&shared.conversation, None).await;
    shared.be_bob();
    let mut events = shared.app.follow(&shared.conversation, None).await;
    let body = json!({ "conversation": shared.conversation, "cursor": null, "list": null });
    let mut lines = shared.app.post("/api/follow", body.clone()).await;
    events.next().await.unwrap();
    let since = Instant::now();
    shared.take_back().await;
    let both = async {
        while events.next().await.is_some() {}
        while lines.chunk().await.is_ok_and(|chunk| chunk.is_some()) {}
    };
    tokio::time::timeout(PATIENCE, both).await.expect("a stream stays open");
    assert!(since.elapsed() < SECOND, "cut after {:?}", since.elapsed());
    let sent = shared.app.send(&shared.conversation, &Script { silence_after: Some(2), ..Script::default() }).await;
    of_ann.until("reply").await;
    shared.be_bob();
    let random = uuid::Uuid::now_v7();
    for (theirs, other) in [
        (shared.path(""), format!("/api/v1/conversations/{random}")),
        (shared.path("/events"), format!("/api/v1/conversations/{random}/events")),
        (shared.path("/sharing"), format!("/api/v1/conversations/{random}/sharing")),
    ] {
        let (theirs, other) = (shared.app.get(&theirs).await, shared.app.get(&other).await);
        assert_eq!(problem(theirs, 404).await, problem(other, 404).await);
    }
    let stop = |reply: String| shared.app.post("/api/chat/stop", json!({ "reply": reply }));
    assert_eq!(problem(stop(sent.reply).await, 404).await, problem(stop(random.to_string()).await, 404).await);
    problem(shared.app.post(&shared.path("/messages"), json!({ "content": "x" })).await, 404).await;
    problem(shared.app.post("/api/follow", body).await, 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_what_one_process_takes_back_the_other_cuts() {
    let mut shared = Shared::with("participant").await;
    let second = State::start(settings(&shared.app.folder, &shared.app.upstream, &[])).await.unwrap();
    let bob: crate::model::AccountId = shared.bob_id.parse().unwrap();
    let topic = Topic::Conversation(shared.conversation.parse().unwrap());
    let (mut follower, _) = Follower::start(&second, bob, topic, None).await.unwrap();
    let (mut list, _) = Follower::start(&second, bob, Topic::Account(bob), None).await.unwrap();
    let since = Instant::now();
    shared.take_back().await;
    let over = async { while follower.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, over).await.expect("it goes on");
    assert!(since.elapsed() < SECOND && follower.is_withdrawn(), "cut after {:?}", since.elapsed());
    assert!(Follower::start(&second, bob, topic, None).await.is_err(), "and it does not come back");
    let frames = tokio::time::timeout(PATIENCE, list.next()).await.unwrap().unwrap();
    let [Frame::Start { event: Event::List(list), .. }] = &frames[..] else { panic!("no list") };
    assert!(list.items.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_no_longer_write_no_longer_pays() {
    for removed in [true, false] {
        let mut shared = Shared::with("participant").await;
        shared.be_bob();
        let own = shared.app.conversation().await;
        let script = Script { silence_after: Some(2), ..Script::default() };
        let elsewhere = shared.app.send(&own, &script).await;
        let sent = shared.app.send(&shared.conversation, &script).await;
        shared.be_ann();
        let mut of_ann = shared.app.follow(&shared.conversation, Some(&sent.cursor)).await;
        of_ann.until("token").await;
        if removed {
            shared.take_back().await;
        } else {
            let path = shared.path(&format!("/sharing/people/{}", shared.bob_id));
            let set = shared.app.request(Method::PATCH, &path).json(&json!({ "role": "reader" }));
            assert_eq!(set.send().await.unwrap().status(), StatusCode::OK);
        }
        let end = of_ann.until_end(&sent.reply).await.pop().unwrap();
        assert_eq!(end.event, "stopped");
        assert_ne!(shared.app.last_message(&shared.conversation).await["text"], "", "what there was is kept");
        shared.be_bob();
        assert_eq!(shared.app.last_message(&own).await["status"], "streaming", "elsewhere it goes on");
        shared.app.post(&format!("/api/v1/replies/{}/stop", elsewhere.reply), json!({})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_leaves_loses_access_and_an_owner_cannot_leave() {
    let mut shared = Shared::with("reader").await;
    shared.be_bob();
    let mut events = shared.app.follow(&shared.conversation, None).await;
    let path = shared.path(&format!("/sharing/people/{}", shared.bob_id));
    let since = Instant::now();
    assert_eq!(shared.app.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    while events.next().await.is_some() {}
    assert!(since.elapsed() < SECOND);
    problem(shared.app.get(&shared.path("")).await, 404).await;
    shared.be_ann();
    let sharing: Value = shared.app.get(&shared.path("/sharing")).await.json().await.unwrap();
    assert_eq!(sharing["people"], json!([]));
    let own = shared.path(&format!("/sharing/people/{}", text(&sharing["owner"]["id"])));
    problem(shared.app.request(Method::DELETE, &own).send().await.unwrap(), 409).await;
    problem(shared.app.request(Method::DELETE, &path).send().await.unwrap(), 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_loses_what_is_shared_with_it_and_its_links_lead_nowhere() {
    let mut shared = Shared::with("participant").await;
    shared.be_bob();
    let own = shared.app.conversation().await;
    let secret = shared.app.share_link(&own, json!({ "role": "reader" })).await;
    let mut events = shared.app.follow(&shared.conversation, None).await;
    let bob = shared.bob_id.parse().unwrap();
    let since = Instant::now();
    let note = crate::server::store::audit::Note::new("Root", "disabled", "Bob", "");
    shared.app.state.store.set_disabled(bob, true, &note).await.unwrap();
    while events.next().await.is_some() {}
    assert!(since.elapsed() < SECOND);
    shared.be_ann();
    let sharing: Value = shared.app.get(&shared.path("/sharing")).await.json().await.unwrap();
    assert_eq!(sharing["people"], json!([]));
    problem(shared.app.join(&secret).await, 404).await;
    let path = shared.path("/sharing/people");
    problem(shared.app.post(&path, json!({ "name": "Bob", "role": "reader" })).await, 422).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_deletes_is_over_at_the_other() {
    let shared = Shared::with("participant").await;
    let second = State::start(settings(&shared.app.folder, &shared.app.upstream, &[])).await.unwrap();
    let bob: crate::model::AccountId = shared.bob_id.parse().unwrap();
    let conversation: crate::model::ConversationId = shared.conversation.parse().unwrap();
    let ann = second.store.owner(conversation).await.unwrap();
    let public = crate::server::secret::Hash::of(&shared.publish(false).await);
    let viewers: [crate::server::principal::ViewerId; 3] =
        [ann.into(), bob.into(), crate::server::principal::ViewerId::Public(public)];
    let mut followers = Vec::new();
    for viewer in viewers {
        followers.push(Follower::start(&second, viewer, Topic::Conversation(conversation), None).await.unwrap().0);
    }
    let (mut list, _) = Follower::start(&second, ann, Topic::Account(ann), None).await.unwrap();
    let since = Instant::now();
    assert_eq!(
        shared.app.request(Method::DELETE, &shared.path("")).send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    for follower in &mut followers {
        let over = async { while follower.next().await.is_some() {} };
        tokio::time::timeout(PATIENCE, over).await.expect("it goes on");
    }
    let frames = tokio::time::timeout(PATIENCE, list.next()).await.unwrap().unwrap();
    let [Frame::Start { event: Event::List(list), .. }] = &frames[..] else { panic!("no list") };
    assert!(list.items.is_empty());
    assert!(since.elapsed() < SECOND, "cut after {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_viewer_is_told_that_it_is_deleted() {
    let shared = Shared::with("reader").await;
    let bob: crate::model::AccountId = shared.bob_id.parse().unwrap();
    let conversation: crate::model::ConversationId = shared.conversation.parse().unwrap();
    let topic = Topic::Conversation(conversation);
    let (mut follower, first) = Follower::start(&shared.app.state, bob, topic, None).await.unwrap();
    let Frame::Start { id: from, .. } = first else { panic!("no start") };
    let path = shared.path("");
    shared.app.request(Method::PATCH, &path).json(&json!({ "title": "Other" })).send().await.unwrap();
    assert_eq!(shared.app.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    shared.app.state.grants.revoke(crate::server::store::revocations::Revoked::Share(bob, conversation));
    let frames = follower.next().await.unwrap();
    let [Frame::Merged { event: Event::Deleted { .. }, first, .. }] = &frames[..] else { panic!("not told") };
    assert_eq!(*first, from.seq + 1, "in place of all before it");
    assert!(follower.next().await.is_none() && follower.is_deleted() && !follower.is_withdrawn());
}
