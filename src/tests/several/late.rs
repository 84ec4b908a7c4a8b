//! What is told late, or not at all: by the database to a node, and by a node to lists.

use super::holes::{conversation, open};
use super::{DEATH, Nodes, PATIENCE, within};
use crate::event::Event;
use crate::model::{ConversationId, MessageId};
use crate::server::journal::Topic;
use crate::server::store::Store;
use crate::server::store::messages::Checkpoint;
use crate::server::transport::{Follower, Frame};
use crate::tests::app::Frame as Sent;
use crate::tests::services::{Cut, postgres, redis};
use crate::tests::upstream::script::Script;
use std::time::Duration;

/// The answer to the commit that opens a reply is lost: it is known all the same whether it is open.
#[tokio::test]
async fn h15_a_reply_whose_commit_is_not_answered_is_open_or_leaves_its_conversation_free() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let way = Cut::new(server);
    let store = Store::open(&way.url(&database)).await.unwrap();
    let account = store.add_guest(crate::server::secret::Hash::of("a"), "").await.unwrap();
    let conversation = conversation(&store, account).await;
    for round in 0..100 {
        let is_done = round % 2 == 0;
        way.arm(is_done);
        let opened = within(PATIENCE, "answer", open(&store, conversation, account)).await;
        assert!(way.has_cut(), "round {round}");
        let there = store.open_reply_in(conversation).await.unwrap().map(|open| open.reply);
        assert_eq!(opened.ok(), there, "round {round}: what is there is what is said");
        if let Some(reply) = there {
            assert!(store.interrupt_own(reply).await.unwrap());
        }
        let reply = open(&store, conversation, account).await.unwrap();
        assert!(store.interrupt_own(reply).await.unwrap(), "round {round}");
    }
    store.close().await;
}

/// The database ends one of two transactions that wait for each other: it is done again.
#[tokio::test(flavor = "multi_thread")]
async fn w10_what_a_dead_node_left_open_is_ended_while_it_still_stores_its_drafts() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let (dead, healer) = (Store::open(&database.url).await.unwrap(), Store::open(&database.url).await.unwrap());
    let account = dead.add_guest(crate::server::secret::Hash::of("a"), "").await.unwrap();
    let mut open_replies = Vec::new();
    for _ in 0..2 {
        let conversation = conversation(&dead, account).await;
        open_replies.push(open(&dead, conversation, account).await.unwrap());
    }
    // It has the second, and wants the first.
    let mut held = database.connect().await;
    let lock =
        |reply: &MessageId| sqlx::query("update message set thinking = 'x' where id = $1").bind(reply.to_string());
    let first_by_place = open_replies[0];
    sqlx::query("begin").execute(&mut held).await.unwrap();
    lock(&open_replies[1]).execute(&mut held).await.unwrap();
    let waiting = async {
        let mut look = database.connect().await;
        let waits =
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut look).await.unwrap() == 0 {}
        // It ends in the database's answer to one of the two.
        let ended = lock(&first_by_place).execute(&mut held).await;
        sqlx::query(if ended.is_ok() { "commit" } else { "rollback" }).execute(&mut held).await.unwrap();
    };
    let interrupting = healer.interrupt_replies_of(dead.process());
    let (interrupted, ()) = within(PATIENCE, "end of both", async { tokio::join!(interrupting, waiting) }).await;
    assert_eq!(interrupted.unwrap().len(), 2);
    // Nothing that the dead one stores after that changes them.
    let draft = |reply| Checkpoint {
        reply,
        text: "late".into(),
        thinking: String::new(),
        thinking_ms: None,
        thinking_since: None,
    };
    let drafts: Vec<_> = open_replies.into_iter().map(draft).collect();
    dead.checkpoint(dead.process(), &drafts).await.unwrap();
    let changed = sqlx::query_scalar("select count(*) from message where text = 'late' or status = 'streaming'");
    let changed: i64 = changed.fetch_one(&mut database.connect().await).await.unwrap();
    assert_eq!(changed, 0);
}

