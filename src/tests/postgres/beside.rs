//! Transactions that are not alone (the table in `store/write`), beside each other and beside one that is, on two nodes.

use crate::contract::Changes;
use crate::error::Problem;
use crate::model::{Access, AccountId, ConversationId, Message, MessageId, Status, Usage};
use crate::server::quota::{MostWritten, Writer};
use crate::server::secret::Hash;
use crate::server::store::Store;
use crate::server::store::endings::{Ending, Written};
use crate::server::store::messages::{Checkpoint, Opening};
use crate::server::store::sql::{query, query_scalar};
use crate::server::times::now;
use crate::tests::services::postgres;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often each transaction is done on each node, while the others are.
const ROUNDS: u64 = 200;
/// The conversations that the account may have: fewer than are tried.
const MOST: u64 = 50;
const MODEL: &str = "anthropic/mock";
/// What each reply and each answer costs.
const USAGE: Usage = Usage { input_tokens: 1, output_tokens: 1, estimated: false, cost_micros: None };

struct Place {
    nodes: [Store; 2],
    writer: Writer,
    guest: AccountId,
    conversations: [ConversationId; 2],
    /// How much was charged.
    charged: AtomicU64,
    /// How many replies were refused because there was an open one.
    busy: AtomicU64,
}

impl Place {
    async fn new(url: &str) -> Self {
        let nodes = [Store::open(url).await.unwrap(), Store::open(url).await.unwrap()];
        let account = nodes[0].add_guest(Hash::of("a"), "").await.unwrap();
        let guest = nodes[0].add_guest(Hash::of("b"), "").await.unwrap();
        let most = MostWritten { per_minute: NonZeroU32::MAX, conversations: MOST, text_bytes: 1 << 20 };
        let writer = Writer { account, most };
        let conversations = [ConversationId::new(), ConversationId::new()];
        for id in conversations {
            nodes[0].add_conversation(writer, id, Changes::default()).await.unwrap().unwrap();
        }
        Self { nodes, writer, guest, conversations, charged: 0.into(), busy: 0.into() }
    }

    fn charge(&self) {
        self.charged.fetch_add(1, Ordering::Relaxed);
    }

