//! Who is asking is kept for a second, and no withdrawal counts a second later for that (S14, Z33): in this process from
//! the moment it is done, in another one within a second.

use super::accounts::PASSWORD;
use super::app::{App, Folder, Sent, directive, problem};
use super::upstream::Upstream;
use super::upstream::script::Script;
use crate::model::AccountId;
use crate::server::principal::{Role, Scope};
use crate::server::secret::{self, Hash};
use crate::server::store::audit::Note;
use crate::server::store::revocations::Revoked;
use crate::server::store::sql;
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The promise.
const SECOND: Duration = Duration::from_secs(1);
/// Longer than anything that will succeed takes.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    SignOut,
    Session,
    Token,
    Disabled,
    Role,
}

const WAYS: [Way; 5] = [Way::SignOut, Way::Session, Way::Token, Way::Disabled, Way::Role];

/// Two processes with a router each on one database, and an account with a conversation.
struct Pair {
    here: App,
    there: App,
    account: AccountId,
    conversation: String,
}

/// A request's credential: the header line, and the hash that is stored.
struct Let {
    header: (&'static str, String),
    hash: Hash,
}

impl Pair {
    async fn new() -> Self {
        let mut here = App::start().await;
        here.sign_up("Ann").await;
        let account = here.state.store.credentials("ann").await.unwrap().unwrap().account;
        let conversation = here.conversation().await;
        let there = App::on(Folder(here.folder.0.clone()), Upstream::start().await, &[]).await;
        Self { here, there, account, conversation }
    }

    async fn let_in(&self, way: Way) -> Let {
        let (secret, store) = (secret::new().unwrap(), &self.here.state.store);
        let hash = Hash::of(&secret);
        if way == Way::Token {
            let writer = self.here.state.writer(self.account);
            assert!(store.add_token(writer, hash, "a program", Scope::Write, 50).await.unwrap());
            return Let { header: ("authorization", format!("Bearer {secret}")), hash };
        }
        assert!(store.add_session(self.account, hash, "a browser", None, None, None).await.unwrap());
        Let { header: ("cookie", format!("rivulet={secret}")), hash }
    }

    /// Withdraws in the first process, as its doors do.
    async fn withdraw(&self, way: Way, let_in: &Let) {
        let (state, note) = (&self.here.state, Note::new("Root", "x", "Ann", ""));
        let revoked: Vec<Revoked> = match way {
            Way::SignOut => {
                let left =
                    self.here.stranger(Method::POST, "/sign-out").header("cookie", &let_in.header.1).send().await;
                assert!(left.unwrap().status().is_redirection());
                return;
            }
            Way::Session => vec![state.store.end_session(self.account, let_in.hash, None).await.unwrap()],
            Way::Token => vec![state.store.end_token(self.account, let_in.hash).await.unwrap()],
            Way::Disabled => state.store.set_disabled(self.account, true, &note).await.unwrap().unwrap(),
            Way::Role => state.store.set_role(self.account, Role::Agent, &note).await.unwrap().unwrap(),
        };
        revoked.into_iter().for_each(|revoked| state.grants.revoke(revoked));
    }

