//! Pages with much text: their memory, their bytes, and how many are drawn at a time.

use super::app::{App, text};
use crate::server::drawing::Place;
use crate::server::limits::Sender;
use crate::server::store::sql;
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A conversation in which models have said these, one after the other. Its newest message has the last text.
async fn said(app: &App, texts: &[String]) -> String {
    let conversation = app.conversation().await;
    let mut write = app.state.store.write().await.unwrap();
    let mut parent: Option<String> = None;
    for (position, text) in (1_i64..).zip(texts) {
        let id = uuid::Uuid::now_v7().to_string();
        sql::query(
            "insert into message (id, conversation, position, parent, role, text, thinking, status, created_at, finished_at)
             values ($1, $2, $3, $4, 'assistant', $5, '', 'done', $6, $6)",
        )
        .bind(&id)
        .bind(&conversation)
        .bind(position)
        .bind(parent)
        .bind(text)
        .bind(crate::server::times::now())
        .execute(&mut *write)
        .await
        .unwrap();
        parent = Some(id);
    }
    write.commit().await.unwrap();
    conversation
}

fn code(line: &str, bytes: usize) -> String {
    format!("```js\n{}\n```\n", line.repeat(bytes / line.len()))
}

async fn page(app: &App, conversation: &str) -> String {
    app.get(&format!("/c/{conversation}")).await.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn z34_a_page_sends_coloured_code_once_and_is_a_few_times_its_text() {
    let app = App::start().await;
    let short = said(&app, &["```js\nlet only = 1;\n```\n".into()]).await;
    let html = page(&app, &short).await;
    assert_eq!(html.matches("class=\"k\"").count(), 1, "coloured in the HTML");
    assert!(!html.contains("\\u003cspan") && !html.contains("class=\\"), "and not in the script again");
    // Each sign with a colour of its own, in blocks that are coloured, up to what a reply may have.
    let dear: String = (0..16).map(|_| code("1e+", 60 << 10)).collect();
    let (html, bytes) = (page(&app, &said(&app, std::slice::from_ref(&dear)).await).await, dear.len());
    assert!(html.contains("class=\"n\""));
    assert!(html.len() < 8 * bytes, "{} bytes of {bytes}", html.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn z34_a_page_holds_two_mebibytes_of_text_and_the_rest_comes_before_it() {
    let app = App::start().await;
    let texts: Vec<_> = (0..6).map(|number| format!("Number {number}. {}", "word ".repeat(180_000))).collect();
    let conversation = said(&app, &texts).await;
    let snapshot = app.snapshot(&conversation).await;
    let numbers = |messages: &Value| -> Vec<String> {
        messages.as_array().unwrap().iter().map(|it| text(&it["text"]).chars().take(9).collect()).collect()
    };
    assert_eq!(numbers(&snapshot["messages"]), ["Number 4.", "Number 5."]);
    assert_eq!(snapshot["earlier"], true);
    let html = page(&app, &conversation).await;
    assert!(html.contains("Number 4.") && !html.contains("Number 3."));
    let (mut before, mut found) = (text(&snapshot["messages"][0]["id"]), Vec::new());
    loop {
        let body = json!({ "conversation": conversation, "before": before });
        let earlier: Value = app.post("/api/chat/earlier", body).await.json().await.unwrap();
        found.splice(0..0, numbers(&earlier["messages"]));
        before = text(&earlier["messages"][0]["id"]);
        if earlier["earlier"] == false {
            break;
        }
    }
    assert_eq!(found, ["Number 0.", "Number 1.", "Number 2.", "Number 3."]);
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let listed: Value = app.get(&path).await.json().await.unwrap();
    assert_eq!(numbers(&listed["items"]), ["Number 4.", "Number 5."]);
    let more: Value = app.get(&format!("{path}?cursor={}", text(&listed["next"]))).await.json().await.unwrap();
    assert_eq!(numbers(&more["items"]), ["Number 2.", "Number 3."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn z34_a_message_that_is_longer_than_a_page_is_there() {
    let app = App::start().await;
    let conversation = said(&app, &["short".into(), "x".repeat(3 << 20), "long ".repeat(500_000)]).await;
    let snapshot = app.snapshot(&conversation).await;
    assert_eq!(snapshot["messages"].as_array().unwrap().len(), 1);
    let before = &snapshot["messages"][0]["id"];
    let body = json!({ "conversation": conversation, "before": before });
    let earlier: Value = app.post("/api/chat/earlier", body).await.json().await.unwrap();
    assert_eq!((earlier["messages"].as_array().unwrap().len(), &earlier["earlier"]), (1, &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn z34_forty_pages_that_nobody_reads_are_few_and_hold_nobody_up() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let texts: Vec<_> = (0..20).map(|_| code("let a = [1, 2];\n", 100_000)).collect();
    let conversation = said(&app, &texts).await;
    let link = format!("/api/v1/conversations/{conversation}/sharing/public");
    let made = app.request(Method::PUT, &link).json(&json!({})).send().await.unwrap();
    let secret = text(&made.json::<Value>().await.unwrap()["secret"]);
    let path = format!("/p/{secret}/c/{conversation}");
    let attack = join_all((0..40).map(|_| app.stranger(Method::GET, &path).send()));
    let other = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let since = Instant::now();
        assert_eq!(app.get("/").await.status(), StatusCode::OK);
        since.elapsed()
    };
    let (answers, waited) = tokio::join!(attack, other);
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    let (drawn, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|it| it.status() == StatusCode::OK);
    assert!((1..=8).contains(&drawn.len()), "{} at a time", drawn.len());
    for answer in &refused {
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key("retry-after"));
    }
    assert!(app.state.drawing.bytes() <= 32 << 20, "{} bytes", app.state.drawing.bytes());
    // Not optimised, a page takes a hundred times as long as in a release build; the promise is 200 ms.
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    drop(drawn);
    let free = async {
        while app.state.drawing.bytes() != 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), free).await.expect("what hangs up gives its place back");
}

/// A place of this account that leaves no room for a message of 1 MiB.
async fn fill(app: &App, name: &str) -> Arc<Place> {
    let account = app.state.store.credentials(name).await.unwrap().unwrap().account;
    let place = app.state.drawing.place(vec![Sender::Account(account)]).await.unwrap();
    place.weigh(5 << 20).await.unwrap();
    place.drawn(30 << 20).unwrap();
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn z34_every_answer_with_whole_messages_waits_for_room_in_memory() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let conversation = said(&app, &["x".repeat(1 << 20)]).await;
    let id = text(&app.snapshot(&conversation).await["messages"][0]["id"]);
    let held = fill(&app, "ann").await;
    let asked = [
        (Method::GET, format!("/c/{conversation}"), json!({})),
        (Method::POST, "/api/chat/open".into(), json!({ "conversation": conversation })),
        (Method::POST, "/api/chat/highlighted".into(), json!({ "message": id })),
        (Method::GET, format!("/api/v1/conversations/{conversation}"), json!({})),
        (Method::GET, format!("/api/v1/conversations/{conversation}/messages"), json!({})),
        (Method::PUT, format!("/api/v1/conversations/{conversation}/branch"), json!({ "message": id })),
        (Method::GET, format!("/api/v1/messages/{id}"), json!({})),
        (Method::GET, format!("/api/v1/messages/{id}/text"), json!({})),
        (Method::GET, format!("/api/v1/messages/{id}/thinking"), json!({})),
        (Method::GET, format!("/api/v1/replies/{id}"), json!({})),
        (Method::POST, format!("/api/v1/replies/{id}/stop"), json!({})),
    ];
    let send = async |(method, path, body): &(Method, String, Value)| {
        app.request(method.clone(), path).json(body).send().await.unwrap()
    };
    // One of the four places is taken.
    for together in asked.chunks(3) {
        for ((_, path, _), answer) in together.iter().zip(join_all(together.iter().map(&send)).await) {
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert!(answer.headers().contains_key("retry-after"), "{path}");
        }
    }
    drop(held);
    for one in &asked {
        assert_eq!(send(one).await.status(), StatusCode::OK, "{}", one.1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z34_a_stream_that_begins_with_a_long_conversation_waits_for_room_in_memory() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let conversation = said(&app, &["x".repeat(1 << 20)]).await;
    let short = said(&app, &["short".into()]).await;
    let cursor = app.snapshot(&conversation).await["cursor"].clone();
    let follow = async |conversation: &str, cursor: &Value| {
        let body = json!({ "conversation": conversation, "cursor": cursor, "list": null });
        app.request(Method::POST, "/api/follow").json(&body).send().await.unwrap()
    };
    let events = async || app.get(&format!("/api/v1/conversations/{conversation}/events")).await;
    let held = fill(&app, "ann").await;
    for answer in [follow(&conversation, &Value::Null).await, events().await] {
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key("retry-after"));
    }
    assert_eq!(follow(&conversation, &cursor).await.status(), StatusCode::OK, "it goes on, so it is short");
    assert_eq!(follow(&short, &Value::Null).await.status(), StatusCode::OK);
    drop(held);
    for is_for_programs in [false, true] {
        let mut answer = if is_for_programs { events().await } else { follow(&conversation, &Value::Null).await };
        let mut read = 0;
        while read < 1 << 20 {
            read += answer.chunk().await.unwrap().unwrap().len();
        }
        // The stream goes on, and holds no place.
        let free = async {
            while app.state.drawing.bytes() != 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), free).await.expect("what was read gives its place back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z34_a_very_long_message_is_cut_with_a_link_to_all_of_it() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let long = format!("The start. {}\n\nThe end.", "word ".repeat(120_000));
    let conversation = said(&app, &["Short.".into(), long.clone()]).await;
    let snapshot = app.snapshot(&conversation).await;
    let (short, id) = (text(&snapshot["messages"][0]["id"]), text(&snapshot["messages"][1]["id"]));
    assert_eq!(snapshot["messages"][1]["text"], long.as_str(), "programs get all of it");
    let thinking = long.replace("The ", "Its ");
    let mut write = app.state.store.write().await.unwrap();
    let set = sql::query("update message set thinking = $1 where id = $2").bind(&thinking).bind(&id);
    set.execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    let link = format!("/api/v1/conversations/{conversation}/sharing/public");
    let made = app.request(Method::PUT, &link).json(&json!({})).send().await.unwrap();
    let secret = text(&made.json::<Value>().await.unwrap()["secret"]);
    for base in [String::new(), format!("/p/{secret}")] {
        let get = async |path: &str| {
            let asked = match base.is_empty() {
                true => app.request(Method::GET, path),
                false => app.stranger(Method::GET, &format!("{base}{path}")),
            };
            asked.send().await.unwrap()
        };
        let page = get(&format!("/c/{conversation}")).await.text().await.unwrap();
        for (part, whole) in [("text", &long), ("thinking", &thinking)] {
            // Once in the page's data, where the copy button finds it.
            assert_eq!(page.matches(&whole[whole.len() - 8..]).count(), 1, "{base} {part}");
            assert_eq!(page.matches(&whole[..10]).count(), 2, "{base} {part}");
            let path = format!("/api/v1/messages/{id}/{part}");
            assert_eq!(page.matches(&format!("href=\"..{path}\"")).count(), 1, "{base} {part}");
            assert!(!page.contains(&format!("{short}/{part}")), "{base} {part}");
            let answer = get(&path).await;
            assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
            assert!(answer.text().await.unwrap() == *whole, "{base} {part}");
        }
    }
    let other = said(&app, &["Of another conversation.".into()]).await;
    let other = text(&app.snapshot(&other).await["messages"][0]["id"]);
    let elsewhere =
        app.stranger(Method::GET, &format!("/p/{secret}/api/v1/messages/{other}/text")).send().await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn z34_a_message_made_to_become_a_huge_page_becomes_a_page() {
    let app = App::start().await;
    for bomb in ["- ```\n", "#\n\n", "1) >\n", "[](a) ", "a.io "] {
        let text = bomb.repeat((500 << 10) / bomb.len());
        let conversation = said(&app, std::slice::from_ref(&text)).await;
        let html = page(&app, &conversation).await;
        assert!(html.len() < 11 * text.len(), "{bomb:?} becomes {} bytes", html.len());
    }
}
