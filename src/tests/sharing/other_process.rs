//! What another process takes back after a request was checked, and before it is written, is not written (Z33). Within
//! one process a change of role waits for the request's turn in the journal; another process does not know that turn.

use super::*;
use crate::model::{AccountId, MessageId};
use crate::server::State;
use crate::server::engine::NewMessage;
use crate::server::prompt::Prompt;
use crate::server::store::sql;
use crate::tests::app::settings;
use crate::tests::storage::writes;

/// What the other process writes, how it is undone, and the answer.
const WAYS: [(&str, &str, u16); 4] = [
    (
        "update share set role = 'reader' where account = $1",
        "update share set role = 'participant' where account = $1",
        403,
    ),
    (
        "update share set account = (select account from conversation) where account = $1",
        "update share set account = $1",
        404,
    ),
    (
        "update account set disabled_at = created_at where id = $1",
        "update account set disabled_at = null where id = $1",
        401,
    ),
    (
        "update session set account = (select account from conversation) where account = $1",
        "update session set account = $1 where token_hash = $2",
        401,
    ),
];

/// Bob at one process, and another process on the same database.
struct Pair {
    shared: Shared,
    second: State,
}

impl Pair {
    async fn new() -> Self {
        let mut shared = Shared::with("participant").await;
        shared.be_bob();
        let second = State::start(settings(&shared.app.folder, &shared.app.upstream, &[])).await.unwrap();
        Self { shared, second }
    }

    async fn write(&self, write: &mut crate::server::store::sql::Connection, sql: &'static str) {
        let session = crate::server::secret::Hash::of(self.shared.bob.split_once('=').unwrap().1).to_string();
        let mut statement = sql::query(sql).bind(&self.shared.bob_id);
        if sql.contains("$2") {
            statement = statement.bind(session);
        }
        statement.execute(write).await.unwrap();
    }

    /// Sends Bob's request, and lets the other process write `sql` when the request waits for its turn to write.
    async fn withdrawn_before_write(&self, (method, path, body): (Method, &str, Value), sql: &'static str) -> Response {
        let mut write = self.second.store.write().await.unwrap();
        let mut sending = Box::pin(self.shared.app.request(method, path).json(&body).send());
        tokio::select! {
            biased;
            _ = &mut sending => panic!("{path} waits for its turn to write"),
            () = writes(&self.shared.app.state.store) => {}
        }
        self.write(&mut write, sql).await;
        write.commit().await.unwrap();
        sending.await.unwrap()
    }

    async fn restore(&self, sql: &'static str) {
        let mut write = self.second.store.write().await.unwrap();
        self.write(&mut write, sql).await;
        write.commit().await.unwrap();
    }

    async fn rows(&self) -> Vec<String> {
        let sql = "select id || text || status || stop_asked from message
                   union all select id || coalesce(leaf, '') || updated_at from conversation order by 1";
        sql::query_scalar(sql).fetch_all(self.second.store.read()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z33_what_another_process_takes_back_before_a_write_is_not_written() {
    let pair = Pair::new().await;
    // Something of Bob's own, which he can edit.
    let shared = &pair.shared;
    let own = shared.app.send(&shared.conversation, &Script::default()).await;
    shared.app.rest_of(&shared.conversation, &own).await;
    let reply = |action: &str| format!("/api/v1/replies/{}/{action}", own.reply);
    let edit = json!({ "message": own.message, "new": MessageId::new(), "text": "Changed", "model": null });
    let requests = [
        (Method::POST, shared.path("/messages"), json!({ "content": "Hello" })),
        (Method::POST, shared.path("/messages"), json!({ "content": "Hello", "parent": shared.sent.reply })),
        (Method::POST, reply("retry"), json!({})),
        (Method::POST, reply("continue"), json!({})),
        (Method::PUT, shared.path("/branch"), json!({ "message": shared.sent.message })),
        (Method::POST, "/api/chat/edit".to_owned(), edit),
    ];
    let before = pair.rows().await;
    for (withdraw, restore, status) in WAYS {
        for (method, path, body) in &requests {
            let answer = pair.withdrawn_before_write((method.clone(), path, body.clone()), withdraw).await;
            assert_eq!(answer.status().as_u16(), status, "{withdraw}: {method} {path}");
            pair.restore(restore).await;
            assert_eq!(pair.rows().await, before, "{withdraw}: {method} {path}");
        }
    }
    assert_eq!(shared.app.state.engine.open_replies(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn z33_a_stop_is_not_passed_on_for_who_may_no_longer_stop() {
    let pair = Pair::new().await;
    let ann: AccountId = pair.second.store.credentials("ann").await.unwrap().unwrap().account;
    let place = pair.shared.conversation.parse().unwrap();
    let script = Script { silence_after: Some(2), ..Script::default() };
    let text = Prompt::parse(crate::tests::app::directive(&script)).unwrap();
    let sent = pair.second.engine.send(ann, place, NewMessage::new(MessageId::new(), text)).await.unwrap();
    let stop = format!("/api/v1/replies/{}/stop", sent.reply.id);
    for (withdraw, restore, status) in WAYS {
        let answer = pair.withdrawn_before_write((Method::POST, &stop, json!({})), withdraw).await;
        assert_eq!(answer.status().as_u16(), status, "{withdraw}");
        pair.restore(restore).await;
        let asked: i64 = sql::query_scalar("select cast(sum(stop_asked) as bigint) from message")
            .fetch_one(pair.second.store.read())
            .await
            .unwrap();
        assert_eq!(asked, 0, "{withdraw}");
    }
}
