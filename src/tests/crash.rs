//! What is left when a process is gone. The real `kill -9` is in `end2end/`; here a second life opens the same database.

use super::app::{App, settings, text};
use super::upstream::script::Script;
use crate::server::State;

#[tokio::test(flavor = "multi_thread")]
async fn replies_of_a_process_that_is_gone_are_interrupted_and_keep_their_text() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 100, gap_ms: 30, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    app.upstream.until(1, |seen| 50 <= seen.pieces).await.unwrap();

    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    let (message, ..) = second.store.message(sent.reply.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(message.status.name(), "interrupted");
    assert!(!message.text.is_empty(), "a checkpoint was made in the first second and a half");
    assert!(script.full_text().starts_with(&message.text), "a prefix of what was shown");
    assert!(message.finished_at.is_some());

    // The first life was only thought dead: it goes on, and must not overwrite what the second one wrote.
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
async fn the_database_is_its_owners_alone() {
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
