//! The state after a process dies. The real `kill -9` is in `end2end/`; here another run opens the database.

use super::app::{App, Sent, assert_contiguous, said, settings, text};
use super::upstream::script::Script;
use crate::error::Problem;
use crate::model::{ConversationId, Message, MessageId};
use crate::server::State;
use crate::server::store::messages::{Checkpoint, Opening};
use crate::server::store::sql::query;
use crate::server::times::now;
use serde_json::{Value, json};

/// For others on this database the process is dead from here on.
pub(super) fn seem_gone(app: &App) {
    let process = app.state.store.process();
    std::fs::remove_file(app.folder.0.join(format!("rivulet.db-process-{process}"))).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_of_a_process_that_is_gone_are_interrupted_and_keep_their_text() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 100, gap_ms: 30, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    app.upstream.until(1, |seen| 50 <= seen.pieces).await.unwrap();

    seem_gone(&app);
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    let (message, ..) = second.store.message(sent.reply.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(message.status.name(), "interrupted");
    assert!(!message.text.is_empty(), "a checkpoint was made in the first second and a half");
    assert!(script.full_text().starts_with(&message.text), "a prefix of what was shown");
    assert!(message.finished_at.is_some());

    // The first process was only taken for dead: it goes on, and must not overwrite what the second one wrote.
    app.rest_of(&conversation, &sent).await;
    let (later, ..) = second.store.message(sent.reply.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(later, message);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_checkpoint_keeps_is_at_most_a_second_behind() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 300, gap_ms: 10, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    // At each of these moments, what was written a second ago must be in the store. 100 pieces are a second.
    for pieces in [150, 210, 290] {
        app.upstream.until(1, |seen| pieces <= seen.pieces).await.unwrap();
        let (message, ..) = app.state.store.message(sent.reply.parse().unwrap()).await.unwrap().unwrap();
        let kept = message.text.split_whitespace().count();
        assert!(pieces - 110 <= kept, "{kept} of {pieces} pieces are kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_many_replies_keeps_each_in_few_transactions() {
    let app = App::start().await;
    // Replies of a process that does not live are looked for every second, and ended.
    let (process, store) = ("another that lives", &app.state.store);
    let lives = std::fs::File::create(app.folder.0.join(format!("rivulet.db-process-{process}"))).unwrap();
    lives.lock().unwrap();
    let mut drafts = Vec::new();
    for index in 0..70 {
        let (_, reply) = opened(&app, &app.conversation().await, process, &now()).await;
        drafts.push(Checkpoint {
            reply: reply.id,
            text: format!("It's {index}"),
            thinking: format!("Hm {index}"),
            thinking_ms: Some(index),
            thinking_since: None,
        });
    }
    let before = store.writes();
    store.checkpoint(process, &drafts).await.unwrap();
    assert_eq!(store.writes() - before, 3, "32, 32 and 6");
    store.checkpoint("a third", &[Checkpoint { text: "not its own".into(), ..drafts[0].clone() }]).await.unwrap();
    for draft in drafts {
        let (message, ..) = store.message(draft.reply).await.unwrap().unwrap();
        assert_eq!((message.text, message.thinking), (draft.text, draft.thinking));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a56_the_database_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let app = App::start().await;
    for name in ["rivulet.db", "rivulet.db-wal"] {
        let mode = std::fs::metadata(app.folder.0.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stored_cookie_is_a_hash() {
    let app = App::start().await;
    let token = text(&serde_json::json!(app.cookie.split_once('=').unwrap().1));
    assert_eq!(token.len(), 64, "32 random bytes");
    let bytes = [std::fs::read(app.folder.0.join("rivulet.db")), std::fs::read(app.folder.0.join("rivulet.db-wal"))];
    for file in bytes {
        let file = file.unwrap();
        assert!(!file.windows(token.len()).any(|window| window == token.as_bytes()));
    }
}

/// A question and its empty reply, as a process writes them before it asks the provider.
pub(super) async fn opened(app: &App, conversation: &str, process: &str, time: &str) -> (Message, Message) {
    try_open(app, conversation, process, time).await.unwrap()
}

async fn try_open(app: &App, conversation: &str, process: &str, time: &str) -> Result<(Message, Message), Problem> {
    let conversation: ConversationId = conversation.parse().unwrap();
    let parent = app.state.store.leaf(conversation).await.unwrap().map(|leaf| leaf.id);
    let message = Message::said(MessageId::new(), parent, "A question".into(), time.into());
    let reply = Message::opened(MessageId::new(), Some(message.id), "anthropic/mock", time.into());
    let (account, title) = (None, "A question");
    let message_of = Some(&message);
    let payer = app.state.store.owner(conversation).await.unwrap();
    let (start, reply_of, seen, most_open) = (None, &reply, None, None);
    let opening = Opening {
        site: None,
        start,
        conversation,
        account,
        payer,
        message: message_of,
        reply: reply_of,
        title,
        process,
        seen,
        most_open,
    };
    app.state.store.open_reply(opening).await?;
    Ok((message, reply))
}

/// One that was paused does not know it yet, and the others have ended what it had open.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_declared_dead_opens_no_reply() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let node = "insert into node (process, beat, joined, dead_at, started_at, version) values ($1, 1, 0, $2, '', '')";
    for (process, dead_at) in [("paused", Some("2026")), ("live", None)] {
        let mut write = app.state.store.write().await.unwrap();
        query(node).bind(process).bind(dead_at).execute(&mut write).await.unwrap();
        write.commit().await.unwrap();
    }
    match try_open(&app, &conversation, "paused", &now()).await {
        Err(Problem::Unavailable { message, .. }) => assert!(message.contains("Nothing was saved"), "{message}"),
        done => panic!("{done:?}"),
    }
    let messages = app.snapshot(&conversation).await["messages"].clone();
    assert_eq!(messages.as_array().unwrap().len(), 0);
    try_open(&app, &conversation, "live", &now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_has_one_open_reply_whichever_process_opens_it() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let lives = std::fs::File::create(app.folder.0.join("rivulet.db-process-other")).unwrap();
    lives.lock().unwrap();
    let (_, open) = opened(&app, &conversation, "other", &now()).await;
    for process in ["other", app.state.store.process()] {
        match try_open(&app, &conversation, process, &now()).await {
            Err(Problem::Conflict(message)) => assert!(message.contains("A reply is being written"), "{message}"),
            done => panic!("{done:?}"),
        }
    }
    let id = conversation.parse().unwrap();
    let (found, ..) = app.state.store.message(open.id).await.unwrap().unwrap();
    assert_eq!(app.state.store.open_reply_in(id).await.unwrap().unwrap().reply, found.id);
    let messages = app.snapshot(&conversation).await["messages"].clone();
    assert_eq!(messages.as_array().unwrap().len(), 2, "nothing of what was refused stays");
    app.state.store.interrupt_replies_of("other").await.unwrap();
    opened(&app, &conversation, "other", &now()).await;
}

/// The next run of this server, seen by the same browser.
async fn next_life(app: App) -> App {
    let (folder, upstream, cookie) = app.end().await;
    let mut app = App::on(folder, upstream, &[]).await;
    app.cookie = cookie;
    app
}

async fn again(app: &App, what: &str, reply: &MessageId, conversation: &str) -> Vec<super::app::Frame> {
    let answer = app.post(&format!("/api/v1/replies/{reply}/{what}"), json!({})).await;
    let sent = Sent::of(&answer.json().await.unwrap());
    app.rest_of(conversation, &sent).await
}

#[tokio::test(flavor = "multi_thread")]
async fn f14_a_kill_before_the_provider_was_asked_leaves_one_message_that_can_be_answered() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let (message, reply) = opened(&app, &conversation, "a process that is gone", &now()).await;
    let app = next_life(app).await;
    let messages = app.snapshot(&conversation).await["messages"].clone();
    let told: Vec<_> = messages.as_array().unwrap().iter().map(|message| text(&message["status"])).collect();
    assert_eq!(told, ["done", "interrupted"]);
    assert_eq!((&messages[0]["id"], &messages[1]["text"]), (&json!(message.id), &json!("")));
    assert_eq!(app.snapshot(&conversation).await["draft"], Value::Null);
    assert!(app.upstream.seen().is_empty(), "nobody is asked, or paid, by a start");

    assert_eq!(again(&app, "retry", &reply.id, &conversation).await.last().unwrap().event, "done");
    let turns = app.upstream.seen()[0].body["messages"].clone();
    assert_eq!(turns.as_array().unwrap().len(), 1, "the question, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn f14_a_kill_between_the_last_token_and_the_end_keeps_the_whole_text() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let process = "a process that is gone";
    let (_, reply) = opened(&app, &conversation, process, &now()).await;
    let kept = Checkpoint {
        reply: reply.id,
        text: "All of it".into(),
        thinking: "Hm".into(),
        thinking_ms: None,
        thinking_since: None,
    };
    app.state.store.checkpoint(process, &[kept]).await.unwrap();
    let app = next_life(app).await;
    let last = app.last_message(&conversation).await;
    assert_eq!((text(&last["status"]), text(&last["text"])), ("interrupted".into(), "All of it".into()));
    app.upstream.script(Script { text: Some(", and more.".into()), ..Script::default() });
    assert_eq!(said(&again(&app, "continue", &reply.id, &conversation).await), "All of it, and more.");
}

/// A process that was stopped for so long that another took its place, and then resumes (SIGSTOP, SIGCONT).
#[tokio::test(flavor = "multi_thread")]
async fn f16_a_process_that_wakes_up_writes_nothing_more_and_says_interrupted() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    // Long enough for checkpoints after the other has come.
    let script = Script { pieces: 120, gap_ms: 25, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
    let mut frames = events.until("token").await;
    seem_gone(&app);
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    let reply = sent.reply.parse().unwrap();
    let (taken, ..) = second.store.message(reply).await.unwrap().unwrap();
    assert_eq!(taken.status.name(), "interrupted");

    frames.extend(events.until_end(&sent.reply).await);
    assert_contiguous(&frames[1..]);
    assert_eq!(frames.last().unwrap().event, "interrupted", "not done: that is not what is kept");
    let (later, _, account) = second.store.message(reply).await.unwrap().unwrap();
    assert_eq!(later, taken);
    let new = second.engine.retry(account, reply).await.unwrap();
    app.upstream.ended(2).await.unwrap();
    assert_ne!(new.reply.id, reply, "the second life goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn f20_messages_keep_their_order_when_the_clock_jumps_back() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let mut ids = Vec::new();
    for time in ["2026-05-01T12:00:00.000Z", "2026-05-01T11:00:00.000Z", "2026-05-01T13:00:00.000Z"] {
        let (message, reply) = opened(&app, &conversation, "another process", time).await;
        ids.extend([message.id.to_string(), reply.id.to_string()]);
        app.state.store.interrupt_replies_of("another process").await.unwrap();
    }
    let app = next_life(app).await;
    let messages = app.snapshot(&conversation).await["messages"].clone();
    let shown: Vec<_> = messages.as_array().unwrap().iter().map(|message| text(&message["id"])).collect();
    assert_eq!(shown, ids);
    assert_eq!(app.get("/").await.headers().get("set-cookie"), None, "everybody is still signed in");
}
