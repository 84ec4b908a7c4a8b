//! Holes between what is stored and what the log tells, each by its number: somebody dies, wakes too late, or is told too
//! much, at the worst moment.

use super::joined_nodes::{count, folded, long, until_end};
use super::log_refusals::{opened, token};
use super::mirrors::store::{Store as Rows, Stored, View, end};
use crate::event::Event;
use crate::model::{AccountId, ConversationId, MessageId, Status};
use crate::server::backplane::redis::{Logs, Options};
use crate::server::backplane::{Append, Backplane, Placed, Topic, What};
use crate::server::bounds::Bounds;
use crate::server::journal::Journals;
use crate::server::store::Store;
use crate::server::store::endings::{Ending, Written};
use crate::server::sync::lock;
use crate::server::times::now;
use crate::tests::app::{Frame, Sse, text};
use crate::tests::services::{Redis, own_redis, postgres, redis};
use crate::tests::several::{DEATH, Nodes, PATIENCE, open, within};
use crate::tests::upstream::script::Script;
use redis::cmd;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;

const WINDOW: Duration = Duration::from_secs(600);

async fn nodes(server: &Redis, options: &Options, bounds: Bounds) -> Option<Nodes> {
    let flags = [format!("--redis-url={}", server.url()), format!("--redis-prefix={}", options.prefix)];
    Nodes::with(2, &[&flags[0], &flags[1]], bounds).await
}

/// A node that does what it is told, one step after the other.
struct Dying {
    store: Store,
    log: Arc<Logs>,
    owner: &'static str,
}

impl Dying {
    async fn new(nodes: &Nodes, options: &Options) -> Self {
        let store = Store::open(&nodes.database.url).await.unwrap();
        store.is_joined(true);
        let owner: &'static str = Box::leak(store.process().to_owned().into_boxed_str());
        let mut database = nodes.database.connect().await;
        let mut count = async |select: &'static str| {
            sqlx::query_scalar::<_, i64>(select).bind(owner).fetch_one(&mut database).await.unwrap()
        };
        super::until(async || count("select joined from node where process = $1").await == 1).await;
        // Until each of the others has looked since, it is one that is cut off.
        let rounds =
            "select cast(min(beat) as bigint) from node where process <> $1 and dead_at is null and joined = 1";
        let before = count(rounds).await;
        super::until(async || before + 2 <= count(rounds).await).await;
        Self { store, log: Logs::new(super::process(options, owner).await, WINDOW), owner }
    }

    async fn append(&self, conversation: ConversationId, what: What, event: Event) -> u64 {
        let placed = self.log.append(Topic::Conversation(conversation), Append::new(what, vec![event])).await;
        let Ok(Placed::At { last, .. }) = placed else { panic!("{placed:?}") };
        last.epoch
    }

    /// Opens a reply, and tells this of it.
    async fn say(&self, conversation: ConversationId, account: AccountId, said: &str) -> MessageId {
        let reply = open(&self.store, conversation, account).await.unwrap();
        let owner = self.owner.to_owned();
        let epoch = self.append(conversation, What::Open { reply, owner: owner.clone() }, opened(reply)).await;
        self.append(conversation, What::Pieces { reply, owner, epoch, batch: 1 }, token(reply, said)).await;
        reply
    }
}

fn ending(conversation: ConversationId, reply: MessageId, said: &str) -> Ending {
    Ending {
        reply,
        conversation,
        site: None,
        status: Status::Done,
        text: said.into(),
        thinking: String::new(),
        thinking_ms: None,
        usage: None,
        stop_reason: None,
        error: None,
        first_piece_at: None,
        finished_at: now(),
    }
}

/// A conversation, its owner, and a viewer at the second node.
async fn place(nodes: &Nodes) -> (ConversationId, AccountId, Sse) {
    let conversation = nodes[0].conversation().await;
    let mut there = nodes[1].follow(&conversation, None).await;
    there.until("snapshot").await;
    let id: ConversationId = conversation.parse().unwrap();
    (id, nodes[0].state.store.owner(id).await.unwrap(), there)
}

