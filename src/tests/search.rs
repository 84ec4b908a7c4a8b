//! Searching: what is found, page by page, and by whom.

mod bytes;
mod index;

use super::app::{App, Sent, problem, text};
use super::sharing::Shared;
use super::upstream::script::Script;
use crate::server::search::plain;
use reqwest::StatusCode;
use serde_json::{Value, json};

async fn found(app: &App, query: &str) -> Value {
    let answer = app.get(&format!("/api/v1/search?{query}")).await;
    assert_eq!(answer.status(), StatusCode::OK, "{query}");
    answer.json().await.unwrap()
}

async fn said(app: &App, words: &str) -> (String, Sent) {
    let conversation = app.conversation().await;
    let answer = app.post(&format!("/api/v1/conversations/{conversation}/messages"), json!({ "content": words })).await;
    let sent = Sent::of(&answer.json().await.unwrap());
    app.rest_of(&conversation, &sent).await;
    (conversation, sent)
}

#[tokio::test(flavor = "multi_thread")]
async fn titles_and_messages_are_found_by_all_their_words() {
    let mut app = App::start().await;
    let (rivers, sent) = said(&app, "Why do Rivers meander?\n\nAnd über what ground?").await;
    said(&app, "Something else").await;
    let both = found(&app, "q=rivers+meander").await;
    let items = both["items"].as_array().unwrap();
    // Its title is how its first message begins.
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item["conversation"] == json!(rivers)));
    assert_eq!((items[0]["message"].clone(), items[1]["message"].clone()), (Value::Null, json!(sent.message)));
    assert!(text(&items[1]["excerpt"]).contains("Rivers meander? And über"));
    assert_eq!(found(&app, "q=RIVERS+%C3%9CBER").await["items"].as_array().unwrap().len(), 1);
    assert_eq!(found(&app, "q=rivers+else").await["items"], json!([]), "not one word here, one there");
    for (wrong, field) in
        [("q=%20", "q"), (&format!("q={}", "x".repeat(201)), "q"), ("q=x&limit=0", "limit"), ("q=x&cursor=x", "cursor")]
    {
        assert_eq!(problem(app.get(&format!("/api/v1/search?{wrong}")).await, 422).await["field"], field);
    }
    problem(app.get("/api/v1/search").await, 400).await;

    app.cookie = app.new_cookie().await;
    assert_eq!(found(&app, "q=rivers").await["items"], json!([]), "another's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a44_signs_are_only_signs() {
    let app = App::start().await;
    said(&app, "50% of \"NEAR(a, b)\" * it's a \\ _").await;
    for sign in ["%25", "%22NEAR%28a,", "*", "it%27s", "%5C", "_"] {
        let items = found(&app, &format!("q={sign}")).await["items"].as_array().unwrap().len();
        assert!(0 < items, "{sign}");
    }
    for sign in ["5_%25", "%27%20or%20%271%27=%271", "%00"] {
        assert_eq!(found(&app, &format!("q={sign}")).await["items"], json!([]), "{sign}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_page_by_page_newest_first() {
    let app = App::start().await;
    let mut expected = Vec::new();
    for number in 0..3 {
        let (_, sent) = said(&app, &format!("{}\n\nneedle {number}", "x".repeat(200))).await;
        expected.insert(0, sent.message);
    }
    let mut seen = Vec::new();
    let mut query = "q=needle&limit=1".to_owned();
    loop {
        let page = found(&app, &query).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| text(&item["message"])));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("q=needle&limit=1&cursor={next}");
    }
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_reply_is_found_once_it_has_ended() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { text: Some("haystack ".repeat(20)), silence_after: Some(5), ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    app.follow(&conversation, Some(&sent.cursor)).await.until("token").await;
    let replies = async || {
        let found = found(&app, "q=haystack").await;
        found["items"].as_array().unwrap().iter().filter(|item| item["role"] == "assistant").count()
    };
    assert_eq!(replies().await, 0);
    app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
    app.rest_of(&conversation, &sent).await;
    assert_eq!(replies().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_to_search_on_works_without_scripts() {
    let app = App::start().await;
    let (conversation, _) = said(&app, "A needle <b>in</b> hay").await;
    let page = app.get("/search?q=needle").await;
    assert!(!page.headers()["content-security-policy"].to_str().unwrap().contains("script-src"));
    let page = page.text().await.unwrap();
    assert!(page.contains(&format!("href=\"/c/{conversation}\"")), "{page}");
    assert!(page.contains("value=\"needle\"") && page.contains("&lt;b&gt;"), "a10: as text");
    let empty = app.get("/search?q=%20").await;
    assert_eq!(empty.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.text().await.unwrap().contains("Write what to look for."));
    assert_eq!(app.get("/search").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shared_is_found_among_the_rest_for_as_long_as_it_is() {
    let mut shared = Shared::with("reader").await;
    shared.be_bob();
    let (own, _) = said(&shared.app, "A secret of Bob").await;
    let conversations = async |app: &App| {
        let page = found(app, "q=a+secret+of").await;
        let mut ids: Vec<_> =
            page["items"].as_array().unwrap().iter().map(|item| text(&item["conversation"])).collect();
        ids.dedup();
        ids
    };
    assert_eq!(conversations(&shared.app).await, [own.clone(), shared.conversation.clone()], "newest first");
    shared.take_back().await;
    shared.be_bob();
    assert_eq!(conversations(&shared.app).await, [own]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_search_of_an_account_goes_on_at_a_time() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let account = app.state.store.owner(conversation.parse().unwrap()).await.unwrap();
    let first = app.state.limits.search(account).unwrap();
    problem(app.get("/api/v1/search?q=x").await, 429).await;
    assert_eq!(app.get("/search?q=x").await.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(first);
    assert_eq!(found(&app, "q=x").await["items"], json!([]));
}

#[test]
fn an_excerpt_in_one_line_has_no_marks_of_markdown() {
    let excerpt =
        "… h` channel. It holds **one** value. | kind | when | |---|:--| | watch | well-known - yes | # End …";
    assert_eq!(plain(excerpt), "… h channel. It holds one value. kind when watch well-known yes End …");
}
