//! A conversation that is deleted in the app: gone for everybody at once, and back for some seconds if its owner wants it
//! (U5).

use super::app::{App, settings, text};
use super::sharing::Shared;
use super::upstream::script::Script;
use crate::error::Problem;
use crate::event::Event;
use crate::model::{Access, AccountId, ConversationId};
use crate::server::State;
use crate::server::conversations::leaving;
use crate::server::journal::Topic;
use crate::server::secret::Hash;
use crate::server::store::revocations::Revoked;
use crate::server::store::sharing::InviteLink;
use crate::server::store::sql;
use crate::server::transport::{Follower, Frame};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

async fn delete(app: &App, conversation: &str) {
    let answer = app.post("/api/chat/delete", json!({ "conversation": conversation })).await;
    assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
}

async fn bring_back(app: &App, conversation: &str) -> StatusCode {
    app.post("/api/chat/bring-back", json!({ "conversation": conversation })).await.status()
}

/// As if it had been marked a minute ago.
async fn age(app: &App) {
    let mut write = app.state.store.write().await.unwrap();
    sql::query("update conversation set leaving_at = '2020-01-01T00:00:00.000Z' where leaving_at is not null")
        .execute(&mut *write)
        .await
        .unwrap();
    write.commit().await.unwrap();
}

async fn exists(app: &App, conversation: &str) -> bool {
    app.state.store.owner(conversation.parse().unwrap()).await.is_ok()
}

