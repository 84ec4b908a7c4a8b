//! What is done at one node is seen at another (S16), as far as PostgreSQL alone brings it.

use super::{Nodes, SOON, within};
use crate::event::Event;
use crate::model::{AccountId, ConversationId};
use crate::server::journal::Topic;
use crate::server::transport::{Follower, Frame};
use crate::tests::app::{Frame as Sent, Sse, directive, text};
use crate::tests::upstream::script::Script;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Goes on for longer than a test does.
fn long() -> Script {
    Script { pieces: 4_000, gap_ms: 20, ..Script::default() }
}

fn title(frame: &Sent) -> Option<&str> {
    match frame.event.as_str() {
        "conversation" => frame.data["conversation"]["title"].as_str(),
        "snapshot" => frame.data["conversation"]["title"].as_str(),
        _ => None,
    }
}

/// Whether the frame is a snapshot whose newest message has this status.
fn shows(frame: &Sent, status: &str) -> bool {
    let last = |data: &Value| data["messages"].as_array().and_then(|all| Some(all.last()?["status"] == status));
    frame.event == "snapshot" && last(&frame.data) == Some(true)
}

impl Nodes {
    pub(super) async fn rename(&self, node: usize, conversation: &str, title: &str) {
        let path = format!("/api/v1/conversations/{conversation}");
        let answer = self[node].request(Method::PATCH, &path).json(&json!({ "title": title })).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    /// A viewer there, who has been shown the beginning.
    async fn viewer(&self, node: usize, conversation: &str) -> Sse {
        let mut events = self[node].follow(conversation, None).await;
        events.until("snapshot").await;
        events
    }

    /// The account's list there, as an open page follows it.
    async fn list(&self, node: usize, account: AccountId) -> Follower {
        let (list, _) = Follower::start(&self[node].state, account, Topic::Account(account), None).await.unwrap();
        list
    }

    async fn account_of(&self, conversation: &str) -> AccountId {
        self[0].state.store.owner(conversation.parse().unwrap()).await.unwrap()
    }
}

/// Waits for a list in which the conversation has this title.
async fn listed(list: &mut Follower, conversation: &str, title: &str) {
    let conversation: ConversationId = conversation.parse().unwrap();
    let has = |event: &Event| match event {
        Event::List(list) => list.items.iter().any(|item| item.id == conversation && item.title == title),
        Event::Conversation { conversation: item } => item.id == conversation && item.title == title,
        _ => false,
    };
    loop {
        let frames = list.next().await.expect("there is more to come");
        let found = frames.iter().any(|frame| match frame {
            Frame::Start { event, .. } => has(event),
            Frame::Entry { entry, .. } => has(&entry.event),
            Frame::Merged { event, .. } => has(event),
            _ => false,
        });
        if found {
            return;
        }
    }
}

#[tokio::test]
async fn a_conversation_of_one_node_is_read_at_another() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let sent = nodes[0].send(&conversation, &Script::default()).await;
    nodes[0].rest_of(&conversation, &sent).await;
    let there: Value = nodes[1].last_message(&conversation).await;
    assert_eq!((&there["id"], &there["status"]), (&Value::from(sent.reply), &Value::from("done")));
    assert_ne!(nodes[0].process(), nodes[1].process());
}

#[tokio::test]
async fn s16_a_name_and_a_new_conversation_are_seen_at_the_other_nodes_in_conversations_and_lists() {
    let Some(nodes) = Nodes::start(3).await else { return };
    let conversation = nodes[0].conversation().await;
    let account = nodes.account_of(&conversation).await;
    let (mut here, mut there) = (nodes.viewer(0, &conversation).await, nodes.viewer(1, &conversation).await);
    let mut list = nodes.list(2, account).await;
    for (node, name) in [(0, "Of the first"), (1, "Of the second")] {
        nodes.rename(node, &conversation, name).await;
        let named = async {
            tokio::join!(
                here.until_that(|frame| title(frame) == Some(name)),
                there.until_that(|frame| title(frame) == Some(name)),
                listed(&mut list, &conversation, name),
            )
        };
        within(SOON, name, named).await;
    }
    let another = nodes[1].conversation().await;
    within(SOON, "new conversation", listed(&mut list, &another, "")).await;
}