/// A copy of the database takes its place that lacks what was committed last: nothing streams for ever, and nobody is stuck.
#[tokio::test(flavor = "multi_thread")]
async fn h24_what_a_failover_of_the_database_has_lost_is_gone_everywhere_and_work_goes_on() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let id = nodes[0].conversation().await;
    let sent = nodes[0].send(&id, &Script { pieces: 150, gap_ms: 20, ..Script::default() }).await;
    let mut here = nodes[0].follow(&id, None).await;
    let mut there = nodes[1].follow(&id, None).await;
    here.until("token").await;
    let mut database = nodes.database.connect().await;
    for lost in ["update conversation set leaf = null", "delete from message", "delete from node"] {
        sqlx::query(lost).execute(&mut database).await.unwrap();
    }
    let is_empty = |frame: &Sent| frame.data["messages"].as_array().is_some_and(Vec::is_empty);
    within(PATIENCE, "loss elsewhere", there.until_that(is_empty)).await;
    within(PATIENCE, "loss here", here.until_that(is_empty)).await;
    let live = "select count(*) from node where dead_at is null";
    let is_back = async {
        while sqlx::query_scalar::<_, i64>(live).fetch_one(&mut database).await.unwrap() < 2 {
            nodes[0].get("/healthz").await;
        }
    };
    within(DEATH, "row of each node", is_back).await;
    for number in [0, 1] {
        let next = nodes[number].send(&id, &Script::default()).await;
        assert_ne!(next.reply, sent.reply);
        assert_eq!(nodes[number].rest_of(&id, &next).await.last().unwrap().event, "done");
        within(PATIENCE, "answer there", there.until_that(|frame| has(frame, &next.reply))).await;
    }
}

/// Whether the frame is the reply's end, or a snapshot in which it is done.
fn has(frame: &Sent, reply: &str) -> bool {
    if frame.is_end() {
        return frame.data["reply"] == reply;
    }
    let messages = frame.data["messages"].as_array();
    messages.is_some_and(|all| all.iter().any(|message| message["id"] == reply && message["status"] == "done"))
}

/// Waits until the list says that the conversation's reply runs, or not.
async fn until_runs(list: &mut Follower, conversation: ConversationId, runs: bool) {
    let says = |event: &Event| match event {
        Event::List(list) => {
            let item = list.items.iter().find(|item| item.id == conversation);
            item.is_some_and(|item| item.standing.running.unwrap_or_default() == runs)
        }
        Event::Conversation { conversation: item } => item.id == conversation && item.standing.running == Some(runs),
        _ => false,
    };
    loop {
        let frames = list.next().await.expect("there is more to come");
        let found = frames.iter().any(|frame| match frame {
            Frame::Start { event, .. } | Frame::Merged { event, .. } => says(event),
            Frame::Entry { entry, .. } => says(&entry.event),
            _ => false,
        });
        if found {
            return;
        }
    }
}

async fn a_list_is_told(mut nodes: Nodes) {
    let id = nodes[0].conversation().await;
    let conversation: ConversationId = id.parse().unwrap();
    let account = nodes[0].state.store.owner(conversation).await.unwrap();
    let mut lists = Vec::new();
    for number in [1, 2] {
        lists.push(Follower::start(&nodes[number].state, account, Topic::Account(account), None).await.unwrap().0);
    }
    // An end that is told by who has written it, and one by who has found it.
    let sent = nodes[0].send(&id, &Script::default()).await;
    nodes[0].rest_of(&id, &sent).await;
    nodes[0].send(&id, &Script { pieces: 4_000, gap_ms: 20, ..Script::default() }).await;
    for list in &mut lists {
        within(PATIENCE, "beginning", until_runs(list, conversation, true)).await;
    }
    nodes.kill(0);
    for list in &mut lists {
        within(2 * DEATH, "end", until_runs(list, conversation, false)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_told_that_the_reply_of_a_dead_node_runs_no_more() {
    let Some(nodes) = Nodes::start(3).await else { return };
    a_list_is_told(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_told_that_the_reply_of_a_dead_node_runs_no_more_with_redis() {
    let Some(server) = redis() else { return };
    let flags = [format!("--redis-url={}", server.url()), format!("--redis-prefix={}", server.options().prefix)];
    let limits = crate::server::bounds::Bounds::default();
    let Some(nodes) = Nodes::with(3, &[&flags[0], &flags[1]], limits).await else { return };
    a_list_is_told(nodes).await;
}

/// The end of a reply at another node, where nobody has died.
#[tokio::test]
async fn lists_are_told_at_another_node_that_a_reply_has_ended() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let id = nodes[0].conversation().await;
    let conversation: ConversationId = id.parse().unwrap();
    let account = nodes[0].state.store.owner(conversation).await.unwrap();
    let (mut list, _) = Follower::start(&nodes[1].state, account, Topic::Account(account), None).await.unwrap();
    nodes[0].send(&id, &Script { pieces: 100, gap_ms: 20, ..Script::default() }).await;
    within(PATIENCE, "beginning", until_runs(&mut list, conversation, true)).await;
    within(PATIENCE, "end", until_runs(&mut list, conversation, false)).await;
    // Longer than a look takes, and then there is nothing more.
    assert!(tokio::time::timeout(Duration::from_secs(2), until_runs(&mut list, conversation, true)).await.is_err());
}