/// What everybody who had it gets now, by each way that there is.
async fn assert_gone(app: &App, conversation: &str, message: &str) {
    for path in [
        format!("/c/{conversation}"),
        format!("/c/{conversation}/manage"),
        format!("/c/{conversation}/export"),
        format!("/c/{conversation}/sharing"),
        format!("/api/v1/conversations/{conversation}"),
        format!("/api/v1/conversations/{conversation}/events"),
        format!("/api/v1/conversations/{conversation}/tree"),
        format!("/api/v1/conversations/{conversation}/sharing"),
        format!("/api/v1/messages/{message}"),
    ] {
        assert_eq!(app.get(&path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for (path, body) in [
        ("/api/chat/open", json!({ "conversation": conversation })),
        ("/api/chat/earlier", json!({ "conversation": conversation, "before": message })),
        ("/api/chat/change", json!({ "conversation": conversation, "changes": { "title": "x" } })),
        ("/api/chat/delete", json!({ "conversation": conversation })),
        ("/api/usage", json!({ "conversation": conversation })),
        ("/api/follow", json!({ "conversation": conversation, "cursor": null, "list": null })),
    ] {
        assert_eq!(app.post(path, body).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let said = json!({ "conversation": conversation, "message": uuid::Uuid::now_v7(), "text": "x", "start": null });
    assert_eq!(app.post("/api/chat/send", said.clone()).await.status(), StatusCode::NOT_FOUND);
    let mut begun = said;
    begun["start"] = json!({});
    assert_eq!(app.post("/api/chat/send", begun).await.status(), StatusCode::CONFLICT, "the id is not free");
    assert!(app.conversations().await.is_empty());
    let found: Value = app.post("/api/search", json!({ "query": "secret" })).await.json().await.unwrap();
    assert_eq!(found["hits"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn u05_what_is_deleted_is_gone_for_everybody_and_comes_back_whole() {
    let mut shared = Shared::with("participant").await;
    let conversation = shared.conversation.clone();
    let message = shared.sent.message.clone();
    shared.be_ann();
    let public = shared.app.request(Method::PUT, &shared.path("/sharing/public")).json(&json!({}));
    let public: Value = public.send().await.unwrap().json().await.unwrap();
    let public = format!("/p/{}/c/{conversation}", text(&public["secret"]));
    let invitation = shared.app.share_link(&conversation, json!({ "role": "reader" })).await;
    let before = shared.app.snapshot(&conversation).await;
    let mut viewer = shared.app.follow(&conversation, None).await;

    delete(&shared.app, &conversation).await;
    assert_eq!(viewer.until("deleted").await.last().unwrap().data["conversation"], json!(conversation));
    assert_gone(&shared.app, &conversation, &message).await;
    assert_eq!(shared.app.join(&invitation).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(shared.app.stranger(Method::GET, &public).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    shared.be_bob();
    assert_gone(&shared.app, &conversation, &message).await;
    assert_eq!(bring_back(&shared.app, &conversation).await, StatusCode::NOT_FOUND, "it was not Bob's");

    shared.be_ann();
    assert_eq!(bring_back(&shared.app, &conversation).await, StatusCode::OK);
    assert_eq!(bring_back(&shared.app, &conversation).await, StatusCode::OK, "twice is once");
    let after = shared.app.snapshot(&conversation).await;
    assert_eq!(after["messages"], before["messages"]);
    assert_ne!(
        after["cursor"].as_str().unwrap().split(':').next(),
        before["cursor"].as_str().unwrap().split(':').next()
    );
    let mut events = shared.app.follow(&conversation, before["cursor"].as_str()).await;
    assert_eq!(events.next().await.unwrap().event, "snapshot", "no cursor from before is valid");
    assert_eq!(shared.app.stranger(Method::GET, &public).send().await.unwrap().status(), StatusCode::OK);
    shared.be_bob();
    assert_eq!(shared.app.snapshot(&conversation).await["messages"], before["messages"]);
    assert_eq!(bring_back(&shared.app, &conversation).await, StatusCode::FORBIDDEN);
    age(&shared.app).await;
    leaving::sweep(&shared.app.state).await;
    assert!(exists(&shared.app, &conversation).await, "the mark is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn u05_deleting_stops_an_open_reply_and_what_is_not_brought_back_goes_for_good() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { silence_after: Some(3), ..Script::default() }).await;
    app.follow(&conversation, Some(&sent.cursor)).await.until("token").await;
    delete(&app, &conversation).await;
    assert_eq!(app.state.engine.open_replies(), 0);
    assert!(exists(&app, &conversation).await, "it can be brought back");
    leaving::sweep(&app.state).await;
    assert!(exists(&app, &conversation).await, "its time is not over");
    age(&app).await;
    leaving::sweep(&app.state).await;
    assert!(!exists(&app, &conversation).await);
    assert_eq!(bring_back(&app, &conversation).await, StatusCode::NOT_FOUND);
    let taken = app.post("/api/v1/conversations", json!({ "id": conversation })).await;
    assert_eq!(taken.status(), StatusCode::CONFLICT, "its id is never used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn u05_a_server_that_starts_deletes_what_another_has_marked() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    delete(&app, &conversation).await;
    age(&app).await;
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    let gone = async {
        while second.store.owner(conversation.parse().unwrap()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("its loop deletes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn u05_viewers_at_another_process_are_told_and_find_it_again() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    let id: ConversationId = conversation.parse().unwrap();
    let owner = second.store.owner(id).await.unwrap();
    let topic = Topic::Conversation(id);
    let (mut follower, first) = Follower::start(&second, owner, topic, None).await.unwrap();
    assert!(matches!(first, Frame::Start { .. }));
    delete(&app, &conversation).await;
    let told = async { while follower.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, told).await.expect("it goes on");
    assert!(follower.is_deleted());
    assert!(Follower::start(&second, owner, topic, None).await.is_err());
    assert_eq!(bring_back(&app, &conversation).await, StatusCode::OK);
    assert!(Follower::start(&second, owner, topic, None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn u05_a_change_moves_no_conversation_in_the_list() {
    let app = App::start().await;
    let first = app.conversation().await;
    app.conversation().await;
    let before = app.snapshot(&first).await["conversation"]["updated_at"].clone();
    let renamed =
        app.post("/api/chat/change", json!({ "conversation": first, "changes": { "title": "Renamed" } })).await;
    let renamed: Value = renamed.json().await.unwrap();
    assert_eq!((&renamed["updated_at"], &renamed["title"]), (&before, &json!("Renamed")));
    let list = app.conversations().await;
    assert_eq!(list.last().unwrap()["id"], json!(first), "the older one stays below");
}

#[tokio::test(flavor = "multi_thread")]
async fn u10_a_row_has_a_page_for_browsers_without_code() {
    let mut shared = Shared::with("reader").await;
    let path = format!("/c/{}/manage", shared.conversation);
    shared.be_ann();
    let page = shared.app.get(&path).await.text().await.unwrap();
    for part in ["action=\"/forms/change\"", "action=\"/forms/delete\"", "/sharing\"", "/export\""] {
        assert!(page.contains(part), "{part}: {page}");
    }
    shared.be_bob();
    let page = shared.app.get(&path).await.text().await.unwrap();
    assert!(page.contains("People, and leaving") && page.contains("/forms/place"), "{page}");
    assert!(!page.contains("/forms/change") && !page.contains("/forms/delete"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_exported_as_its_reader_sees_it() {
    let mut shared = Shared::with("reader").await;
    shared.be_bob();
    let path = format!("/c/{}/export", shared.conversation);
    let answer = shared.app.get(&path).await;
    assert_eq!(answer.headers()["content-type"], "text/markdown; charset=utf-8");
    let name = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(name.starts_with("attachment; filename*=UTF-8''") && name.ends_with(".md"), "{name}");
    let text = answer.text().await.unwrap();
    assert!(text.contains("## 1. Ann, ") && text.contains("A secret of Ann."), "{text}");
    shared.take_back().await;
    shared.be_bob();
    assert_eq!(shared.app.get(&path).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn u11_a_password_that_is_too_short_is_refused_like_any_wrong_one() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    app.cookie = app.new_cookie().await;
    let compared = app.state.passwords.compared();
    for password in ["not my password", "short", ""] {
        let answer = app.try_sign_in("Ann", password).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let page = answer.text().await.unwrap();
        assert!(page.contains("do not belong together") && !page.contains("at least 8"), "{password}: {page}");
    }
    assert_eq!(app.state.passwords.compared() - compared, 3, "each costs a comparison");
}

/// The list's journal tells of what is back, so that other tabs show it.
#[tokio::test(flavor = "multi_thread")]
async fn u05_the_lists_of_all_are_told() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let id: ConversationId = conversation.parse().unwrap();
    let owner = app.state.store.owner(id).await.unwrap();
    let journal = app.state.journals.topic(Topic::Account(owner));
    let mut reader = journal.reader(journal.end().0).unwrap();
    delete(&app, &conversation).await;
    bring_back(&app, &conversation).await;
    let mut told = Vec::new();
    while told.len() < 2 {
        let next = tokio::time::timeout(PATIENCE, reader.next(9)).await.expect("nothing comes").unwrap();
        told.extend(next.iter().map(|entry| entry.event.clone()));
    }
    assert!(matches!(&told[0], Event::Deleted { conversation } if *conversation == id), "{told:?}");
    assert!(matches!(&told[1], Event::Conversation { conversation } if conversation.id == id), "{told:?}");
}

/// Writes an entry of another process, and waits until this one has read it, and so everything before it.
async fn all_revocations_are_read(state: &State, owner: AccountId, conversation: ConversationId) {
    let journal = state.journals.topic(Topic::Account(owner));
    let mut reader = journal.reader(journal.end().0).unwrap();
    let mut write = state.store.write().await.unwrap();
    sql::query(
        "insert into revocation (seq, kind, subject, at) select max(seq) + 1, 'share', $1, max(at) from revocation",
    )
    .bind(format!("{owner}/{conversation}"))
    .execute(&mut *write)
    .await
    .unwrap();
    write.commit().await.unwrap();
    let read = async { while reader.next(9).await.is_some() {} };
    tokio::time::timeout(PATIENCE, read).await.expect("it is not read");
}

#[tokio::test(flavor = "multi_thread")]
async fn u05_what_is_back_keeps_its_journal_however_late_the_deletion_is_read() {
    let app = App::start().await;
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    for _ in 0..3 {
        let conversation = app.conversation().await;
        let id: ConversationId = conversation.parse().unwrap();
        let owner = app.state.store.owner(id).await.unwrap();
        let there = second.journals.topic(Topic::Conversation(id));
        delete(&app, &conversation).await;
        assert_eq!(bring_back(&app, &conversation).await, StatusCode::OK);
        let here = app.state.journals.topic(Topic::Conversation(id));
        all_revocations_are_read(&app.state, owner, id).await;
        assert_eq!(app.state.journals.topic(Topic::Conversation(id)).epoch(), here.epoch(), "it is not ended");
        all_revocations_are_read(&second, owner, id).await;
        // It may have read the deletion before the conversation was back.
        let snapshot = Follower::start(&second, owner, Topic::Conversation(id), Some(there.end().0)).await;
        assert!(snapshot.is_ok());
        delete(&app, &conversation).await;
        let gone = second.journals.topic(Topic::Conversation(id));
        let ended = async {
            while second.journals.topic(Topic::Conversation(id)).epoch() == gone.epoch() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("and what is gone is ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u05_other_processes_are_told_of_everybody_who_has_it_again() {
    let shared = Shared::with("reader").await;
    let (state, store) = (&shared.app.state, &shared.app.state.store);
    let id: ConversationId = shared.conversation.parse().unwrap();
    let owner = store.owner(id).await.unwrap();
    store.mark_leaving(owner, id).await.unwrap();
    let mut seen = store.watch_from_now().await.unwrap();
    store.unmark_leaving(state.writer(owner), id).await.unwrap();
    let noted = store.look_around(&mut seen, false).await.unwrap().revoked;
    for account in [owner, shared.bob_id.parse().unwrap()] {
        assert!(noted.iter().any(|noted| noted.revoked == Revoked::Share(account, id)), "{noted:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn u05_what_waits_behind_a_deletion_writes_nothing() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    let id: ConversationId = conversation.parse().unwrap();
    let (state, store) = (&app.state, &app.state.store);
    let owner = store.owner(id).await.unwrap();
    let invitation = InviteLink {
        hash: Hash::of("an invitation"),
        role: Access::Reader,
        uses: 1,
        used: 0,
        ends_at: "2999-01-01T00:00:00.000Z".into(),
        created_at: "2020-01-01T00:00:00.000Z".into(),
    };
    let other = store.add_guest(Hash::of("another"), "a browser").await.unwrap();
    // As it is after they have looked whether they may, and before their turn.
    store.mark_leaving(owner, id).await.unwrap();
    for refused in [
        store.set_public_link(state.writer(owner), id, Hash::of("a link"), true).await,
        store.add_share_link(state.writer(owner), id, &invitation, 9).await.map(drop),
        store.share(state.writer(owner), id, other, Access::Reader, 9).await.map(drop),
        store.show_branch(state.writer(owner), id, sent.message.parse().unwrap()).await,
    ] {
        assert!(matches!(refused, Err(Problem::NotFound)), "{refused:?}");
    }
    let written = "select (select count(*) from public_link) + (select count(*) from share_link)
                   + (select count(*) from share) + (select count(*) from conversation where leaf is not null)";
    let written: i64 = sql::query_scalar(written).fetch_one(store.read()).await.unwrap();
    assert_eq!(written, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn u05_what_is_deleted_is_not_shown_to_the_model_that_names_conversations() {
    let app = App::with(&["--title-model=openai/small"]).await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { silence_after: Some(3), ..Script::default() }).await;
    app.follow(&conversation, Some(&sent.cursor)).await.until("token").await;
    // It stops the reply, after which a title would be asked for.
    delete(&app, &conversation).await;
    let id: ConversationId = conversation.parse().unwrap();
    let (state, store) = (&app.state, &app.state.store);
    state.engine.drain(tokio::time::Instant::now() + PATIENCE).await;
    assert_eq!(app.upstream.seen().len(), 1);
    assert!(!store.take_title(id).await.unwrap());
    let owner = store.owner(id).await.unwrap();
    store.unmark_leaving(state.writer(owner), id).await.unwrap();
    assert!(store.take_title(id).await.unwrap(), "it can be named again once it is back");
    store.mark_leaving(owner, id).await.unwrap();
    assert!(store.give_title(id, "A title").await.unwrap().is_none(), "nor is a title written that was asked before");
}

#[tokio::test(flavor = "multi_thread")]
async fn u05_what_is_deleted_makes_room_at_once_and_comes_back_only_where_there_is_room() {
    let app = App::with(&["--instructions-mib=1", "--conversations=2"]).await;
    let (long, other) = (app.conversation().await, app.conversation().await);
    let mut write = app.state.store.write().await.unwrap();
    sql::query("update conversation set system = $1").bind("x".repeat(600_000)).execute(&mut *write).await.unwrap();
    sql::query("update conversation set system = 'x' where id = $1").bind(&other).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    delete(&app, &long).await;
    let mut write = app.state.store.write().await.unwrap();
    let grown = sql::query("update conversation set title = $1 where id = $2").bind("x".repeat(500_000)).bind(&other);
    grown.execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    let change = app.request(Method::PATCH, &format!("/api/v1/conversations/{other}"));
    let changed = change.json(&json!({ "system": "x".repeat(30_000) })).send().await.unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    assert_eq!(bring_back(&app, &long).await, StatusCode::CONFLICT);
    delete(&app, &other).await;
    assert_eq!(bring_back(&app, &long).await, StatusCode::OK);
}
