//! A site's budget and limits (A66).

use super::{Desk, Visitor};
use crate::server::store::sql::query;
use crate::tests::app::{directive, problem, text};
use crate::tests::upstream::script::Script;
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a66_many_at_once_never_use_more_than_the_budget() {
    // One reply reserves its request and 100 tokens: a few fit, and the rest wait for a person.
    let limits = json!({ "limits": { "tokens_per_day": 2000, "max_output_tokens": 100, "network": { "new": 1000, "minute": 1000 } } });
    let desk = Desk::with(&[], limits).await;
    let script = Script { pieces: 10, hold_after: vec![2], ..Script::default() };
    let visitors: Vec<_> = (0..24).map(|_| Visitor::new()).collect();
    let begun = join_all(visitors.iter().map(|who| desk.begin(who, &script))).await;
    let answered = begun.iter().filter(|said| !said["reply"].is_null()).count();
    let row = query("select cast(sum(reserved) as bigint) as reserved from message where status = 'streaming'");
    let row = row.fetch_one(desk.app.state.store.read()).await.unwrap();
    let reserved: i64 = row.try_get("reserved").unwrap();
    assert!((1..24).contains(&answered) && (1..=2000).contains(&reserved), "{answered} {reserved}");
    let waiting = begun.iter().zip(&visitors).find(|(said, _)| said["reply"].is_null()).unwrap();
    let seen = desk.seen(waiting.1, &text(&waiting.0["conversation"])).await;
    assert_eq!(seen["assignment"]["state"], "waiting", "a person is asked for");
    // What was used counts on, and is the site's.
    for _ in 0..answered {
        desk.app.upstream.go();
    }
    for (said, who) in begun.iter().zip(&visitors).filter(|(said, _)| !said["reply"].is_null()) {
        let mut events = desk.follow(who, &text(&said["conversation"]), &text(&said["cursor"])).await;
        events.until_end(&text(&said["reply"]["id"])).await;
    }
    let site = desk.site.parse().unwrap();
    let today = crate::server::quota::days().0.to_string();
    assert!(0 < desk.app.state.store.site_used(site, &today).await.unwrap().0);
    let ledger = query("select count(*) as rows from usage").fetch_one(desk.app.state.store.read()).await.unwrap();
    assert_eq!(ledger.try_get::<i64>("rows").unwrap(), 0, "no account pays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_has_limits_and_is_told_when_it_goes_on() {
    let limits = json!({ "limits": { "visitor": { "minute": 2, "characters": 3000 } } });
    let desk = Desk::with(&[], limits).await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let path = format!("/conversations/{conversation}/messages");
    let say = async |content: &str| {
        desk.visitor(&who, Method::POST, &path).json(&json!({ "content": content })).send().await.unwrap()
    };
    assert_eq!(problem(say(&"x".repeat(3001)).await, 422).await["field"], "content");
    assert_eq!(say(&directive(&Script::default())).await.status(), StatusCode::ACCEPTED);
    let refused = say("Third").await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 429).await;
    let seen = desk.seen(&who, &conversation).await;
    assert_eq!(seen["messages"].as_array().unwrap().len(), 4, "what is refused leaves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_visitors_of_one_network_are_limited_and_make_no_row() {
    let desk = Desk::with(&[], json!({ "limits": { "network": { "new": 3 } } })).await;
    let mut refused = 0;
    for _ in 0..6 {
        let answer = desk.try_begin(&Visitor::new(), &directive(&Script::default())).await;
        refused += usize::from(answer.status() == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(refused, 3);
    let rows = query("select count(*) as rows from visitor").fetch_one(desk.app.state.store.read()).await.unwrap();
    assert_eq!(rows.try_get::<i64>("rows").unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_only_is_a_site_without_a_model() {
    let desk = Desk::with(&[], json!({ "answered_by": "agents" })).await;
    let who = Visitor::new();
    let said: Value = desk.try_begin(&who, "Is anybody there?").await.json().await.unwrap();
    assert_eq!(said["reply"], Value::Null);
    let conversation = text(&said["conversation"]);
    assert_eq!(desk.seen(&who, &conversation).await["assignment"]["state"], "waiting");
    assert_eq!(desk.try_answer(&conversation, json!({ "content": "Yes." })).await.status(), StatusCode::ACCEPTED);
    assert!(desk.app.upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitors_day_counts_retries_and_a_deletion_does_not_begin_it_anew() {
    let desk = Desk::with(&[], json!({ "limits": { "visitor": { "day": 3 } } })).await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let reply = text(&desk.seen(&who, &conversation).await["messages"][1]["id"]);
    let retried = desk.visitor(&who, Method::POST, &format!("/replies/{reply}/retry")).send().await.unwrap();
    assert_eq!(retried.status(), StatusCode::ACCEPTED);
    desk.say(&who, &conversation, "Third").await;
    let place = format!("/conversations/{conversation}");
    assert_eq!(desk.visitor(&who, Method::DELETE, &place).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let refused = desk.try_begin(&who, "Fourth").await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 429).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_wait_than_the_site_lets() {
    let desk = Desk::with(&[], json!({ "answered_by": "agents", "handoff": { "waiting": 2 } })).await;
    for expected in [StatusCode::CREATED, StatusCode::CREATED, StatusCode::SERVICE_UNAVAILABLE] {
        assert_eq!(desk.try_begin(&Visitor::new(), "Anybody?").await.status(), expected);
    }
}
