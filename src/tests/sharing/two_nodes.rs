//! Who is there and who types, where each viewer is at another node.

use super::company::until;
use super::*;
use crate::tests::backplane::apps;

#[tokio::test(flavor = "multi_thread")]
async fn s16_the_others_are_seen_to_come_to_type_and_to_go_whichever_node_they_are_at() {
    let Some((app, mut other)) = apps(&[]).await else { return };
    let mut shared = Shared::on(app, "participant").await;
    let mut of_ann = shared.app.follow(&shared.conversation, None).await;
    other.cookie.clone_from(&shared.bob);
    let mut of_bob = other.follow(&shared.conversation, None).await;
    until(&mut of_bob, &[("Ann", false)]).await;
    until(&mut of_ann, &[("Bob", false)]).await;
    // Bob's requests come to Ann's node.
    shared.be_bob();
    assert_eq!(shared.app.post(&shared.path("/typing"), json!({})).await.status(), StatusCode::NO_CONTENT);
    until(&mut of_ann, &[("Bob", true)]).await;
    let sent = shared.app.post(&shared.path("/messages"), json!({ "content": "Said." })).await;
    assert_eq!(sent.status(), StatusCode::ACCEPTED);
    until(&mut of_ann, &[("Bob", false)]).await;
    drop(of_bob);
    until(&mut of_ann, &[]).await;
}
