//! Two processes on one database, as during an update: here two engines, the second without a router of its own.

use super::app::{App, Sent, settings};
use super::crash::opened;
use super::storage::{other_program, writes};
use super::upstream::script::Script;
use crate::event::Event;
use crate::model::{AccountId, ConversationId, Message, MessageId, Status};
use crate::server::State;
use crate::server::bounds::Bounds;
use crate::server::engine::{NewMessage, Stop};
use crate::server::journal::Topic;
use crate::server::prompt::Prompt;
use crate::server::times::now;
use crate::server::transport::{Follower, Frame};
use serde_json::Value;
use std::fs::File;
use std::time::Duration;

/// Longer than anything that will succeed takes.
const PATIENCE: Duration = Duration::from_secs(20);

struct Pair {
    app: App,
    second: State,
    account: AccountId,
    conversation: ConversationId,
    sent: Sent,
    reply: MessageId,
}

/// A reply in the first process, some words in, and a second process that has just started.
async fn pair(script: &Script) -> Pair {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, script).await;
    app.upstream.until(1, |seen| 5 <= seen.pieces).await.unwrap();
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    let reply = sent.reply.parse().unwrap();
    let (message, conversation, account) = second.store.message(reply).await.unwrap().unwrap();
    assert_eq!(message.status, Status::Streaming, "the first process lives, and its replies are its own");
    Pair { app, second, account, conversation, sent, reply }
}

