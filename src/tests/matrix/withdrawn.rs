//! What is withdrawn after a request's head has come, or while it waits to be written, is refused at every route (Z33).
//!
//! The routes are those of the matrix; one whose request is not known here (`doors`) fails the test.

pub(super) mod doors;
pub(super) mod place;

use super::*;
use crate::server::store::sql;
use crate::tests::storage::writes;
use doors::{address, doors, doors_of, encoded};
use place::{Place, Way};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything that will succeed takes.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// What is no image is told apart only by decoding it, which takes the time of everybody who uploads.
#[tokio::test(flavor = "multi_thread")]
async fn z33_a_file_whose_session_was_ended_while_it_came_is_not_decoded() {
    let place = Place::new().await;
    let (who, hash) = place.let_in(Way::Session).await;
    let (door, file) = ((&Method::POST, "/api/v1/images"), b"no image");
    let form = ("application/octet-stream", file.len());
    let mut socket = send_head(&place.app, door, &who, form, "expect: 100-continue\r\n").await;
    assert!(read(&mut socket, "\r\n\r\n").await.starts_with("HTTP/1.1 100"));
    let mut write = place.app.state.store.write().await.unwrap();
    place.withdraw(&mut write, Way::Session, hash).await;
    write.commit().await.unwrap();
    socket.write_all(file).await.unwrap();
    assert_refused(Way::Session, "an upload", &read(&mut socket, "").await);
}

/// Server functions that write nothing. A write of the housekeeping would be taken for one of theirs. A stream has no end
/// either: what is withdrawn cuts it (`revoking`).
const READS: [&str; 9] = [
    "/api/chat/earlier",
    "/api/chat/highlighted",
    "/api/chat/open",
    "/api/follow",
    "/api/home",
    "/api/list",
    "/api/offers",
    "/api/search",
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
            let begun = writes(&place.app.state.store);
            socket.write_all(&body).await.unwrap();
            let early = tokio::select! {
                () = begun => None,
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
        sql::query(change).bind(ann.to_string()).execute(&mut *write).await.unwrap();
        write.commit().await.unwrap();
        let refused = trying.await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{change}");
        let mut write = app.state.store.write().await.unwrap();
        sql::query("update account set password = $2 where id = $1")
            .bind(ann.to_string())
            .bind(stored)
            .execute(&mut *write)
            .await
            .unwrap();
        if !restore.is_empty() {
            sql::query(restore).bind(ann.to_string()).execute(&mut *write).await.unwrap();
        }
        write.commit().await.unwrap();
    }
    assert_eq!(app.state.store.sessions(ann).await.unwrap().len(), 1, "only the first");
}
