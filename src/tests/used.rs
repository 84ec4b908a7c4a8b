//! Conversations that are deleted: their journals end with them, and their ids are never given again (Z32).

use super::admin::{member, with_admin};
use super::app::{App, problem, settings};
use super::sharing::Shared;
use super::upstream::script::Script;
use crate::event::{Cursor, Event};
use crate::model::{AccountId, ConversationId};
use crate::server::State;
use crate::server::accounts::GuestSweep;
use crate::server::journal::{Journals, Topic};
use crate::server::secret::Hash;
use crate::server::store::sql;
use crate::server::transport::{Follower, Frame};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const SECRET: &str = "What only Ann has ever said";
const PATIENCE: Duration = Duration::from_secs(20);

/// A conversation with a secret in it, and a cursor before all of it.
async fn secret(app: &App) -> (String, String) {
    let conversation = app.conversation().await;
    let script = Script { text: Some(SECRET.into()), ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    app.rest_of(&conversation, &sent).await;
    let epoch = sent.cursor.split_once(':').unwrap().0;
    (conversation, format!("{epoch}:0"))
}

/// No caller gets the id, nor anything by it, with any cursor.
async fn is_gone(app: &App, conversation: &str, cursor: &str) {
    let taken = app.post("/api/v1/conversations", json!({ "id": conversation })).await;
    problem(taken, 409).await;
    let events = app.request(Method::GET, &format!("/api/v1/conversations/{conversation}/events"));
    problem(events.header("last-event-id", cursor).send().await.unwrap(), 404).await;
    let start = json!({ "conversation": conversation, "message": uuid::Uuid::now_v7(), "text": "x", "start": {} });
    problem(app.post("/api/chat/send", start).await, 409).await;
    let form = app.form("/forms/send", &[("message", conversation), ("text", "x")]).send().await.unwrap();
    assert_eq!(form.status(), StatusCode::CONFLICT);
    let topic = Topic::Conversation(conversation.parse().unwrap());
    assert!(app.state.journals.topic(topic).reader(cursor.parse().unwrap()).is_none(), "an old cursor says nothing");
    let kept: Vec<String> =
        sql::query_scalar("select id_hash from used_conversation").fetch_all(app.state.store.read()).await.unwrap();
    assert!(kept.contains(&Hash::of(conversation).to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn z32_the_id_of_a_deleted_conversation_opens_nothing_to_anybody() {
    let mut app = App::start().await;
    let (conversation, cursor) = secret(&app).await;
    let mut viewer = app.follow(&conversation, None).await;
    let path = format!("/api/v1/conversations/{conversation}");
    assert_eq!(app.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(viewer.until("deleted").await.last().unwrap().data["conversation"], json!(conversation));
    assert_eq!(viewer.next().await, None, "and nothing after it");
    is_gone(&app, &conversation, &cursor).await;
    app.cookie = app.new_cookie().await;
    is_gone(&app, &conversation, &cursor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn z32_an_account_that_is_deleted_takes_its_ids_with_it() {
    let mut app = with_admin(&[]).await;
    let root = app.cookie.clone();
    let (ann, cookie) = member(&mut app, "Ann").await;
    app.cookie = cookie;
    let (conversation, cursor) = secret(&app).await;
    let list = app.state.journals.topic(Topic::Account(ann)).end().0;
    crate::server::accounts::delete(&app.state, ann, None).await.unwrap();
    app.cookie = root;
    is_gone(&app, &conversation, &cursor).await;
    assert!(app.state.journals.topic(Topic::Account(ann)).reader(list).is_none(), "its list is gone as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn z32_what_comes_while_an_account_is_deleted_goes_with_its_row() {
    let app = App::start().await;
    let (conversation, cursor) = secret(&app).await;
    let session = Hash::of(app.cookie.split_once('=').unwrap().1);
    let guest = app.state.store.session(session).await.unwrap().unwrap().account;
    let (mut follower, _) =
        Follower::start(&app.state, guest, Topic::Conversation(conversation.parse().unwrap()), None).await.unwrap();
    let heir = {
        let cookie = app.new_cookie().await;
        app.state.store.session(Hash::of(cookie.split_once('=').unwrap().1)).await.unwrap().unwrap().account
    };
    app.state.store.delete_guest(guest, heir).await.unwrap();
    let told = async { while follower.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, told).await.expect("it goes on");
    assert!(follower.is_deleted(), "it was told so");
    let mut other = app;
    other.cookie = other.new_cookie().await;
    is_gone(&other, &conversation, &cursor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn z32_what_one_process_deletes_is_gone_at_the_other() {
    let app = App::start().await;
    let (conversation, _) = secret(&app).await;
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    let id: ConversationId = conversation.parse().unwrap();
    let (topic, owner) = (Topic::Conversation(id), second.store.owner(id).await.unwrap());
    let (mut follower, first) = Follower::start(&second, owner, topic, None).await.unwrap();
    let Frame::Start { id: cursor, .. } = first else { panic!("no start") };
    let path = format!("/api/v1/conversations/{conversation}");
    assert_eq!(app.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let told = async { while follower.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, told).await.expect("it goes on");
    assert!(follower.is_deleted(), "its viewers are told so");
    assert!(second.journals.topic(topic).reader(cursor).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn z32_a_guest_that_is_swept_takes_its_list_with_it() {
    let app = App::start().await;
    let session = Hash::of(app.cookie.split_once('=').unwrap().1);
    let guest = app.state.store.session(session).await.unwrap().unwrap().account;
    let cursor =
        app.state.journals.topic(Topic::Account(guest)).append(Event::Deleted { conversation: ConversationId::new() });
    let mut write = app.state.store.write().await.unwrap();
    for age in [
        "update account set created_at = '2020-01-01T00:00:00.000Z'",
        "update session set last_used_at = '2020-01-01T00:00:00.000Z'",
    ] {
        sql::query(age).execute(&mut *write).await.unwrap();
    }
    write.commit().await.unwrap();
    GuestSweep::default().sweep(&app.state).await;
    assert!(app.state.store.account(guest).await.is_err());
    assert!(app.state.journals.topic(Topic::Account(guest)).reader(cursor).is_none());
}

/// A cursor in the list of an account.
fn listed(state: &State, account: AccountId) -> Cursor {
    state.journals.topic(Topic::Account(account)).append(Event::Deleted { conversation: ConversationId::new() })
}

fn is_known(state: &State, account: AccountId, cursor: Cursor) -> bool {
    state.journals.topic(Topic::Account(account)).reader(cursor).is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn z32_a_guest_that_signs_in_takes_its_list_with_it_with_conversations_or_without() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    for has_conversation in [false, true] {
        app.cookie = app.new_cookie().await;
        let session = Hash::of(app.cookie.split_once('=').unwrap().1);
        let guest = app.state.store.session(session).await.unwrap().unwrap().account;
        if has_conversation {
            app.conversation().await;
        }
        let cursor = listed(&app.state, guest);
        assert!(is_known(&app.state, guest, cursor));
        app.sign_in("Ann").await;
        if has_conversation {
            app.form("/account/conversations", &[("keep", "no")]).send().await.unwrap();
        }
        assert!(app.state.store.account(guest).await.is_err());
        assert!(!is_known(&app.state, guest, cursor), "with a conversation: {has_conversation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z32_an_account_that_one_process_deletes_has_no_list_at_the_other() {
    let mut app = with_admin(&[]).await;
    let (ann, _) = member(&mut app, "Ann").await;
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    let cursor = listed(&second, ann);
    assert!(is_known(&second, ann, cursor));
    crate::server::accounts::delete(&app.state, ann, None).await.unwrap();
    let told = async {
        while is_known(&second, ann, cursor) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("its list goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn z32_access_that_is_given_again_shows_nothing_of_in_between() {
    let mut shared = Shared::with("participant").await;
    shared.be_bob();
    let before = shared.app.snapshot(&shared.conversation).await["cursor"].as_str().unwrap().to_owned();
    let resumed = shared.app.follow(&shared.conversation, Some(&before)).await.next().await.unwrap();
    assert_eq!(resumed.event, "resumed", "as long as nobody takes it back");
    shared.take_back().await;
    let path = shared.path("");
    let between = json!({ "title": "Only for a moment" });
    shared.app.request(Method::PATCH, &path).json(&between).send().await.unwrap();
    shared.app.request(Method::PATCH, &path).json(&json!({ "title": "Later" })).send().await.unwrap();
    shared.app.share(&shared.conversation, "bob", "participant").await;
    shared.be_bob();
    let mut events = shared.app.follow(&shared.conversation, Some(&before)).await;
    let first = events.next().await.unwrap();
    assert_eq!((first.event.as_str(), &first.data["conversation"]["title"]), ("snapshot", &json!("Later")));
    let again: Value = shared.app.snapshot(&shared.conversation).await;
    let now = again["cursor"].as_str().unwrap().to_owned();
    let resumed = shared.app.follow(&shared.conversation, Some(&now)).await.next().await.unwrap();
    assert_eq!(resumed.event, "resumed", "and from then on it goes on as ever");
}

#[tokio::test]
async fn z32_readers_get_what_there_was_then_the_end_and_nothing_after_it() {
    let journals = Journals::new(Duration::from_secs(600), 1 << 20);
    let topic = Topic::Conversation(ConversationId::new());
    let journal = journals.topic(topic);
    let event = || Event::Deleted { conversation: ConversationId::new() };
    let first: Cursor = journal.append(event());
    let mut reader = journal.reader(Cursor { seq: 0, ..first }).unwrap();
    journals.end(topic, Some(event()));
    journal.append(event());
    journal.start_over();
    assert_eq!(reader.next(9).await.unwrap().len(), 2);
    assert!(reader.next(9).await.unwrap().is_empty(), "nothing more is to come");
    assert!(journal.reader(first).is_none() && journals.topic(topic).reader(first).is_none());
    assert_ne!(journals.topic(topic).epoch(), first.epoch);
    let list = Topic::Account(AccountId::new());
    let mut waiting = journals.topic(list).reader(journals.topic(list).end().0).unwrap();
    journals.end(list, None);
    assert!(waiting.next(9).await.unwrap().is_empty());
}
