//! How often a message waits for SQLite's threads. Each hand-over wakes a thread, and then a task that a busy runtime
//! may not run at once: they are most of what the store adds to a message.

use super::app::App;
use super::upstream::script::Script;

/// Loops in the background ask as well: of several rounds, the one with the fewest had none of them.
const ROUNDS: usize = 12;
/// What sending a message takes at most, its session included.
const SEND: u64 = 14;
/// What the end of a reply takes at most.
const END: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_and_a_reply_s_end_take_few_hand_overs() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let mut events = app.follow(&conversation, None).await;
    // Late enough that the answer to the message comes before anything of the reply.
    let script = Script { first_ms: 200, pieces: 3, ..Script::default() };
    let (mut send, mut end) = (u64::MAX, u64::MAX);
    for _ in 0..ROUNDS {
        let before = app.state.store.hand_overs();
        let sent = app.send(&conversation, &script).await;
        let opened = app.state.store.hand_overs();
        events.until_end(&sent.reply).await;
        (send, end) = (send.min(opened - before), end.min(app.state.store.hand_overs() - opened));
    }
    assert_eq!((send, end), (SEND, END));
}
