//! Other viewers, and who types: told to those it is shared with, and never a part of the journal.

use super::*;
use crate::tests::app::Frame;

fn people(frame: &Frame) -> Vec<(String, bool)> {
    let people = frame.data["people"].as_array().unwrap().iter();
    people.map(|one| (text(&one["name"]), one["typing"].as_bool().unwrap_or(false))).collect()
}

/// The events up to the presence that tells this.
pub(super) async fn until(events: &mut crate::tests::app::Sse, wanted: &[(&str, bool)]) -> Vec<Frame> {
    let wanted: Vec<_> = wanted.iter().map(|(name, typing)| ((*name).to_owned(), *typing)).collect();
    events.until_that(|frame| frame.event == "presence" && people(frame) == wanted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_are_seen_to_come_to_type_and_to_go() {
    let mut shared = Shared::with("participant").await;
    let mut of_ann = shared.app.follow(&shared.conversation, None).await;
    let before = of_ann.next().await.unwrap();
    shared.be_bob();
    let mut of_bob = shared.app.follow(&shared.conversation, None).await;
    until(&mut of_bob, &[("Ann", false)]).await;
    let told = until(&mut of_ann, &[("Bob", false)]).await;
    assert_eq!(told.last().unwrap().id, "", "it has no id, so that a client resumes from the last event");
    let typing = shared.path("/typing");
    assert_eq!(shared.app.post(&typing, json!({})).await.status(), StatusCode::NO_CONTENT);
    until(&mut of_ann, &[("Bob", true)]).await;
    // A sent message ends the typing.
    let body =
        json!({ "conversation": shared.conversation, "message": uuid::Uuid::now_v7(), "text": "x", "start": null });
    assert_eq!(shared.app.post("/api/chat/send", body).await.status(), StatusCode::OK);
    let told = until(&mut of_ann, &[("Bob", false)]).await;
    drop(of_bob);
    let rest = until(&mut of_ann, &[]).await;
    // The journal has its own numbers, without a gap.
    let events: Vec<_> =
        [before].into_iter().chain(told).chain(rest).filter(|frame| frame.event != "presence").collect();
    crate::tests::app::assert_contiguous(&events);
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_ends_with_a_message_whatever_door_it_comes_by() {
    let mut shared = Shared::with("participant").await;
    shared.be_bob();
    let _of_bob = shared.app.follow(&shared.conversation, None).await;
    let conversation = shared.conversation.parse().unwrap();
    let (app, id) = (&shared.app, uuid::Uuid::now_v7().to_string());
    let typing = || app.state.audience.members(conversation).iter().any(|member| member.typing);
    let types = async || {
        assert_eq!(app.post(&shared.path("/typing"), json!({})).await.status(), StatusCode::NO_CONTENT);
        assert!(typing());
    };

    types().await;
    let sent = app.post(&shared.path("/messages"), json!({ "id": id, "content": "By REST" })).await;
    assert_eq!((sent.status(), typing()), (StatusCode::ACCEPTED, false));

    types().await;
    let form = app.form("/forms/send", &[("conversation", &shared.conversation), ("text", "By the form")]);
    assert_eq!((form.send().await.unwrap().status(), typing()), (StatusCode::SEE_OTHER, false));

    types().await;
    let words = json!({ "message": id, "new": uuid::Uuid::now_v7(), "text": "Changed", "model": null });
    assert_eq!((app.post("/api/chat/edit", words).await.status(), typing()), (StatusCode::OK, false));

    types().await;
    let refused = app.post(&shared.path("/messages"), json!({ "content": "x", "model": "nobody/model" })).await;
    assert_eq!((refused.status(), typing()), (StatusCode::UNPROCESSABLE_ENTITY, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_write_types_and_a_second_tab_is_nobody_else() {
    let mut shared = Shared::with("reader").await;
    let mut of_ann = shared.app.follow(&shared.conversation, None).await;
    let _second = shared.app.follow(&shared.conversation, None).await;
    shared.be_bob();
    problem(shared.app.post(&shared.path("/typing"), json!({})).await, 403).await;
    let _of_bob = shared.app.follow(&shared.conversation, None).await;
    let told = until(&mut of_ann, &[("Bob", false)]).await;
    assert_eq!(told.iter().filter(|frame| frame.event == "presence").count(), 1, "nothing before another viewer came");
    shared.take_back().await;
    until(&mut of_ann, &[]).await;
}
