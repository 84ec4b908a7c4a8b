//! A participant who is made a reader after a request's head has come is refused at every route that a reader may not use,
//! and nothing is stored (Z33). Between its check and its write, a request holds the journal's turn, for which a change of
//! role waits.

use super::*;
use crate::model::AccountId;
use crate::server::store::sql;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything that will succeed takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Alice's conversation, in which Bob is a participant. The app's browser is Alice's.
struct Shared {
    app: App,
    ids: Ids,
    bob: AccountId,
    bobs_cookie: String,
}

/// A request of Bob.
struct Asked {
    method: Method,
    path: String,
    kind: &'static str,
    body: Vec<u8>,
}

impl Shared {
    async fn new() -> Self {
        let (mut app, ids) = two().await;
        let alices = app.new_cookie().await;
        let bobs_cookie = std::mem::replace(&mut app.cookie, alices);
        app.sign_in("Alice").await;
        app.share(ids.id_of("conversations"), "Bob", "participant").await;
        let bob = app.state.store.credentials("bob").await.unwrap().unwrap().account;
        Self { app, ids, bob, bobs_cookie }
    }

    /// Every request about the conversation that a reader may not make.
    fn requests(&self) -> Vec<Asked> {
        let others = [
            "/api/v1/images/{id}",
            "/api/v1/join",
            "/join/{secret}",
            "/api/v1/tokens/{id}",
            // Of sites, for agents alone.
            "/api/v1/conversations/{id}/assignment",
            "/api/v1/visitors/{id}/block",
        ];
        let reads = [
            "/sharing",
            "/api/usage",
            "open",
            "earlier",
            "highlighted",
            "follow",
            "/standing",
            "/read",
            "/place",
            "/fork",
        ];
        let mut requests = Vec::new();
        for path in all_paths() {
            let Owned(method, body) = guard(path) else { continue };
            let is_read = method == Method::GET || reads.iter().any(|name| path.ends_with(name));
            if !is_read && !path.starts_with("/account") && !others.contains(&path) {
                requests.push(self.request(method, path, &body));
            }
        }
        assert!(25 < requests.len(), "{}", requests.len());
        requests
    }

    fn request(&self, method: Method, path: &str, body: &Body) -> Asked {
        let path = path
            .replace("{id}", self.ids.id_of(path))
            .replace("{account}", "{a}")
            .replace("{link}", "{i}")
            .replace("{message}", "{q}");
        let (kind, body) = match body {
            Nothing => ("text/plain", b" ".to_vec()),
            Json(value) => ("application/json", self.ids.put(&value.to_string()).into_bytes()),
            Form(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, self.ids.put(value))).collect();
                let url = reqwest::Url::parse_with_params(&self.app.url, fields).unwrap();
                ("application/x-www-form-urlencoded", url.query().unwrap_or_default().as_bytes().to_vec())
            }
        };
        Asked { method, path: self.ids.put(&path), kind, body }
    }

    async fn send_head(&self, asked: &Asked, more: &str) -> TcpStream {
        let Asked { method, path, kind, body } = asked;
        let (cookie, length) = (&self.bobs_cookie, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncookie: {cookie}\r\n\
             content-type: {kind}\r\ncontent-length: {length}\r\n{more}\r\n"
        );
        let mut socket = TcpStream::connect(self.app.url.trim_start_matches("http://")).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        socket
    }

    /// What Alice's page of sharing does.
    async fn set_role(&self, role: &str) {
        let path = format!("/api/v1/conversations/{}/sharing/people/{}", self.ids.id_of("conversations"), self.bob);
        let set = self.app.request(Method::PATCH, &path).json(&json!({ "role": role })).send().await.unwrap();
        assert!(set.status().is_success(), "{}", set.text().await.unwrap());
    }

    /// All that these requests could have changed.
    async fn rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for sql in [
            "select id || title || system || coalesce(leaf, '') from conversation order by 1",
            "select id || text || status from message order by 1",
            "select token_hash from public_link",
            "select token_hash from share_link",
            "select account || role from share order by 1",
        ] {
            let found: Vec<String> = sql::query_scalar(sql).fetch_all(self.app.state.store.read()).await.unwrap();
            rows.push(format!("{sql}: {found:?}"));
        }
        rows
    }
}

/// Reads until `end` is there, or the connection is closed.
async fn read(socket: &mut TcpStream, end: Option<&str>) -> String {
    let mut read = Vec::new();
    let reading = async {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = socket.read(&mut piece).await {
            read.extend_from_slice(&piece[..length]);
            if end.is_some_and(|end| String::from_utf8_lossy(&read).contains(end)) {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("no answer");
    String::from_utf8_lossy(&read).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn z33_a_participant_made_a_reader_between_head_and_body_is_refused_and_nothing_is_stored() {
    let shared = Shared::new().await;
    for asked in shared.requests() {
        let named = format!("{} {}", asked.method, asked.path);
        let mut socket = shared.send_head(&asked, "expect: 100-continue\r\n").await;
        let go_on = read(&mut socket, Some("\r\n\r\n")).await;
        assert!(go_on.starts_with("HTTP/1.1 100"), "{named}: {go_on}");
        shared.set_role("reader").await;
        let before = shared.rows().await;
        socket.write_all(&asked.body).await.unwrap();
        let answer = read(&mut socket, None).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{named}: {answer}");
        assert_eq!(shared.rows().await, before, "{named}");
        shared.set_role("participant").await;
    }
}