    async fn restore(&self) {
        let note = Note::new("Root", "x", "Ann", "");
        for revoked in [
            self.here.state.store.set_disabled(self.account, false, &note).await,
            self.here.state.store.set_role(self.account, Role::Member, &note).await,
        ] {
            revoked.unwrap().into_iter().flatten().for_each(|revoked| self.here.state.grants.revoke(revoked));
        }
    }
}

async fn looks(app: &App, let_in: &Let) -> StatusCode {
    let (name, value) = &let_in.header;
    app.stranger(Method::GET, "/api/v1/conversations").header(*name, value).send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn s14_what_is_withdrawn_is_refused_here_at_once_and_there_within_a_second_however_often_it_is_asked() {
    let pair = Pair::new().await;
    for way in WAYS {
        let let_in = pair.let_in(way).await;
        assert_eq!(
            (looks(&pair.here, &let_in).await, looks(&pair.there, &let_in).await),
            (StatusCode::OK, StatusCode::OK)
        );
        pair.withdraw(way, &let_in).await;
        let since = Instant::now();
        assert_eq!(looks(&pair.here, &let_in).await, StatusCode::UNAUTHORIZED, "{way:?}");
        let refused = async { while looks(&pair.there, &let_in).await != StatusCode::UNAUTHORIZED {} };
        tokio::time::timeout(PATIENCE, refused).await.expect("it is let in for ever");
        assert!(since.elapsed() < SECOND, "{way:?}: refused after {:?}", since.elapsed());
        pair.restore().await;
    }
}

/// Sends a head, does `between`, sends the body, and returns the answer.
async fn interrupted(app: &App, door: (&str, &str, &str), let_in: &Let, between: impl Future<Output = ()>) -> String {
    let ((method, path, body), (name, value)) = (door, &let_in.header);
    let mut socket = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{name}: {value}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    socket.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    between.await;
    socket.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, socket.read_to_string(&mut answer)).await.expect("no answer").unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn z33_a_body_that_ends_after_the_withdrawal_is_refused_in_both_processes_also_where_the_caller_is_kept() {
    let pair = Pair::new().await;
    let place = format!("/api/v1/conversations/{}", pair.conversation);
    let (messages, people) = (format!("{place}/messages"), format!("{place}/sharing/links"));
    let doors = [
        ("POST", messages.as_str(), r#"{"content":"x"}"#),
        ("PATCH", place.as_str(), r#"{"title":"x"}"#),
        ("POST", people.as_str(), r#"{"role":"reader"}"#),
    ];
    for way in WAYS {
        for door in doors {
            for app in [&pair.here, &pair.there] {
                let let_in = pair.let_in(way).await;
                assert_eq!(looks(app, &let_in).await, StatusCode::OK, "and it is kept");
                let answer = interrupted(app, door, &let_in, pair.withdraw(way, &let_in)).await;
                assert!(answer.starts_with("HTTP/1.1 401"), "{way:?} {door:?}: {answer}");
                pair.restore().await;
            }
        }
    }
    let count = "select (select count(*) from message) + (select count(*) from share_link)";
    let written: i64 = sql::query_scalar(count).fetch_one(pair.here.state.store.read()).await.unwrap();
    assert_eq!(written, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn s14_of_thousands_of_requests_that_race_a_withdrawal_none_is_let_in_later() {
    let pair = Pair::new().await;
    let let_in = pair.let_in(Way::Session).await;
    let done = OnceLock::new();
    let asks = async |app: &App, grace: Duration| {
        let mut asked = 0;
        loop {
            let began = Instant::now();
            let status = looks(app, &let_in).await;
            asked += 1;
            let since = done.get().map(|done| began.saturating_duration_since(*done));
            let is_late = done.get().is_some_and(|done| *done + grace < began);
            assert!(status == StatusCode::UNAUTHORIZED || !is_late, "let in {since:?} after the withdrawal");
            if is_late && SECOND < since.unwrap_or_default() {
                return asked;
            }
        }
    };
    let withdraw = async {
        // Not before both processes keep the caller.
        while looks(&pair.there, &let_in).await != StatusCode::OK || looks(&pair.here, &let_in).await != StatusCode::OK
        {
        }
        pair.withdraw(Way::Session, &let_in).await;
        done.set(Instant::now()).unwrap();
    };
    let here = join_all((0..8).map(|_| asks(&pair.here, Duration::ZERO)));
    let there = join_all((0..8).map(|_| asks(&pair.there, SECOND)));
    let (here, there, ()) = tokio::join!(here, there, withdraw);
    let asked: u32 = here.into_iter().chain(there).sum();
    assert!(100 < asked, "{asked}");
    problem(
        pair.here
            .stranger(Method::GET, "/api/v1/conversations")
            .header("cookie", &let_in.header.1)
            .send()
            .await
            .unwrap(),
        401,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_was_just_recognised_is_not_read_again_to_look_or_to_send() {
    let pair = Pair::new().await;
    let let_in = pair.let_in(Way::Session).await;
    let mut fewest = u64::MAX;
    // Loops in the background ask as well.
    for _ in 0..10 {
        looks(&pair.here, &let_in).await;
        let before = pair.here.state.store.hand_overs();
        looks(&pair.here, &let_in).await;
        fewest = fewest.min(pair.here.state.store.hand_overs() - before);
    }
    assert_eq!(fewest, 2, "only the list, and how its conversations stand");
    // It is let in by what was read of the session, and by nothing else.
    let other = pair.let_in(Way::Token).await;
    assert_eq!(looks(&pair.here, &other).await, StatusCode::OK);
    let body = json!({ "name": "x", "scope": "read" });
    let (name, value) = &other.header;
    let refused = pair.here.stranger(Method::POST, "/api/v1/tokens").header(*name, value).json(&body).send().await;
    problem(refused.unwrap(), 403).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s14_a_kept_caller_whose_right_is_withdrawn_stops_nothing_and_types_nothing() {
    let pair = Pair::new().await;
    let script = Script { silence_after: Some(1), ..Script::default() };
    let path = format!("/api/v1/conversations/{}", pair.conversation);
    let sent = pair.there.stranger(Method::POST, &format!("{path}/messages")).header("cookie", &pair.here.cookie);
    let sent = sent.json(&json!({ "content": directive(&script) })).send().await.unwrap();
    let reply = Sent::of(&sent.json().await.unwrap()).reply;
    let (message, again) = (format!("{path}/messages"), format!("/api/v1/replies/{reply}/retry"));
    let (typing, stop) = (format!("{path}/typing"), format!("/api/v1/replies/{reply}/stop"));
    for (method, path, body) in [
        (Method::POST, stop.as_str(), json!({})),
        (Method::POST, "/api/chat/stop", json!({ "reply": reply })),
        (Method::POST, typing.as_str(), json!({})),
        (Method::POST, message.as_str(), json!({ "content": "x" })),
        (Method::POST, again.as_str(), json!({})),
        (Method::DELETE, path.as_str(), json!({})),
    ] {
        let let_in = pair.let_in(Way::Session).await;
        assert_eq!(looks(&pair.there, &let_in).await, StatusCode::OK, "and it is kept");
        pair.withdraw(Way::Session, &let_in).await;
        let (name, value) = &let_in.header;
        let asked = pair.there.stranger(method, path).header(*name, value).json(&body).send().await.unwrap();
        assert_eq!(asked.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(pair.there.state.engine.open_replies(), 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s14_a_session_that_a_new_one_replaces_is_refused_also_where_the_sign_in_fails_later() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let mut write = app.state.store.write().await.unwrap();
    let fails = "create trigger fails before insert on known_browser begin select raise(abort, 'x'); end";
    sql::query(fails).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    let before = app.get("/api/v1/conversations").await.status();
    let failed = app.try_sign_in("Ann", PASSWORD).await.status();
    let after = app.get("/api/v1/conversations").await.status();
    let expected = (StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR, StatusCode::UNAUTHORIZED);
    assert_eq!((before, failed, after), expected);
}
