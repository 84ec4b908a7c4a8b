//! A bug in one place ends one thing: row F43 of the fault matrix.

use super::app::{App, settings, text};
use super::upstream::script::Script;
use crate::server::State;
use crate::server::journal::Topic;
use crate::server::transport::Follower;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Panics where a given module logs: in the middle of its work, as a bug there would.
struct Bomb(&'static str);

impl<S: Subscriber> Layer<S> for Bomb {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert_ne!(event.metadata().target(), self.0, "as the test wants it");
    }
}

// On one thread, so that the subscriber of this test is the one of all its tasks.
#[tokio::test]
async fn f43_a_panic_ends_one_reply_and_is_counted() {
    let _bomb = tracing::subscriber::set_default(
        tracing_subscriber::registry().with(Bomb("rivulet::server::provider::retrying")),
    );
    let app = App::start().await;
    let (other, conversation) = (app.conversation().await, app.conversation().await);
    let script = Script { pieces: 40, gap_ms: 25, ..Script::default() };
    let going_on = app.send(&other, &script).await;
    // It logs that it asks again.
    let broken = Script { status: Some(503), ..Script::default() };
    let sent = app.send(&conversation, &broken).await;
    let end = app.rest_of(&conversation, &sent).await.pop().unwrap();
    assert_eq!((end.event.as_str(), text(&end.data["kind"])), ("error", "internal".into()));
    let message = app.last_message(&conversation).await;
    assert_eq!((text(&message["status"]), text(&message["error"]["kind"])), ("failed".into(), "internal".into()));

    assert_eq!(app.rest_of(&other, &going_on).await.last().unwrap().event, "done");
    assert_eq!(app.last_message(&other).await["text"], script.full_text());
    let again = app.send(&other, &Script::default()).await;
    assert_eq!(app.rest_of(&other, &again).await.last().unwrap().event, "done");
    assert!(app.metrics().contains("\nrivulet_panics_total{task=\"reply\"} 1\n"));
    assert_eq!(app.state.engine.open_replies(), 0);
}

#[tokio::test]
async fn f43_a_panic_ends_one_request_and_is_counted() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    {
        let bomb = Bomb("rivulet::server::engine::sending");
        let _bomb = tracing::subscriber::set_default(tracing_subscriber::registry().with(bomb));
        let path = format!("/api/v1/conversations/{conversation}/messages");
        let answer = app.post(&path, serde_json::json!({ "content": "Hello" })).await;
        super::app::problem(answer, 500).await;
    }
    assert!(app.metrics().contains("\nrivulet_panics_total{task=\"request\"} 1\n"));
    let again = app.send(&conversation, &Script::default()).await;
    assert_eq!(app.rest_of(&conversation, &again).await.last().unwrap().event, "done");
}

/// A loop that has ended would go unnoticed: replies that are not stored, streams that are not cut.
#[tokio::test]
async fn f43_a_panic_ends_one_round_of_a_loop_and_is_counted() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    app.send(&conversation, &Script { pieces: 2_000, gap_ms: 20, ..Script::default() }).await;
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    // On PostgreSQL it looks at those conversations only that somebody follows.
    let topic = Topic::Conversation(conversation.parse().unwrap());
    let account = app.state.store.owner(conversation.parse().unwrap()).await.unwrap();
    let (_follower, _) = Follower::start(&second, account, topic, None).await.unwrap();
    // It logs what it finds that another process has written.
    let bomb = Bomb("rivulet::server::engine::other_process");
    let _bomb = tracing::subscriber::set_default(tracing_subscriber::registry().with(bomb));
    let counted = async {
        while !crate::server::routes::metrics_text(&second)
            .contains("\nrivulet_panics_total{task=\"other_process\"} 2\n")
        {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), counted).await.expect("the round after the one that panicked came as well");
}
