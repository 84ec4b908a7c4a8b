//! The pages as the server draws them, and the forms that work without the app.

use super::app::{App, directive, text};
use super::upstream::script::Script;
use reqwest::{Method, StatusCode};

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_can_be_held_with_forms_alone() {
    let app = App::start().await;
    let slow = Script { pieces: 100, gap_ms: 20, ..Script::default() };
    let message = uuid::Uuid::now_v7().to_string();
    let form = [("conversation", ""), ("message", &message), ("text", &directive(&slow)), ("model", "")];
    let send = || app.form("/forms/send", &form).send();
    let answer = send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let back = answer.headers()["location"].to_str().unwrap().to_owned();
    let page = back.clone();
    assert!(page.starts_with("/c/"));
    assert_eq!(send().await.unwrap().headers()["location"], back.as_str(), "sent twice, made once");

    app.upstream.until(1, |seen| 10 <= seen.pieces).await.unwrap();
    let html = app.get(&page).await.text().await.unwrap();
    assert!(html.contains("t0 t1 t2"), "the text so far");
    assert!(html.contains(r#"http-equiv="refresh""#), "it refreshes itself while the reply is open");

    let conversation = page.trim_start_matches("/c/");
    let reply = text(&app.last_message(conversation).await["id"]);
    let stop = app.form("/forms/stop", &[("reply", &reply)]).send().await.unwrap();
    assert_eq!(stop.headers()["location"], back.as_str());
    app.upstream.closed(1).await.unwrap();

    let retry = app.form("/forms/retry", &[("reply", &reply)]).send().await.unwrap();
    assert_eq!(retry.headers()["location"], back.as_str());
    let title = [("conversation", conversation), ("title", "By hand")];
    app.form("/forms/change", &title).send().await.unwrap();
    assert_eq!(app.snapshot(conversation).await["conversation"]["title"], "By hand");
    let delete = app.form("/forms/delete", &[("conversation", conversation)]);
    assert_eq!(delete.send().await.unwrap().headers()["location"], "/");
    assert_eq!(app.get(&page).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_cannot_be_done_says_why_as_a_page() {
    let app = App::start().await;
    let answer = app.form("/forms/send", &[("text", " ")]).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(answer.text().await.unwrap().contains("Write something first"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_holds_the_finished_conversation_with_its_code_highlighted() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { text: Some("Look:\n\n```rust\nfn main() {}\n```\n".into()), ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    app.rest_of(&conversation, &sent).await;
    let html = app.get(&format!("/c/{conversation}")).await.text().await.unwrap();
    assert!(html.contains(r#"<span class="k">fn"#), "highlighted by the server");
    assert!(!html.contains(r#"http-equiv="refresh""#), "nothing is open");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_compressed_and_streams_are_not() {
    let app = App::start().await;
    let page = app.request(Method::GET, "/").header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(page.headers()["content-encoding"], "gzip");
    assert_eq!(page.headers()["cache-control"], "no-store, no-transform", "by us, and by nobody else");
    let conversation = app.conversation().await;
    let path = format!("/api/v1/conversations/{conversation}/events");
    let events = app.request(Method::GET, &path).header("accept-encoding", "gzip, br").send().await.unwrap();
    assert!(!events.headers().contains_key("content-encoding"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tabs_stream_carries_the_conversation_and_the_list() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let arguments = serde_json::json!({ "conversation": conversation, "cursor": null, "list": null });
    let mut stream = app.post("/api/follow", arguments).await;
    assert_eq!(stream.headers()["cache-control"], "no-store, no-transform");
    assert_eq!(stream.headers()["x-accel-buffering"], "no");
    app.send(&conversation, &Script::default()).await;
    let mut lines = crate::wire::Lines::default();
    let (mut seen, mut done) = (Vec::new(), false);
    while !done {
        let chunk = stream.chunk().await.unwrap().unwrap();
        for line in lines.push(&chunk).unwrap().into_iter().filter(|line| !line.is_empty()) {
            let line = crate::wire::Line::read(&line).unwrap();
            done |= line.event.outcome().is_some();
            seen.push((line.topic, line.event.kind()));
        }
    }
    use crate::wire::Topic::{Conversation, List};
    assert_eq!(seen[..2], [(Conversation, "snapshot"), (List, "list")]);
    for expected in
        [(Conversation, "message"), (Conversation, "reply"), (Conversation, "token"), (List, "conversation")]
    {
        assert!(seen.contains(&expected), "{expected:?} in {seen:?}");
    }
}

/// Proxies that rewrite e-mail addresses leave alone what says this.
#[tokio::test(flavor = "multi_thread")]
async fn z01_every_page_says_that_it_is_not_to_be_changed() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    for path in ["/", &format!("/c/{conversation}"), "/c/nothing", "/sign-in", "/sign-up", "/search"] {
        let page = app.get(path).await;
        assert_eq!(page.headers()["cache-control"], "no-store, no-transform", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_chosen_in_the_settings_is_so_in_every_page_of_that_browser() {
    let mut app = App::start().await;
    let page = app.get("/settings").await.text().await.unwrap();
    assert!(page.contains("<html lang=\"en\">") && page.contains("action=\"/settings\""), "{page}");
    let saved = app.form("/settings", &[("theme", "dark"), ("text", "large"), ("send", "\"><script>")]);
    let saved = saved.send().await.unwrap();
    assert_eq!(saved.status(), StatusCode::SEE_OTHER);
    let look = saved.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    app.cookie = format!("{}; {look}", app.cookie);
    for path in ["/", "/settings", "/search", "/sign-in"] {
        let page = app.get(path).await.text().await.unwrap();
        assert!(
            page.starts_with("<!DOCTYPE html><html lang=\"en\" data-theme=\"dark\" data-text=\"large\">"),
            "{path}: {page}"
        );
        assert!(page.ends_with("</html>") || page.contains("</html>"), "{path}: all of it");
    }
    let page = app.get("/settings").await.text().await.unwrap();
    assert!(page.contains("value=\"dark\" selected"), "{page}");
}
