//! What is withdrawn after a request's head has come, or while it waits to be written, is refused at every route (Z33).
//!
//! The routes are those of the matrix; one whose request is not known here fails the test.

use super::*;
use crate::model::{AccountId, ConversationId};
use crate::server::principal::{Role, Scope};
use crate::server::secret::Hash;
use crate::server::store::audit::Note;
use crate::tests::admin::{member, with_admin};
use crate::tests::storage::writes;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything that will succeed takes.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Session,
    Token,
    Account,
    Role,
    Share,
}

/// An admin with one of everything, and a user with whom the conversation is shared.
struct Place {
    app: App,
    ids: Ids,
    admin: AccountId,
    bob: AccountId,
}

impl Place {
    async fn new() -> Self {
        let mut app = with_admin(&[]).await;
        let store = app.state.store.clone();
        let admin = store.credentials("root").await.unwrap().unwrap().account;
        let (bob, _) = member(&mut app, "Bob").await;
        let (other, _) = member(&mut app, "Carol").await;
        store.set_role(other, Role::Admin, &Note::new("x", "x", "x", "")).await.unwrap().unwrap();
        let conversation = app.conversation().await;
        let sent = app.send(&conversation, &Script::default()).await;
        app.rest_of(&conversation, &sent).await;
        app.share(&conversation, "bob", "participant").await;
        let link = app.share_link(&conversation, json!({ "role": "reader", "uses": 9 })).await;
        let image = app.image(crate::tests::images::files::png(8, 8)).await;
        let new = NewIdentity { issuer: "x".into(), subject: "x".into(), address: None, called: "Root".into() };
        store.link(admin, &new).await.unwrap();
        let identity = store.identities(admin).await.unwrap().remove(0).id;
        let (session, token) = (store.sessions(admin).await.unwrap()[0].hash, Hash::of("another program"));
        store.add_token(app.state.writer(admin), token, "another", Scope::Read, 50).await.unwrap();
        let ids = vec![
            ("{cursor}", sent.cursor),
            ("{c}", conversation),
            ("{r}", sent.reply),
            ("{m}", sent.message),
            ("{a}", bob.to_string()),
            ("{s}", session.to_string()),
            ("{t}", token.to_string()),
            ("{i}", Hash::of(&link).to_string()),
            ("{p}", image),
            ("{o}", identity),
            ("{x}", uuid::Uuid::now_v7().to_string()),
        ];
        Self { app, ids: Ids(ids), admin, bob }
    }

    /// The header line with the credential that this way withdraws.
    async fn let_in(&self, way: Way) -> (String, Hash) {
        let secret = crate::server::secret::new().unwrap();
        let (hash, store) = (Hash::of(&secret), &self.app.state.store);
        let account = if way == Way::Share { self.bob } else { self.admin };
        if way == Way::Token {
            store.add_token(self.app.state.writer(account), hash, "a program", Scope::Write, 1_000).await.unwrap();
            return (format!("authorization: Bearer {secret}"), hash);
        }
        store.add_session(account, hash, "a browser", None, None, None).await.unwrap();
        (format!("cookie: rivulet={secret}"), hash)
    }

    async fn execute(&self, write: &mut sqlx::SqliteConnection, sql: &'static str, subject: &str) {
        sqlx::query(sql).bind(subject).execute(write).await.unwrap();
    }

    async fn withdraw(&self, write: &mut sqlx::SqliteConnection, way: Way, hash: Hash) {
        let (sql, subject) = match way {
            Way::Session => ("delete from session where token_hash = $1", hash.to_string()),
            Way::Token => ("delete from api_token where token_hash = $1", hash.to_string()),
            Way::Account => ("update account set disabled_at = created_at where id = $1", self.admin.to_string()),
            Way::Role => ("update account set role = 'member' where id = $1", self.admin.to_string()),
            Way::Share => ("delete from share where account = $1", self.bob.to_string()),
        };
        self.execute(write, sql, &subject).await;
    }