/// A snapshot there would be one in the middle of a reply: there are none while it is written.
#[tokio::test]
async fn s16_a_name_that_is_given_elsewhere_comes_between_the_pieces_of_a_reply() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let mut here = nodes.viewer(0, &conversation).await;
    nodes[0].send(&conversation, &long()).await;
    here.until("token").await;
    nodes.rename(1, &conversation, "Of the other").await;
    let frames = here.until_that(|frame| title(frame) == Some("Of the other"));
    let frames = within(SOON, "name", frames).await;
    assert!(frames.iter().all(|frame| frame.event != "snapshot"), "{frames:?}");
}

#[tokio::test]
async fn s16_a_stop_elsewhere_ends_a_reply_and_all_viewers_see_it() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let (mut here, mut there) = (nodes.viewer(0, &conversation).await, nodes.viewer(1, &conversation).await);
    let sent = nodes[0].send(&conversation, &long()).await;
    within(SOON, "reply there", there.until_that(|frame| shows(frame, "streaming"))).await;
    let stopped = nodes[1].post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
    assert_eq!(stopped.status(), StatusCode::ACCEPTED);
    let seen = async { tokio::join!(here.until("stopped"), there.until_that(|frame| shows(frame, "stopped"))) };
    within(SOON, "end", seen).await;
    within(SOON, "end at the model", nodes[0].upstream.ended(1)).await.unwrap();
}

#[tokio::test]
async fn s16_a_reply_is_shown_elsewhere_as_it_grows_and_one_that_takes_no_second_is_shown_too() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let mut there = nodes.viewer(1, &conversation).await;
    let script = Script { pieces: 150, gap_ms: 20, ..Script::default() };
    let sent = nodes[0].send(&conversation, &script).await;
    let frames = there.until_that(|frame| shows(frame, "done")).await;
    let last = |frame: &Sent| text(&frame.data["messages"].as_array().unwrap().last().unwrap()["text"]);
    let texts: Vec<_> = frames.iter().map(last).collect();
    assert!(texts.windows(2).all(|pair| pair[1].starts_with(&pair[0])), "it shrinks: {texts:?}");
    let lengths: std::collections::BTreeSet<_> = texts.iter().map(String::len).collect();
    assert!(3 <= lengths.len(), "three seconds of it in {lengths:?}");
    assert_eq!(texts.last(), Some(&script.full_text()));
    assert_eq!(nodes[0].last_message(&conversation).await["id"], sent.reply);
    // Begun and ended between two looks at what is open.
    let quick = nodes[0].send(&conversation, &Script::default()).await;
    let is_it = |frame: &Sent| shows(frame, "done") && frame.data.to_string().contains(&quick.reply);
    within(2 * SOON, "short reply", there.until_that(is_it)).await;
}

#[tokio::test]
async fn s16_a_branch_that_is_chosen_elsewhere_is_shown() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let says = |text: &str| Script { text: Some(text.into()), ..Script::default() };
    let first = nodes[0].send(&conversation, &says("one")).await;
    nodes[0].rest_of(&conversation, &first).await;
    let retried = nodes[0].post(&format!("/api/v1/replies/{}/retry", first.reply), json!({})).await;
    let retried: Value = retried.json().await.unwrap();
    let second = text(&retried["reply"]["id"]);
    nodes[0].follow(&conversation, Some(&text(&retried["cursor"]))).await.until_end(&second).await;
    let mut there = nodes.viewer(1, &conversation).await;
    let path = format!("/api/v1/conversations/{conversation}/branch");
    let shown = nodes[0].request(Method::PUT, &path).json(&json!({ "message": first.reply })).send().await.unwrap();
    assert_eq!(shown.status(), StatusCode::OK);
    let is_first = |frame: &Sent| {
        frame.event == "snapshot" && frame.data["messages"].as_array().unwrap().last().unwrap()["id"] == first.reply
    };
    within(SOON, "branch", there.until_that(is_first)).await;
}

