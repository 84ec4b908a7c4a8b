//! Holes between what is stored and what is told, each by its number: somebody dies, or is late, at the worst moment.

use super::{DEATH, Nodes, PATIENCE, SOON, within};
use crate::contract::Changes;
use crate::error::Problem;
use crate::model::{AccountId, ConversationId, Message, MessageId};
use crate::server::quota::{MostWritten, Writer};
use crate::server::store::Store;
use crate::server::store::messages::Opening;
use crate::server::times::now;
use crate::tests::app::Frame;
use crate::tests::upstream::script::Script;
use serde_json::json;

/// A conversation with a viewer at the second node, and its owner.
async fn place(nodes: &Nodes) -> (ConversationId, AccountId, crate::tests::app::Sse) {
    let conversation = nodes[0].conversation().await;
    let sent = nodes[0].send(&conversation, &Script::default()).await;
    nodes[0].rest_of(&conversation, &sent).await;
    let mut there = nodes[1].follow(&conversation, None).await;
    there.until("snapshot").await;
    let id: ConversationId = conversation.parse().unwrap();
    (id, nodes[0].state.store.owner(id).await.unwrap(), there)
}

/// A message and its open reply in the store, and nothing else.
pub(crate) async fn open(store: &Store, conversation: ConversationId, payer: AccountId) -> Result<MessageId, Problem> {
    let seen = store.conversation(payer, conversation).await.unwrap().updated_at;
    open_as_read(store, conversation, payer, (&seen, 4)).await
}

/// A conversation that only the store knows.
pub(crate) async fn conversation(store: &Store, account: AccountId) -> ConversationId {
    let id = ConversationId::new();
    let per_minute = std::num::NonZeroU32::MAX;
    let most = MostWritten { per_minute, conversations: u64::MAX >> 1, text_bytes: u64::MAX >> 1 };
    store.add_conversation(Writer { account, most }, id, Changes::default()).await.unwrap();
    id
}

async fn open_as_read(
    store: &Store,
    conversation: ConversationId,
    payer: AccountId,
    (seen, most_open): (&str, usize),
) -> Result<MessageId, Problem> {
    let process = store.process().to_owned();
    let parent = store.leaf(conversation).await.unwrap().map(|leaf| leaf.id);
    let message = Message::said(MessageId::new(), parent, "A question".into(), now());
    let reply = Message::opened(MessageId::new(), Some(message.id), "anthropic/mock", now());
    let opening = Opening {
        site: None,
        start: None,
        conversation,
        account: None,
        payer,
        message: Some(&message),
        reply: &reply,
        title: "A question",
        process: &process,
        seen: Some(seen),
        most_open: Some(most_open),
    };
    store.open_reply(opening).await?;
    Ok(reply.id)
}

fn has(frame: &Frame, reply: MessageId, status: &str) -> bool {
    let messages = frame.data["messages"].as_array();
    let is_it = |message: &serde_json::Value| message["id"] == reply.to_string() && message["status"] == status;
    frame.event == "snapshot" && messages.is_some_and(|all| all.iter().any(is_it))
}

#[tokio::test]
async fn h01_a_node_that_dies_after_a_message_is_stored_and_before_anybody_is_told() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let (conversation, account, mut there) = place(&nodes).await;
    // It beats until it is dropped.
    let dying = Store::open(&nodes.database.url).await.unwrap();
    // So that the conversation is none of those that somebody has just begun to follow.
    let reply = open(&dying, conversation, account).await.unwrap();
    within(SOON, "reply", there.until_that(|frame| has(frame, reply, "streaming"))).await;
    assert!(dying.interrupt_own(reply).await.unwrap());
    within(SOON, "end", there.until_that(|frame| has(frame, reply, "interrupted"))).await;
    let reply = open(&dying, conversation, account).await.unwrap();
    drop(dying);
    within(SOON, "message", there.until_that(|frame| has(frame, reply, "streaming"))).await;
    within(DEATH, "end", there.until_that(|frame| has(frame, reply, "interrupted"))).await;
}

#[tokio::test]
async fn h02_a_node_that_dies_after_a_change_is_stored_and_before_anybody_is_told() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let (conversation, account, mut there) = place(&nodes).await;
    let dying = Store::open(&nodes.database.url).await.unwrap();
    let changes = Changes { title: Some("Told by nobody".into()), ..Changes::default() };
    dying.change_conversation(nodes[0].state.writer(account), conversation, &changes).await.unwrap();
    drop(dying);
    let is_named = |frame: &Frame| frame.data["conversation"]["title"] == "Told by nobody";
    within(SOON, "title", there.until_that(is_named)).await;
    let dying = Store::open(&nodes.database.url).await.unwrap();
    let first = dying.leaf(conversation).await.unwrap().unwrap().id;
    let parent = dying.message(first).await.unwrap().unwrap().0.parent.unwrap();
    dying.show_branch(nodes[0].state.writer(account), conversation, parent).await.unwrap();
    drop(dying);
    let is_branch = |frame: &Frame| {
        frame.event == "snapshot"
            && frame.data["messages"].as_array().unwrap().last().unwrap()["id"] == parent.to_string()
    };
    within(SOON, "branch", there.until_that(is_branch)).await;
}