/// What the viewer sees until the reply's end: one end, no snapshot, and the text that is stored.
async fn seen_to_the_end(nodes: &Nodes, there: &mut Sse, conversation: ConversationId, reply: MessageId) -> Vec<Frame> {
    let frames = within(2 * DEATH, "end", until_end(there, &reply.to_string())).await;
    assert_eq!((count(&frames, Frame::is_end), count(&frames, |frame| frame.event == "snapshot")), (1, 0));
    let stored = nodes[1].last_message(&conversation.to_string()).await;
    assert_eq!(folded(&frames, &reply.to_string()), text(&stored["text"]));
    assert_eq!(frames.last().unwrap().event, stored["status"].as_str().unwrap());
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn h03_of_a_node_that_dies_at_its_replys_end_viewers_get_what_is_stored_and_not_told() {
    let Some(server) = redis() else { return };
    let options = server.options();
    let Some(nodes) = nodes(server, &options, Bounds::default()).await else { return };
    // Before the end is stored, and between that and telling it.
    for is_stored in [false, true] {
        let (conversation, account, mut there) = place(&nodes).await;
        let dying = Dying::new(&nodes, &options).await;
        let reply = dying.say(conversation, account, "It has told this").await;
        if is_stored {
            let ending = ending(conversation, reply, "It has told this, and stored that as well");
            assert_eq!(dying.store.end_reply(dying.owner, &ending).await.unwrap(), Written::Here);
        }
        drop(dying);
        let frames = seen_to_the_end(&nodes, &mut there, conversation, reply).await;
        assert_eq!(frames.last().unwrap().event, if is_stored { "done" } else { "interrupted" });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h06_a_healer_that_dies_after_its_fence_is_healed_like_an_owner() {
    let Some(server) = redis() else { return };
    let options = server.options();
    let Some(nodes) = nodes(server, &options, Bounds::default()).await else { return };
    let (conversation, account, mut there) = place(&nodes).await;
    let dying = Dying::new(&nodes, &options).await;
    let reply = dying.say(conversation, account, "Half of it").await;
    let fence = dying.log.fence(Topic::Conversation(conversation), reply, "take:one that died".into()).await;
    assert!(fence.unwrap().is_some());
    drop(dying);
    let frames = seen_to_the_end(&nodes, &mut there, conversation, reply).await;
    assert_eq!(frames.last().unwrap().event, "interrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn h07_two_who_heal_at_the_same_time_end_a_reply_once() {
    let (Some(server), Some(database)) = (redis(), postgres()) else { return };
    let options = server.options();
    let rows = Arc::<Rows>::default();
    let mut journals = Vec::new();
    for owner in ["one", "other"] {
        let log = Logs::new(super::process(&options, owner).await, WINDOW);
        journals.push(Journals::joined(WINDOW, 32 << 20, log));
    }
    let log = Logs::new(super::process(&options, "dead").await, WINDOW);
    let barrier = Arc::new(Barrier::new(2));
    for round in 0..200 {
        let (topic, reply) = (Topic::Conversation(ConversationId::new()), MessageId::new());
        let owner = || "dead".to_owned();
        let stored = Stored { owner: 9, text: String::new(), status: Status::Streaming };
        lock(&rows.replies).insert(reply, stored);
        lock(&rows.dead).push(reply);
        let opening = Append::new(What::Open { reply, owner: owner() }, vec![opened(reply), token(reply, "Some")]);
        log.append(topic, opening).await.unwrap();
        let heals = (0..2).map(|node| {
            let (store, barrier) = (Arc::clone(&rows), Arc::clone(&barrier));
            let view = View { store, node, journals: Arc::downgrade(&journals[node]) };
            tokio::spawn(async move {
                barrier.wait().await;
                view.mend(topic, reply).await
            })
        });
        for healed in futures::future::join_all(heals).await {
            healed.unwrap().unwrap();
        }
        // One of them has taken it from the other in between, perhaps: the next one who looks tells the end.
        let view = View { store: Arc::clone(&rows), node: 0, journals: Arc::downgrade(&journals[0]) };
        view.mend(topic, reply).await.unwrap();
        let look = log.look(vec![(topic, None)]).await.unwrap().remove(0).unwrap();
        let ends = look.events.iter().filter(|(_, event)| event.outcome().is_some()).count();
        assert_eq!((ends, look.open), (1, None), "round {round}");
        assert_eq!(look.events.last().unwrap().1, end(reply, Status::Interrupted));
    }
    // The database lets one of them end it.
    let database = database.database().await;
    let stores = [Store::open(&database.url).await.unwrap(), Store::open(&database.url).await.unwrap()];
    let account = stores[0].add_guest(crate::server::secret::Hash::of("a"), "").await.unwrap();
    let dead = Store::open(&database.url).await.unwrap();
    for round in 0..200 {
        let conversation = crate::tests::several::conversation(&stores[0], account).await;
        let reply = open(&dead, conversation, account).await.unwrap();
        // An end is known as one's own by its moment.
        let endings = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"];
        let endings = endings.map(|at| Ending { finished_at: at.into(), ..ending(conversation, reply, at) });
        let [one, other] = [0, 1].map(|node: usize| stores[node].end_reply(dead.process(), &endings[node]));
        let (one, other) = tokio::join!(one, other);
        let written = [one.unwrap(), other.unwrap()];
        let here = written.iter().filter(|written| **written == Written::Here).count();
        assert_eq!(here, 1, "round {round}: {written:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h11_an_owner_that_wakes_after_its_death_and_a_flush_does_not_open_its_reply_again() {
    let Some(server) = own_redis("") else { return };
    let options = server.options();
    let Some(nodes) = nodes(&server, &options, Bounds::default()).await else { return };
    let (conversation, _, mut there) = place(&nodes).await;
    let id = conversation.to_string();
    let sent = nodes[0].send(&id, &long(5_000, 20)).await;
    there.until("token").await;
    let (former, paused) = (nodes[0].process(), nodes[0].pause().await);
    let frames = within(2 * DEATH, "interruption", until_end(&mut there, &sent.reply)).await;
    assert_eq!(frames.last().unwrap().event, "interrupted");
    let () = server.ask(&mut cmd("FLUSHALL")).await;
    drop(paused);
    within(PATIENCE, "other name", async {
        while nodes[0].process() == former {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // Longer than it takes to open it again.
    let shown = async {
        loop {
            let frame = there.next().await.unwrap();
            assert!(frame.data["draft"].is_null(), "it is open again: {:?}", frame.data["draft"]);
            assert!(!matches!(&*frame.event, "token" | "reply"), "{:?}", frame.data);
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(4), shown).await.is_err());
    let mut there = nodes[1].follow(&id, None).await;
    let next = nodes[1].send(&id, &Script::default()).await;
    assert_eq!(until_end(&mut there, &next.reply).await.last().unwrap().event, "done");
}

/// All that is in the stream of this conversation's log.
async fn log_of(server: &Redis, options: &Options, conversation: &str) -> Vec<(String, Vec<Vec<u8>>)> {
    let key = format!("{}{{c:{conversation}}}:l", options.prefix);
    server.ask(cmd("XRANGE").arg(key).arg("-").arg("+")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn h21_of_a_conversation_that_is_deleted_while_its_owner_stands_still_nothing_is_left() {
    let Some(server) = own_redis("") else { return };
    let options = server.options();
    let bounds = Bounds { other_process_stop: Duration::from_secs(1), ..Bounds::default() };
    let Some(nodes) = nodes(&server, &options, bounds).await else { return };
    let (conversation, _, mut there) = place(&nodes).await;
    let (id, mut here) = (conversation.to_string(), nodes[0].follow(&conversation.to_string(), None).await);
    let sent = nodes[0].send(&id, &long(5_000, 20)).await;
    there.until("token").await;
    assert!(1 < log_of(&server, &options, &id).await.len());
    let paused = nodes[0].pause().await;
    let path = format!("/api/v1/conversations/{id}");
    let deleted = nodes[1].request(Method::DELETE, &path).send().await.unwrap();
    assert!(deleted.status().is_success());
    there.until("deleted").await;
    drop(paused);
    here.until("deleted").await;
    let events = nodes[1].request(Method::GET, &format!("{path}/events")).header("last-event-id", &sent.cursor);
    assert_eq!(events.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    // What it had on its way, its checkpoint and its end come now, and change nothing.
    let is_idle = async || nodes[0].state.engine.open_replies() == 0;
    super::until(is_idle).await;
    let left = log_of(&server, &options, &id).await;
    let words: Vec<_> = left.iter().map(|(_, fields)| String::from_utf8_lossy(&fields[1]).into_owned()).collect();
    assert!(words.len() <= 1 && words.iter().all(|word| word.contains("\"deleted\"")), "{words:?}");
    let texts = sqlx::query_scalar("select text from message where conversation = $1 and role = 'assistant'");
    let texts: Vec<String> = texts.bind(&id).fetch_all(&mut nodes.database.connect().await).await.unwrap();
    let statuses = sqlx::query_scalar("select count(*) from message where status = 'streaming'");
    let open: i64 = statuses.fetch_one(&mut nodes.database.connect().await).await.unwrap();
    assert_eq!(open, 0, "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h22_what_redis_evicts_costs_snapshots_and_nothing_that_is_stored() {
    let Some(server) = own_redis("--maxmemory 4mb --maxmemory-policy allkeys-random") else { return };
    let options = server.options();
    let Some(nodes) = nodes(&server, &options, Bounds::default()).await else { return };
    let mut viewers = Vec::new();
    for number in 0..4 {
        let conversation = nodes[number % 2].conversation().await;
        let mut viewer = nodes[(number + 1) % 2].follow(&conversation, None).await;
        viewer.until("snapshot").await;
        let sent = nodes[number % 2].send(&conversation, &long(300, 20)).await;
        viewers.push((conversation, viewer, sent));
    }
    let filling = async {
        for number in 0_u64.. {
            let filler = cmd("SET").arg(format!("filler:{number}")).arg(vec![b'x'; 50_000]).to_owned();
            let () = server.ask(&mut filler.clone()).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let watching = async {
        for (conversation, viewer, sent) in &mut viewers {
            let is_over = |frame: &Frame| {
                let last = frame.data["messages"].as_array().and_then(|all| all.last());
                let is_stored = last.is_some_and(|last: &Value| last["id"] == sent.reply && last["status"] == "done");
                frame.is_end() && frame.data["reply"] == sent.reply || is_stored
            };
            let frames = viewer.until_that(is_over).await;
            let from = frames.iter().rposition(|frame| frame.event == "snapshot").unwrap_or_default();
            let stored = nodes[0].last_message(conversation).await;
            assert_eq!(stored["status"], "done");
            assert_eq!(folded(&frames[from..], &sent.reply), text(&stored["text"]));
        }
    };
    tokio::select! {
        () = filling => {}
        () = watching => {}
    }
    let info: String = server.ask(cmd("INFO").arg("stats")).await;
    let evicted = info.lines().find_map(|line| line.strip_prefix("evicted_keys:")).unwrap().trim();
    assert!(20 < evicted.parse::<u32>().unwrap(), "{evicted}");
}
