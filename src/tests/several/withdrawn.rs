//! What is withdrawn at one node is refused at another (S14): a quarter of a second later where its looks work, and a second
//! later in any case.

use super::{Nodes, PATIENCE, SOON, within};
use crate::model::AccountId;
use crate::server::principal::{Role, Scope};
use crate::server::secret::{self, Hash};
use crate::server::store::audit::Note;
use crate::tests::app::{App, Sse};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    SignOut,
    Session,
    OtherSessions,
    Token,
    Disabled,
    Role,
    Password,
}

const WAYS: [Way; 7] =
    [Way::SignOut, Way::Session, Way::OtherSessions, Way::Token, Way::Disabled, Way::Role, Way::Password];

/// Within this a node has heard of a withdrawal: sooner than what it keeps of callers is too old.
const HEARD: Duration = Duration::from_millis(750);

/// What a request is let in by.
struct Key {
    header: (&'static str, String),
    hash: Hash,
}

async fn key(app: &App, account: AccountId, way: Way) -> Key {
    let (secret, store) = (secret::new().unwrap(), &app.state.store);
    let hash = Hash::of(&secret);
    if way == Way::Token {
        assert!(store.add_token(app.state.writer(account), hash, "a program", Scope::Write, 50).await.unwrap());
        return Key { header: ("authorization", format!("Bearer {secret}")), hash };
    }
    assert!(store.add_session(account, hash, "a browser", None, None, None).await.unwrap());
    Key { header: ("cookie", format!("rivulet={secret}")), hash }
}

/// At this node, whose own streams are no matter here.
async fn withdraw(app: &App, account: AccountId, way: Way, key: &Key) {
    let (store, note) = (&app.state.store, Note::new("Root", "x", "Ann", ""));
    match way {
        Way::SignOut => {
            let left = app.stranger(Method::POST, "/sign-out").header("cookie", &key.header.1).send().await.unwrap();
            assert!(left.status().is_redirection());
        }
        Way::Session => drop(store.end_session(account, key.hash, None).await.unwrap()),
        Way::OtherSessions => drop(store.end_sessions(account, None).await.unwrap()),
        Way::Token => drop(store.end_token(account, key.hash).await.unwrap()),
        Way::Disabled => {
            store.set_disabled(account, true, &note).await.unwrap().unwrap();
        }
        Way::Role => {
            store.set_role(account, Role::Agent, &note).await.unwrap().unwrap();
        }
        Way::Password => drop(store.change_password(account, "x", None, &note).await.unwrap()),
    }
}

async fn looks(app: &App, key: &Key) -> StatusCode {
    let (name, value) = &key.header;
    app.stranger(Method::GET, "/api/v1/conversations").header(*name, value).send().await.unwrap().status()
}

async fn stream(app: &App, conversation: &str, key: &Key) -> Sse {
    let path = format!("/api/v1/conversations/{conversation}/events");
    let answer = app.stranger(Method::GET, &path).header(key.header.0, &key.header.1).send().await.unwrap();
    let mut events = Sse::new(answer);
    events.until("snapshot").await;
    events
}

#[tokio::test]
async fn s14_each_way_of_withdrawing_at_one_node_counts_at_another_for_requests_and_streams() {
    let Some(mut nodes) = Nodes::start(2).await else { return };
    for (number, way) in WAYS.into_iter().enumerate() {
        // An account for each: what is withdrawn of an account cuts all of its streams.
        nodes.sign_up(&format!("Ann {number}")).await;
        let conversation = nodes[0].conversation().await;
        let account = nodes[0].state.store.owner(conversation.parse().unwrap()).await.unwrap();
        let key = key(&nodes[0], account, way).await;
        let mut events = stream(&nodes[1], &conversation, &key).await;
        // Kept there, as of just now.
        assert_eq!(looks(&nodes[1], &key).await, StatusCode::OK);
        withdraw(&nodes[0], account, way, &key).await;
        let since = Instant::now();
        let refused = async { while looks(&nodes[1], &key).await != StatusCode::UNAUTHORIZED {} };
        within(HEARD, &format!("refusal after {way:?}"), refused).await;
        let ended = async { while events.next().await.is_some() {} };
        within(SOON.saturating_sub(since.elapsed()), &format!("end of a stream after {way:?}"), ended).await;
    }
}

/// Rule 1: who is let in without being read was read a second ago at most, also where the looks fail.
#[tokio::test]
async fn s14_a_second_after_a_withdrawal_it_counts_also_at_a_node_that_hears_of_none() {
    let Some(mut nodes) = Nodes::start(2).await else { return };
    nodes.sign_up("Ann").await;
    let conversation = nodes[0].conversation().await;
    let account = nodes[0].state.store.owner(conversation.parse().unwrap()).await.unwrap();
    let mut connection = nodes.database.connect().await;
    for way in [Way::Session, Way::Token] {
        let key = key(&nodes[0], account, way).await;
        assert_eq!(looks(&nodes[1], &key).await, StatusCode::OK);
        withdraw(&nodes[0], account, way, &key).await;
        let since = Instant::now();
        // Before its next look, in most of the rounds; else this is the test above.
        sqlx::query("delete from revocation").execute(&mut connection).await.unwrap();
        let mut last = since;
        let refused = async {
            loop {
                let begun = Instant::now();
                if looks(&nodes[1], &key).await == StatusCode::UNAUTHORIZED {
                    return;
                }
                last = begun;
            }
        };
        within(PATIENCE, "refusal", refused).await;
        assert!(last.duration_since(since) <= SOON, "{way:?}: let in after {:?}", last.duration_since(since));
    }
}

#[tokio::test]
async fn s14_access_that_is_taken_back_at_one_node_ends_the_stream_at_another() {
    let Some(mut nodes) = Nodes::start(2).await else { return };
    let bob = nodes.sign_up("Bob").await;
    nodes.sign_up("Ann").await;
    let conversation = nodes[0].conversation().await;
    let person = nodes[0].share(&conversation, "bob", "reader").await;
    let mut there = {
        nodes[1].cookie.clone_from(&bob);
        nodes[1].follow(&conversation, None).await
    };
    there.until("snapshot").await;
    let path = format!("/api/v1/conversations/{conversation}/sharing/people/{}", person["id"].as_str().unwrap());
    assert_eq!(nodes[0].request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let ended = async { while there.next().await.is_some() {} };
    within(SOON, "end of the stream", ended).await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let refused = nodes[1].post(&path, json!({ "content": "Hm" })).await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
}