/// What was read in a turn is not so any more: another node had the same turn of its own.
#[tokio::test]
async fn h09_what_was_read_before_a_deletion_a_limit_or_a_message_elsewhere_opens_no_reply() {
    let Some(nodes) = Nodes::start(1).await else { return };
    let store = Store::open(&nodes.database.url).await.unwrap();
    let conversation: ConversationId = nodes[0].conversation().await.parse().unwrap();
    let account = store.owner(conversation).await.unwrap();
    let read = store.conversation(account, conversation).await.unwrap().updated_at;
    let sent = nodes[0].send(&conversation.to_string(), &Script::default()).await;
    nodes[0].rest_of(&conversation.to_string(), &sent).await;
    let refused = open_as_read(&store, conversation, account, (&read, 4)).await.unwrap_err();
    assert!(crate::server::store::messages::is_overtaken(&refused), "{refused:?}");
    let read = store.conversation(account, conversation).await.unwrap().updated_at;
    let elsewhere: ConversationId = nodes[0].conversation().await.parse().unwrap();
    open(&store, elsewhere, account).await.unwrap();
    let refused = open_as_read(&store, conversation, account, (&read, 1)).await.unwrap_err();
    assert!(matches!(refused, Problem::TooMany { .. }), "{refused:?}");
    nodes[0].state.store.mark_leaving(account, conversation).await.unwrap();
    let refused = open_as_read(&store, conversation, account, (&read, 4)).await.unwrap_err();
    assert!(matches!(refused, Problem::NotFound), "{refused:?}");
    store.close().await;
}

/// Its task has broken off, and its process lives: nobody writes it, and nobody else would end it.
#[tokio::test]
async fn h14_a_reply_that_is_open_under_a_living_process_without_a_task_makes_way() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let (conversation, account, mut there) = place(&nodes).await;
    // By the next message, at its own node and at another; or by a stop.
    for number in [0, 1] {
        let reply = open(&nodes[0].state.store, conversation, account).await.unwrap();
        let sent = within(PATIENCE, "answer", nodes[number].send(&conversation.to_string(), &Script::default())).await;
        nodes[number].rest_of(&conversation.to_string(), &sent).await;
        within(SOON, "end", there.until_that(|frame| has(frame, reply, "interrupted"))).await;
    }
    let reply = open(&nodes[0].state.store, conversation, account).await.unwrap();
    nodes[1].post(&format!("/api/v1/replies/{reply}/stop"), json!({})).await;
    within(SOON, "end", there.until_that(|frame| has(frame, reply, "interrupted"))).await;
    // And by itself.
    let reply = open(&nodes[0].state.store, conversation, account).await.unwrap();
    within(2 * DEATH, "end", there.until_that(|frame| has(frame, reply, "interrupted"))).await;
}

#[tokio::test]
async fn h16_a_conversation_is_deleted_elsewhere_in_the_middle_of_a_reply_and_the_other_drafts_go_on() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let script = Script { pieces: 4_000, gap_ms: 20, ..Script::default() };
    let (gone, stays) = (nodes[0].conversation().await, nodes[0].conversation().await);
    nodes[0].send(&gone, &script).await;
    nodes[0].send(&stays, &script).await;
    nodes[0].upstream.until(2, |seen| 5 <= seen.pieces).await.unwrap();
    // As a node does that could not make the other one stop: at once.
    let id: ConversationId = gone.parse().unwrap();
    let account = nodes[1].state.store.owner(id).await.unwrap();
    nodes[1].state.store.delete_conversation(account, id).await.unwrap();
    let length = async || nodes[1].last_message(&stays).await["text"].as_str().unwrap().len();
    let before = length().await;
    within(PATIENCE, "checkpoint", async { while length().await <= before + 50 {} }).await;
    assert!(!nodes[0].metrics().contains("rivulet_checkpoint_failures_total 1"));
}