    async fn restore(&self, hash: Hash) {
        let mut write = self.app.state.store.write().await.unwrap();
        let hash = hash.to_string();
        self.execute(&mut write, "delete from session where token_hash = $1", &hash).await;
        self.execute(&mut write, "delete from api_token where token_hash = $1", &hash).await;
        let admin = self.admin.to_string();
        self.execute(&mut write, "update account set role = 'admin', disabled_at = null where id = $1", &admin).await;
        write.commit().await.unwrap();
        let conversation: ConversationId = self.ids.id_of("conversations").parse().unwrap();
        let participant = crate::model::Access::Participant;
        self.app
            .state
            .store
            .share(self.app.state.writer(self.admin), conversation, self.bob, participant, 10)
            .await
            .unwrap();
    }

    /// All that a route could have changed.
    async fn rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for sql in [
            "select id || title || system || coalesce(leaf, '') as it from conversation order by 1",
            "select id || text || status as it from message order by 1",
            "select token_hash as it from public_link",
            "select token_hash || used as it from share_link order by 1",
            "select token_hash as it from api_token order by 1",
            "select token_hash as it from session order by 1",
            "select token_hash as it from invitation order by 1",
            "select token_hash as it from password_reset",
            "select account || role as it from share order by 1",
            "select id as it from image order by 1",
            "select id as it from identity",
            "select id || coalesce(name, '') || coalesce(password, '') || role || coalesce(disabled_at, '')
                 || coalesce(leaving_at, '') || coalesce(streams, '') as it from account order by 1",
            "select name || value as it from setting order by 1",
        ] {
            let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(self.app.state.store.read()).await.unwrap();
            rows.push(format!("{sql}: {found:?}"));
        }
        rows
    }
}

/// What is sent to a door that has a body, or changes something. None: it only answers a GET.
fn sent_to(path: &str) -> Option<(Method, Body)> {
    let (method, body) = match guard(path) {
        Everybody | Signed(_) => return None,
        Owned(method, body) | Admin(method, body) | Refused(method, body) => (method, body),
        Own => match path {
            "/" | "/search" | "/account" | "/account/export" => return None,
            "/api/v1/models" | "/api/v1/usage" | "/api/v1/account" | "/api/v1/search" => return None,
            "/api/v1/account/export" => return None,
            "/api/v1/tokens" => (Method::POST, Json(json!({ "name": "x", "scope": "write" }))),
            "/api/v1/conversations" => (Method::POST, Json(json!({ "title": "x" }))),
            "/api/v1/images" => (Method::POST, Nothing),
            "/account/password" => (Method::POST, Form(&[("old", PASSWORD), ("new", "another password")])),
            "/account/name" => (Method::POST, Form(&[("name", "Eve")])),
            "/account/delete" => (Method::POST, Form(&[("proof", PASSWORD), ("sure", "yes")])),
            "/account/tokens" => (Method::POST, Form(&[("name", "x"), ("scope", "write")])),
            "/account/conversations" => (Method::POST, Form(&[("keep", "yes")])),
            "/account/sessions/end-others" => (Method::POST, Nothing),
            "/account/identities/link" => (Method::POST, Form(&[("password", PASSWORD)])),
            "/api/list" | "/api/home" => (Method::POST, Json(json!({ "after": null }))),
            other => panic!("{other} is not in this list: say what is sent to it"),
        },
    };
    let body = match path {
        "/admin/accounts/limits" => Form(&[
            ("account", "{a}"),
            ("sends_per_minute", "1"),
            ("open_replies", ""),
            ("streams", "7"),
            ("tokens_per_day", ""),
            ("tokens_per_month", ""),
        ]),
        "/admin/accounts/delete" => Form(&[("account", "{a}"), ("proof", "Bob"), ("sure", "yes")]),
        _ => body,
    };
    match path {
        "/admin/invitations" => {
            Some((Method::POST, Form(&[("note", "x"), ("role", "admin"), ("uses", "1"), ("days", "1")])))
        }
        _ if method == Method::GET => None,
        _ => Some((method, body)),
    }
}

/// The routes that this way of withdrawing closes. With another role all sessions end as well; here they stay, so that
/// the role itself is checked.
fn doors_of(way: Way) -> Vec<(Method, String, Body)> {
    doors().into_iter().filter(|(_, path, _)| way != Way::Role || path.starts_with("/admin")).collect()
}

