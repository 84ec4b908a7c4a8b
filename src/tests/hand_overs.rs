//! How often a message waits for SQLite's threads. Each hand-over wakes a thread, and then a task that a busy runtime
//! may not run at once: they are most of what the store adds to a message.

use super::app::{App, Sent, directive};
use super::upstream::script::Script;
use crate::server::secret::{self, Hash};
use reqwest::Method;
use serde_json::json;

/// Loops in the background ask as well: of several rounds, the one with the fewest had none of them.
const ROUNDS: usize = 24;
/// What sending a message takes at most: one read and one write, where the store has recognised the caller just now.
const SEND: u64 = 2;
/// And where it has not.
const SEND_OF_A_NEW_CALLER: u64 = 3;
/// What the end of a reply takes at most: its write, and a look at who is told of it.
const END: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_and_a_reply_s_end_take_few_hand_overs() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let mut events = app.follow(&conversation, None).await;
    // Late enough that the answer to the message comes before anything of the reply.
    let script = Script { first_ms: 200, pieces: 3, ..Script::default() };
    let account = app.state.store.owner(conversation.parse().unwrap()).await.unwrap();
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let (mut known, mut new, mut end) = (u64::MAX, u64::MAX, u64::MAX);
    for round in 0..ROUNDS {
        let secret = secret::new().unwrap();
        app.state.store.add_session(account, Hash::of(&secret), "a browser", None, None, None).await.unwrap();
        let cookie = format!("rivulet={secret}");
        let is_known = round % 2 == 0;
        if is_known {
            app.stranger(Method::GET, "/api/v1/models").header("cookie", &cookie).send().await.unwrap();
        }
        let before = app.state.store.hand_overs();
        let body = json!({ "content": directive(&script) });
        let sent = app.stranger(Method::POST, &path).header("cookie", &cookie).json(&body).send().await.unwrap();
        let opened = app.state.store.hand_overs();
        events.until_end(&Sent::of(&sent.json().await.unwrap()).reply).await;
        let send = if is_known { &mut known } else { &mut new };
        (*send, end) = ((*send).min(opened - before), end.min(app.state.store.hand_overs() - opened));
    }
    assert_eq!((known, new), (SEND, SEND_OF_A_NEW_CALLER));
    // Viewers hear of it after the write already.
    assert!(end <= END, "{end}");
}