#[tokio::test]
async fn s16_what_is_shared_and_deleted_at_one_node_comes_and_goes_at_another() {
    let Some(mut nodes) = Nodes::start(2).await else { return };
    let bob = nodes.sign_up("Bob").await;
    let own = nodes[1].conversation().await;
    let his = nodes.account_of(&own).await;
    nodes.sign_up("Ann").await;
    let conversation = nodes[0].conversation().await;
    nodes.rename(0, &conversation, "Of Ann").await;
    let mut list = nodes.list(1, his).await;
    nodes[0].share(&conversation, "bob", "participant").await;
    within(SOON, "share", listed(&mut list, &conversation, "Of Ann")).await;
    nodes.be(&bob);
    let mut there = nodes.viewer(1, &conversation).await;
    let ann = nodes.sign_up("Ann again").await;
    assert_ne!(ann, bob);
    let account = nodes.account_of(&conversation).await;
    nodes[0].state.store.mark_leaving(account, conversation.parse().unwrap()).await.unwrap();
    within(SOON, "deletion", there.until("deleted")).await;
    let gone = async {
        loop {
            let frames = list.next().await.expect("there is more to come");
            let has = |frame: &Frame| {
                matches!(frame, Frame::Start { event: Event::List(list), .. }
                if list.items.iter().all(|item| item.id.to_string() != conversation))
            };
            if frames.iter().any(has) {
                return;
            }
        }
    };
    within(SOON, "list without it", gone).await;
}

/// Each is told the newest before it: there is one line of messages, though nobody has waited for the other.
#[tokio::test]
async fn h09_messages_that_are_sent_at_two_nodes_at_once_are_one_after_the_other() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let body = json!({ "content": directive(&Script::default()) });
    for round in 0..10 {
        let (one, other) = tokio::join!(nodes[0].post(&path, body.clone()), nodes[1].post(&path, body.clone()));
        for answer in [one, other] {
            let status = answer.status();
            assert_eq!(status, StatusCode::ACCEPTED, "{round}: {}", answer.text().await.unwrap());
        }
    }
    let tree: Value =
        nodes[0].get(&format!("/api/v1/conversations/{conversation}/tree?limit=200")).await.json().await.unwrap();
    let all = tree["items"].as_array().unwrap();
    assert_eq!(all.len(), 40);
    for pair in all.windows(2) {
        assert_eq!(pair[1]["parent"], pair[0]["id"], "one line: {all:?}");
    }
}

/// The end of each at one node is news at the other, which opens the next one at that moment.
#[tokio::test]
async fn messages_that_follow_each_other_at_two_nodes_are_all_answered_to_the_end() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let conversation = nodes[0].conversation().await;
    // Both are told of what happens in it.
    let _viewers = [nodes.viewer(0, &conversation).await, nodes.viewer(1, &conversation).await];
    let script = Script { pieces: 2, gap_ms: 0, ..Script::default() };
    for number in 0..200 {
        let node = &nodes[number % 2];
        let sent = node.send(&conversation, &script).await;
        // A snapshot shows the end where news of the message before comes only now.
        let has_ended = |frame: &Sent| frame.is_end() || (frame.event == "snapshot" && !shows(frame, "streaming"));
        node.follow(&conversation, Some(&sent.cursor)).await.until_that(has_ended).await;
        let reply = node.last_message(&conversation).await;
        assert_eq!((&reply["id"], &reply["status"]), (&json!(sent.reply), &json!("done")), "{number}: {reply}");
    }
}

/// Seven would fit where each node counts its own.
#[tokio::test]
async fn h09_the_limit_of_open_replies_is_one_for_all_nodes() {
    let bounds = crate::server::bounds::Bounds::default();
    let Some(nodes) = Nodes::with(2, &["--open-replies=4"], bounds).await else { return };
    let mut places = Vec::new();
    for _ in 0..8 {
        places.push(nodes[0].conversation().await);
    }
    let body = json!({ "content": directive(&long()) });
    let paths: Vec<_> = places.iter().map(|place| format!("/api/v1/conversations/{place}/messages")).collect();
    let sends = paths.iter().enumerate().map(|(number, path)| nodes[number % 2].post(path, body.clone()));
    let answers = futures::future::join_all(sends).await;
    let count = |status| answers.iter().filter(|answer| answer.status() == status).count();
    assert_eq!((count(StatusCode::ACCEPTED), count(StatusCode::TOO_MANY_REQUESTS)), (4, 4));
}