/// Every route that takes a body, by each of its methods.
fn doors() -> Vec<(Method, String, Body)> {
    let mut doors: Vec<_> = all_paths()
        .into_iter()
        .filter_map(|path| sent_to(path).map(|(method, body)| (method, path.to_owned(), body)))
        .collect();
    for (method, path) in operations() {
        let known = doors.iter().any(|(by, to, _)| *by == method && *to == path);
        if method != Method::GET && !known && path != "/chat/stream" {
            let body = Json(operation(&method, &path));
            doors.push((method, path, body));
        }
    }
    assert!(60 < doors.len(), "{}", doors.len());
    doors
}

fn encoded(app: &App, ids: &Ids, body: &Body, path: &str) -> (String, Vec<u8>) {
    match body {
        Nothing if path == "/api/v1/images" => {
            ("application/octet-stream".into(), crate::tests::images::files::png(9, 9).to_vec())
        }
        Nothing => ("text/plain".into(), b" ".to_vec()),
        Json(value) => ("application/json".into(), ids.put(&value.to_string()).into_bytes()),
        Form(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, ids.put(value))).collect();
            let url = reqwest::Url::parse_with_params(&app.url, fields).unwrap();
            ("application/x-www-form-urlencoded".into(), url.query().unwrap_or_default().as_bytes().to_vec())
        }
    }
}

fn address(ids: &Ids, path: &str) -> String {
    let path = path.replace("{id}", ids.id_of(path)).replace("{account}", "{a}").replace("{link}", "{i}");
    ids.put(&path.replace("{secret}", "{x}"))
}