#[tokio::test]
async fn h17_a_node_that_stands_still_while_it_is_alone_keeps_the_others_for_four_seconds_at_most() {
    let Some(nodes) = Nodes::start(1).await else { return };
    let store = Store::open(&nodes.database.url).await.unwrap();
    let held = store.write().await.unwrap();
    within(std::time::Duration::from_secs(4), "write of another", nodes[0].conversation()).await;
    assert!(held.commit().await.is_err(), "what it had begun is gone");
}

#[tokio::test]
async fn h19_no_revocation_is_passed_over_whoever_writes_at_the_same_time() {
    let Some(server) = crate::tests::services::postgres() else { return };
    let database = server.database().await;
    let nodes = [Store::open(&database.url).await.unwrap(), Store::open(&database.url).await.unwrap()];
    let account = nodes[0].add_guest(crate::server::secret::Hash::of("a"), "").await.unwrap();
    let hash = |task: u32, round: u32| crate::server::secret::Hash::of(&format!("{task} {round}"));
    let mut seen = nodes[1].watch_from_now().await.unwrap();
    let work = async {
        let tasks = (0..8).map(|task| {
            let store = nodes[task as usize % 2].clone();
            async move {
                let mut former = None;
                for round in 0..25 {
                    let session = hash(task, round);
                    assert!(store.add_session(account, session, "", former, None, None).await.unwrap());
                    former = Some(session);
                }
            }
        });
        futures::future::join_all(tasks).await;
    };
    let watching = async {
        let mut found = std::collections::HashSet::new();
        while found.len() < 8 * 24 {
            let asked = nodes[1].look_around(&mut seen, false).await.unwrap();
            found.extend(asked.revoked.into_iter().map(|noted| noted.revoked));
        }
    };
    within(PATIENCE, "revocation of each", async { tokio::join!(work, watching) }).await;
}

/// The number of a transaction is given when it begins to write, and others are committed before it.
#[tokio::test]
async fn news_of_a_transaction_that_is_committed_late_is_read_once() {
    use crate::server::store::news::News;
    let Some(server) = crate::tests::services::postgres() else { return };
    let database = server.database().await;
    let (writer, reader) = (Store::open(&database.url).await.unwrap(), Store::open(&database.url).await.unwrap());
    let mut seen = reader.watch_from_now().await.unwrap();
    let mut look = async || {
        let news = reader.look_around(&mut seen, false).await.unwrap().news;
        let topics: Vec<_> = news.into_iter().map(|(news, _)| news).collect();
        topics
    };
    let [late, early] = [AccountId::new(), AccountId::new()].map(News::Account);
    let held = writer.write_beside(&[], &[late]).await.unwrap();
    assert_eq!(look().await, []);
    writer.write_beside(&[], &[early]).await.unwrap().commit().await.unwrap();
    assert_eq!(look().await, [early]);
    assert_eq!(look().await, []);
    held.commit().await.unwrap();
    assert_eq!(look().await, [late]);
    assert_eq!(look().await, []);
    // Given up: it was never so.
    drop(writer.write_beside(&[], &[late]).await.unwrap());
    assert_eq!(look().await, []);
    // Its own are not news to a node.
    reader.write_beside(&[], &[early]).await.unwrap().commit().await.unwrap();
    assert_eq!(look().await, []);
}

#[tokio::test]
async fn news_is_forgotten_after_a_minute_and_not_before() {
    use crate::server::store::news::News;
    let Some(server) = crate::tests::services::postgres() else { return };
    let database = server.database().await;
    let store = Store::open(&database.url).await.unwrap();
    for _ in 0..2 {
        store.write_beside(&[], &[News::Account(AccountId::new())]).await.unwrap().commit().await.unwrap();
    }
    let mut connection = database.connect().await;
    let old = "update news set at = at - 61000 where id = (select min(id) from news)";
    sqlx::query(old).execute(&mut connection).await.unwrap();
    store.forget_news().await.unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from news").fetch_one(&mut connection).await.unwrap();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn one_node_sweeps_for_all_until_it_has_done_it_or_dies() {
    let Some(server) = crate::tests::services::postgres() else { return };
    let database = server.database().await;
    let (one, other) = (Store::open(&database.url).await.unwrap(), Store::open(&database.url).await.unwrap());
    let sole = one.sole().await.unwrap().expect("nobody has it");
    assert!(other.sole().await.unwrap().is_none());
    sole.end().await;
    let sole = within(PATIENCE, "turn of the other", async {
        loop {
            if let Some(sole) = other.sole().await.unwrap() {
                return sole;
            }
        }
    });
    let sole = sole.await;
    assert!(one.sole().await.unwrap().is_none());
    drop(sole);
    within(PATIENCE, "turn after a death", async { while one.sole().await.unwrap().is_none() {} }).await;
}