    /// A message and its reply, from its opening to its end, unless the conversation has an open one.
    async fn talk(&self, node: &Store, conversation: ConversationId) {
        let process = node.process().to_owned();
        let message = Message::said(MessageId::new(), None, "Hello".into(), now());
        let reply = Message::opened(MessageId::new(), Some(message.id), MODEL, now());
        let (account, payer, message) = (None, self.writer.account, Some(&message));
        let (start, title, process) = (None, "Hello", process.as_str());
        let (seen, most_open) = (None, None);
        let reply_row = &reply;
        let opening = Opening {
            start,
            conversation,
            account,
            payer,
            message,
            reply: reply_row,
            title,
            process,
            seen,
            most_open,
            site: None,
        };
        match node.open_reply(opening).await {
            Ok(()) => {}
            Err(Problem::Conflict(_)) => {
                self.busy.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Err(problem) => panic!("{problem}"),
        }
        let reply = reply.id;
        let (text, thinking) = (String::from("A"), String::new());
        let draft = Checkpoint { reply, text, thinking, thinking_ms: None, thinking_since: None };
        node.checkpoint(process, &[draft]).await.unwrap();
        node.asks_instead(process, reply, "anthropic/other").await.unwrap();
        node.ask_to_stop(reply, None).await.unwrap();
        assert_eq!(node.end_reply(process, &ending(reply, conversation)).await.unwrap(), Written::Here);
        self.charge();
        if node.take_title(conversation).await.unwrap() {
            node.give_title(conversation, "A title").await.unwrap();
        }
    }

    /// What an account does besides.
    async fn act(&self, node: &Store, conversation: ConversationId) {
        let (account, model) = (self.writer.account, Some(MODEL.to_owned()));
        node.change_conversation(self.writer, conversation, &Changes { model, ..Changes::default() }).await.unwrap();
        node.charge_account(account, MODEL, USAGE).await.unwrap();
        self.charge();
        node.know_browser(account, Hash::of("browser")).await.unwrap();
        node.touch_session(Hash::of("a")).await.unwrap();
        let id = ConversationId::new();
        match node.add_conversation(self.writer, id, Changes::default()).await {
            Ok(_) | Err(Problem::Conflict(_)) => {}
            Err(problem) => panic!("{problem}"),
        }
    }

    /// A share that is given and taken back: each notes a revocation.
    async fn share(&self, node: &Store, conversation: ConversationId) {
        node.share(self.writer, conversation, self.guest, Access::Reader, 9).await.unwrap();
        node.unshare(conversation, self.guest, false).await.unwrap();
    }

    /// The numbers of the revocations in the order in which a node saw them, up to the one that ends the test.
    async fn watch(&self, node: &Store) -> Vec<i64> {
        let (mut seen, mut last) = (Vec::new(), 0);
        loop {
            let rows = query("select seq, subject from revocation where seq > $1 order by seq").bind(last);
            for row in rows.fetch_all(node.read()).await.unwrap() {
                last = row.try_get("seq").unwrap();
                seen.push(last);
                if row.try_get::<&str>("subject").unwrap() == Hash::of("the last").to_string() {
                    return seen;
                }
            }
        }
    }

    /// All of it at one time on this node, each again and again.
    async fn all(&self, node: &Store) {
        let [one, other] = self.conversations;
        let talks = async |conversation| {
            for _ in 0..ROUNDS {
                self.talk(node, conversation).await;
            }
        };
        let acts = async {
            for _ in 0..ROUNDS {
                self.act(node, one).await;
            }
        };
        let shares = async {
            for _ in 0..ROUNDS {
                self.share(node, other).await;
            }
        };
        tokio::join!(talks(one), talks(other), talks(one), acts, shares);
    }

    async fn count(&self, sql: &'static str) -> i64 {
        query_scalar(sql).fetch_one(self.nodes[0].read()).await.unwrap()
    }
}

fn ending(reply: MessageId, conversation: ConversationId) -> Ending {
    Ending {
        site: None,
        reply,
        conversation,
        status: Status::Done,
        text: "A word".into(),
        thinking: String::new(),
        thinking_ms: None,
        usage: Some(USAGE),
        stop_reason: None,
        error: None,
        first_piece_at: None,
        finished_at: now(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_at_one_time_on_two_nodes_is_as_if_it_were_one_after_the_other() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let place = Place::new(&database.url).await;
    let [here, there] = &place.nodes;
    let work = async {
        tokio::join!(place.all(here), place.all(there));
        here.add_session(place.guest, Hash::of("new"), "", Some(Hash::of("the last")), None, None).await.unwrap();
    };
    let (seen, ()) = tokio::join!(place.watch(there), work);
    // No revocation was committed before one with a smaller number: a node that looks for newer ones has seen each.
    assert_eq!(seen, (1..=seen.len() as i64).collect::<Vec<_>>());
    assert!(1 < seen.len());
    for conversation in place.conversations {
        let positions = "select position from message where conversation = $1 order by position";
        let positions: Vec<i64> =
            query_scalar(positions).bind(conversation.to_string()).fetch_all(here.read()).await.unwrap();
        assert_eq!(positions, (1..=positions.len() as i64).collect::<Vec<_>>());
        assert!(2 < positions.len());
    }
    let replies = place.count("select cast(sum(replies) as bigint) from usage").await;
    assert_eq!(replies.unsigned_abs(), place.charged.load(Ordering::Relaxed), "each is in the ledger once");
    assert_eq!(place.count("select count(*) from message where status = 'streaming'").await, 0);
    assert_eq!(place.count("select count(*) from conversation").await.unsigned_abs(), MOST, "and none above the limit");
    assert_ne!(place.busy.load(Ordering::Relaxed), 0, "some have met in a conversation");
    here.close().await;
    there.close().await;
}