/// Reads until `end` is there, or the connection is closed.
async fn read(socket: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = socket.read(&mut piece).await {
            read.extend_from_slice(&piece[..length]);
            if !end.is_empty() && String::from_utf8_lossy(&read).contains(end) {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("no answer");
    String::from_utf8_lossy(&read).into_owned()
}

async fn send_head(
    app: &App,
    door: (&Method, &str),
    who: &str,
    (kind, length): (&str, usize),
    more: &str,
) -> TcpStream {
    let (method, path) = door;
    let mut socket = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{who}\r\ncontent-type: {kind}\r\n\
         content-length: {length}\r\n{more}\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

/// Refused because of the caller: 401, or sent to sign in; 404 where a share was withdrawn.
fn is_refused(way: Way, answer: &str) -> bool {
    let status: u16 = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let sent_away = answer.to_lowercase().contains("\r\nlocation: /sign-in");
    match way {
        Way::Share => status == 404,
        // For a user who is not an admin the route does not exist.
        Way::Role if status == 404 => true,
        _ => status == 401 || status == 303 && sent_away,
    }
}

fn assert_refused(way: Way, door: &str, answer: &str) {
    assert!(is_refused(way, answer), "{way:?} {door}: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn z33_what_is_withdrawn_between_head_and_body_is_refused_at_every_door() {
    let place = Place::new().await;
    for way in [Way::Session, Way::Token, Way::Account, Way::Role] {
        for (method, path, body) in doors_of(way) {
            let (kind, body) = encoded(&place.app, &place.ids, &body, &path);
            let (who, hash) = place.let_in(way).await;
            let door = format!("{method} {path}");
            let (address, form) = (address(&place.ids, &path), (kind.as_str(), body.len()));
            let mut socket = send_head(&place.app, (&method, &address), &who, form, "expect: 100-continue\r\n").await;
            let go_on = read(&mut socket, "\r\n\r\n").await;
            assert!(go_on.starts_with("HTTP/1.1 100"), "{way:?} {door}: {go_on}");
            let mut write = place.app.state.store.write().await.unwrap();
            place.withdraw(&mut write, way, hash).await;
            write.commit().await.unwrap();
            let before = place.rows().await;
            socket.write_all(&body).await.unwrap();
            assert_refused(way, &door, &read(&mut socket, "").await);
            assert_eq!(place.rows().await, before, "{way:?} {door}");
            place.restore(hash).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z33_a_share_that_is_taken_back_between_head_and_body_opens_nothing() {
    let place = Place::new().await;
    for (method, path, body) in doors() {
        let is_conversations = path.contains("conversations/{id}")
            || path.starts_with("/api/chat/")
            || path.contains("replies")
            || path.starts_with("/c/")
            || path.starts_with("/forms/")
            || path == "/api/follow";
        if !is_conversations {
            continue;
        }
        let (kind, body) = encoded(&place.app, &place.ids, &body, &path);
        let (who, hash) = place.let_in(Way::Share).await;
        let (address, form) = (address(&place.ids, &path), (kind.as_str(), body.len()));
        let mut socket = send_head(&place.app, (&method, &address), &who, form, "expect: 100-continue\r\n").await;
        assert!(read(&mut socket, "\r\n\r\n").await.starts_with("HTTP/1.1 100"), "{method} {path}");
        let mut write = place.app.state.store.write().await.unwrap();
        place.withdraw(&mut write, Way::Share, hash).await;
        write.commit().await.unwrap();
        let before = place.rows().await;
        socket.write_all(&body).await.unwrap();
        assert_refused(Way::Share, &format!("{method} {path}"), &read(&mut socket, "").await);
        assert_eq!(place.rows().await, before, "{method} {path}");
        place.restore(hash).await;
    }
}

/// Server functions that write nothing. A write of the housekeeping would be taken for one of theirs. A stream has no end
/// either: what is withdrawn cuts it (`revoking`).
const READS: [&str; 7] = [
    "/api/chat/earlier",
    "/api/chat/highlighted",
    "/api/chat/open",
    "/api/follow",
    "/api/home",
    "/api/list",
    "/api/usage",
];

/// The request was let in, and waits for its turn to write.
#[tokio::test(flavor = "multi_thread")]
async fn z33_what_is_withdrawn_before_it_is_written_is_not_written() {
    let place = Place::new().await;
    let mut waited = 0;
    for way in [Way::Session, Way::Token, Way::Account, Way::Role] {
        for (method, path, body) in doors_of(way).into_iter().filter(|(_, path, _)| !READS.contains(&path.as_str())) {
            let (kind, body) = encoded(&place.app, &place.ids, &body, &path);
            let before = place.rows().await;
            let (who, hash) = place.let_in(way).await;
            let mut write = place.app.state.store.write().await.unwrap();
            let (address, form) = (address(&place.ids, &path), (kind.as_str(), body.len()));
            let mut socket = send_head(&place.app, (&method, &address), &who, form, "").await;
            socket.write_all(&body).await.unwrap();
            let early = tokio::select! {
                () = writes(&place.app.state.store) => None,
                answer = read(&mut socket, "") => Some(answer),
            };
            if let Some(answer) = early {
                // It has nothing to write here, or this credential is not enough.
                assert!(answer.starts_with("HTTP/1.1 "), "{way:?} {method} {path}: {answer}");
                drop(write);
            } else {
                place.withdraw(&mut write, way, hash).await;
                write.commit().await.unwrap();
                // Where it is not refused, the write that was counted was one of the housekeeping's, and the request has
                // nothing to write: that it wrote nothing is checked below.
                waited += usize::from(is_refused(way, &read(&mut socket, "").await));
            }
            place.restore(hash).await;
            assert_eq!(place.rows().await, before, "{way:?} {method} {path}");
        }
    }
    assert!(100 < waited, "{waited} doors had something to write");
}

/// A caller who was let in by the former password, and waits for a session.
#[tokio::test(flavor = "multi_thread")]
async fn z33_a_password_that_was_changed_meanwhile_begins_no_session() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let ann = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    for (change, restore) in [
        ("update account set password = 'another' where id = $1", ""),
        (
            "update account set disabled_at = created_at where id = $1",
            "update account set disabled_at = null where id = $1",
        ),
    ] {
        let stored = app.state.store.credentials_of(ann).await.unwrap().password;
        let mut write = app.state.store.write().await.unwrap();
        let mut trying = Box::pin(app.try_sign_in("Ann", PASSWORD));
        tokio::select! {
            biased;
            _ = &mut trying => panic!("it waits for its turn to write"),
            () = writes(&app.state.store) => {}
        }
        sqlx::query(change).bind(ann.to_string()).execute(&mut *write).await.unwrap();
        write.commit().await.unwrap();
        let refused = trying.await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{change}");
        let mut write = app.state.store.write().await.unwrap();
        sqlx::query("update account set password = $2 where id = $1")
            .bind(ann.to_string())
            .bind(stored)
            .execute(&mut *write)
            .await
            .unwrap();
        if !restore.is_empty() {
            sqlx::query(restore).bind(ann.to_string()).execute(&mut *write).await.unwrap();
        }
        write.commit().await.unwrap();
    }
    assert_eq!(app.state.store.sessions(ann).await.unwrap().len(), 1, "only the first");
}