async fn status(state: &State, reply: MessageId) -> Status {
    state.store.message(reply).await.unwrap().unwrap().0.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_at_the_new_process_sees_what_the_old_one_writes_and_its_end() {
    let script = Script { pieces: 150, gap_ms: 20, ..Script::default() };
    let Pair { app: _app, second, account, conversation, reply, .. } = pair(&script).await;
    let topic = Topic::Conversation(conversation);
    let (mut follower, first) = Follower::start(&second, account, topic, None).await.unwrap();
    let mut seen = vec![first];
    let watching = async {
        loop {
            let Some(Frame::Start { event: Event::Snapshot(snapshot), .. }) = seen.last() else {
                panic!("no snapshot")
            };
            let last = snapshot.messages.last().unwrap();
            assert!(script.full_text().starts_with(&last.text));
            assert_eq!(snapshot.draft.is_some(), last.status.is_open(), "what is open can be stopped");
            if last.status == Status::Done {
                break last.text.clone();
            }
            seen.extend(follower.next().await.expect("there is more to come"));
        }
    };
    let text = tokio::time::timeout(PATIENCE, watching).await.unwrap();
    assert_eq!(text, script.full_text());
    assert!(3 <= seen.len(), "it grew while it was written: {} snapshots", seen.len());
    assert_eq!(status(&second, reply).await, Status::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_passed_on() {
    let script = Script { pieces: 2_000, gap_ms: 20, ..Script::default() };
    let Pair { app, second, account, conversation, sent, reply } = pair(&script).await;
    assert!(matches!(second.engine.stop(account, reply).await, Ok(Stop::Accepted)));
    let frames = tokio::time::timeout(PATIENCE, app.rest_of(&conversation.to_string(), &sent)).await.unwrap();
    assert_eq!(frames.last().unwrap().event, "stopped");
    assert!(matches!(second.engine.stop(account, reply).await, Ok(Stop::Ended(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_passed_on_after_its_caller_has_disconnected() {
    let script = Script { pieces: 2_000, gap_ms: 20, ..Script::default() };
    let Pair { app, second, account, conversation, sent, reply } = pair(&script).await;
    let mut other = other_program(&app).await;
    // A request whose connection is closed is dropped where it waits.
    tokio::select! {
        biased;
        () = writes(&second.store) => {}
        _ = second.engine.stop(account, reply) => panic!("it waits for the file"),
    }
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    let frames = tokio::time::timeout(PATIENCE, app.rest_of(&conversation.to_string(), &sent)).await.unwrap();
    assert_eq!(frames.last().unwrap().event, "stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_the_new_process_stops_the_reply_of_the_old_one() {
    let script = Script { pieces: 2_000, gap_ms: 20, ..Script::default() };
    let Pair { app, second, account, conversation, sent, reply } = pair(&script).await;
    app.upstream.script(Script::default());
    let text = Prompt::parse("And now?".into()).unwrap();
    let new = second.engine.send(account, conversation, NewMessage::new(MessageId::new(), text)).await.unwrap();
    assert_eq!(new.message.parent, Some(reply));
    let (old, ..) = second.store.message(reply).await.unwrap().unwrap();
    assert_eq!(old.status, Status::Stopped);
    assert!(script.full_text().starts_with(&old.text) && !old.text.is_empty());
    // Its viewers at the old process get the end, or a snapshot if it has already seen what the new one writes.
    let mut events = app.follow(&conversation.to_string(), Some(&sent.cursor)).await;
    let stopped = |message: &Value| message["id"] == sent.reply && message["status"] == "stopped";
    let told = events.until_that(|frame| match frame.event.as_str() {
        "snapshot" => frame.data["messages"].as_array().unwrap().iter().any(stopped),
        event => event == "stopped",
    });
    told.await;
    app.upstream.ended(2).await.unwrap();
}

/// Waits until the viewer is shown this reply with an end, by the first frame or by one that comes.
async fn shown_end(follower: &mut Follower, first: Frame, reply: MessageId) -> Message {
    let ended = |frame: Frame| match frame {
        Frame::Start { event: Event::Snapshot(snapshot), .. } => {
            snapshot.messages.into_iter().find(|message| message.id == reply && !message.status.is_open())
        }
        _ => None,
    };
    let mut frames = vec![first];
    let watching = async {
        loop {
            if let Some(message) = frames.drain(..).find_map(ended) {
                break message;
            }
            frames = follower.next().await.expect("there is more to come");
        }
    };
    tokio::time::timeout(PATIENCE, watching).await.expect("its viewers were not told")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_at_the_new_process_is_shown_the_end_that_a_message_there_makes() {
    let script = Script { pieces: 2_000, gap_ms: 20, ..Script::default() };
    let Pair { app, second, account, conversation, reply, .. } = pair(&script).await;
    let topic = Topic::Conversation(conversation);
    let (mut follower, first) = Follower::start(&second, account, topic, None).await.unwrap();
    // Longer than this test waits: whatever is shown only after its end comes too late.
    app.upstream.script(script);
    let text = Prompt::parse("And now?".into()).unwrap();
    second.engine.send(account, conversation, NewMessage::new(MessageId::new(), text)).await.unwrap();
    let shown = shown_end(&mut follower, first, reply).await;
    assert_eq!(shown.status, Status::Stopped);
    assert_eq!(shown.text, second.store.message(reply).await.unwrap().unwrap().0.text, "all that is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_at_the_new_process_is_shown_an_end_that_was_just_before_a_message_there() {
    let script = Script { pieces: 100, gap_ms: 20, ..Script::default() };
    let Pair { app, second, account, conversation, reply, .. } = pair(&script).await;
    let topic = Topic::Conversation(conversation);
    let (mut follower, first) = Follower::start(&second, account, topic, None).await.unwrap();
    let watching = tokio::spawn(async move { shown_end(&mut follower, first, reply).await });
    while status(&second, reply).await.is_open() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    app.upstream.script(Script { pieces: 2_000, ..script.clone() });
    let text = Prompt::parse("And now?".into()).unwrap();
    second.engine.send(account, conversation, NewMessage::new(MessageId::new(), text)).await.unwrap();
    let shown = watching.await.unwrap();
    assert_eq!((shown.status, shown.text), (Status::Done, script.full_text()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_opens_and_is_left_between_two_looks_is_shown_as_interrupted() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let (_, reply) = opened(&app, &conversation, "gone", &now()).await;
    let account = app.state.store.message(reply.id).await.unwrap().unwrap().2;
    let topic = Topic::Conversation(conversation.parse().unwrap());
    let (mut follower, first) = Follower::start(&app.state, account, topic, None).await.unwrap();
    assert_eq!(shown_end(&mut follower, first, reply.id).await.status, Status::Interrupted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_this_process_has_left_behind_is_interrupted_within_a_second_or_by_the_next_message() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let process = app.state.store.process();
    let (_, reply) = opened(&app, &conversation, process, &now()).await;
    let account = app.state.store.message(reply.id).await.unwrap().unwrap().2;
    let topic = Topic::Conversation(conversation.parse().unwrap());
    let (mut follower, first) = Follower::start(&app.state, account, topic, None).await.unwrap();
    assert_eq!(shown_end(&mut follower, first, reply.id).await.status, Status::Interrupted);
    drop(follower);
    // Sooner, where somebody writes there.
    let (_, reply) = opened(&app, &conversation, process, &now()).await;
    let sent = app.send(&conversation, &Script::default()).await;
    assert_eq!(app.rest_of(&conversation, &sent).await.last().unwrap().event, "done");
    assert_eq!(status(&app.state, reply.id).await, Status::Interrupted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_leaves_that_dies_later_is_interrupted_by_the_other() {
    let script = Script { pieces: 2_000, gap_ms: 20, ..Script::default() };
    let Pair { app, second, account, conversation, reply, .. } = pair(&script).await;
    let topic = Topic::Conversation(conversation);
    let (mut follower, _) = Follower::start(&second, account, topic, None).await.unwrap();
    super::crash::seem_gone(&app);
    let interrupted = async {
        while status(&second, reply).await != Status::Interrupted {
            follower.next().await.expect("there is more to come");
        }
    };
    tokio::time::timeout(PATIENCE, interrupted).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_process_that_hangs_only_what_has_to_make_way_is_interrupted() {
    let app = App::bounded(Bounds { other_process_stop: Duration::from_millis(100), ..Bounds::default() }).await;
    let hung = File::create(app.folder.0.join("rivulet.db-process-hung")).unwrap();
    hung.lock().unwrap();
    let (here, there) = (app.conversation().await, app.conversation().await);
    let (_, in_the_way) = opened(&app, &here, "hung", &now()).await;
    let (_, elsewhere) = opened(&app, &there, "hung", &now()).await;
    let sent = app.send(&here, &Script::default()).await;
    assert_eq!(app.rest_of(&here, &sent).await.last().unwrap().event, "done");
    assert_eq!(status(&app.state, in_the_way.id).await, Status::Interrupted);
    assert_eq!(status(&app.state, elsewhere.id).await, Status::Streaming);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_process_that_has_ended() {
    let app = App::start().await;
    let marks = |app: &App| {
        let names = std::fs::read_dir(&app.folder.0).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().contains("-process-")).count()
    };
    assert_eq!(marks(&app), 1);
    std::fs::write(app.folder.0.join("rivulet.db-process-of-old"), "").unwrap();
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    assert_eq!(marks(&app), 2, "what a dead one left is removed");
    second.store.close().await;
    assert_eq!(marks(&app), 1);
}
