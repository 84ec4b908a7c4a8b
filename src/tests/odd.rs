//! Requests that are almost valid, and names that look almost like another's.

use super::accounts::PASSWORD;
use super::app::{App, problem};
use super::checklist::raw;
use crate::server::store::sql;
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn z42_a_bare_line_feed_in_a_head_is_a_bad_request() {
    let app = App::start().await;
    for head in [
        "GET /healthz HTTP/1.1\nhost: localhost\nconnection: close\n\n",
        "GET /healthz HTTP/1.1\nhost: localhost\r\nconnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: localhost\nconnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\n",
    ] {
        let answer = raw(&app, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{head:?}: {answer}");
    }
    let fine = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let second = "GET /healthz HTTP/1.1\r\nhost: localhost\nconnection: close\r\n\r\n";
    let answer = raw(&app, format!("{fine}{second}").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("HTTP/1.1 400"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn z42_a_server_function_takes_json_that_is_called_json() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let body = json!({ "conversation": conversation }).to_string();
    let ask = async |path: &str, kind: Option<&str>| {
        let request = app.request(Method::POST, path).body(body.clone());
        kind.map_or(request.try_clone().unwrap(), |kind| request.header("content-type", kind)).send().await.unwrap()
    };
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data")] {
        for path in ["/api/chat/open", "/api/chat/delete", "/api/follow", "/api/list"] {
            problem(ask(path, kind).await, 415).await;
        }
    }
    assert_eq!(ask("/api/chat/open", Some("application/json; charset=utf-8")).await.status(), StatusCode::OK);
    assert_eq!(app.form("/forms/delete", &[("conversation", &conversation)]).send().await.unwrap().status(), 303);
}

impl App {
    async fn try_sign_up(&self, name: &str) -> StatusCode {
        let form = self.form("/sign-up", &[("name", name), ("password", PASSWORD)]);
        form.header("x-forwarded-for", format!("10.0.0.{}", name.len())).send().await.unwrap().status()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z42_a_new_name_does_not_look_like_somebodys_and_old_ones_stay() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let ann = app.cookie.clone();
    app.cookie = app.new_cookie().await;
    for twin in ["\u{410}nn", "\u{410}NN", "\u{430}nn", "A\u{578}\u{578}"] {
        assert_eq!(app.try_sign_up(twin).await, StatusCode::UNPROCESSABLE_ENTITY, "{twin}");
    }
    // One from before this was kept.
    app.sign_up("Bob").await;
    let mut write = app.state.store.write().await.unwrap();
    let twin =
        "update account set name = $1, name_key = $2, name_skeleton = null, name_look = null where name_key = 'bob'";
    sql::query(twin).bind("\u{410}nn").bind("\u{430}nn").execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    let again = crate::server::store::Store::open(&app.folder.database()).await.unwrap();
    let filled: i64 = sql::query_scalar("select count(*) from account where name_skeleton = 'ann'")
        .fetch_one(again.read())
        .await
        .unwrap();
    assert_eq!(filled, 2, "the start says of it what it looks like");
    again.close().await;
    assert_eq!(app.get("/api/v1/conversations").await.status(), StatusCode::OK);
    let account = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    let name = crate::server::principal::Name::parse("ANN").unwrap();
    assert!(
        app.state.store.rename(account, &name, "Ann", "Ann").await.unwrap(),
        "an account that looks like another already may"
    );
    app.cookie = ann;
    assert_eq!(app.get("/account").await.status(), StatusCode::OK);
}
