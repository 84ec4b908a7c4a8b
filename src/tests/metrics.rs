//! `/metrics`: what it tells, and to whom.

use super::app::{App, problem};
use super::upstream::script::Script;
use crate::server::metrics::Readings;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;

const TOKEN: &str = "a-token-of-the-test";

/// The value of the metric that the line begins with.
fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in\n{text}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted() {
    let app = App::with(&["--open-replies=1"]).await;
    let conversation = app.conversation().await;
    let done = app.send(&conversation, &Script { pieces: 10, gap_ms: 30, ..Script::default() }).await;
    app.rest_of(&conversation, &done).await;
    let failed = app.send(&conversation, &Script { error_after: Some(2), ..Script::default() }).await;
    app.rest_of(&conversation, &failed).await;
    let open = app.send(&conversation, &Script { silence_after: Some(3), ..Script::default() }).await;
    let mut events = app.follow(&conversation, Some(&open.cursor)).await;
    events.until("token").await;
    app.upstream.until(1, |seen| seen.pieces == 3).await.unwrap();
    let elsewhere = format!("/api/v1/conversations/{}/messages", app.conversation().await);
    problem(app.post(&elsewhere, json!({ "content": "Hello" })).await, 429).await;

    let text = app.metrics();
    assert_eq!(value(&text, "rivulet_open_replies"), 1.0);
    assert_eq!(value(&text, "rivulet_followers"), 1.0);
    assert_eq!(value(&text, "rivulet_replies_total{ending=\"done\"}"), 1.0);
    assert_eq!(value(&text, "rivulet_replies_total{ending=\"failed\"}"), 1.0);
    assert_eq!(value(&text, "rivulet_provider_errors_total{kind=\"overloaded\"}"), 1.0);
    assert_eq!(value(&text, "rivulet_refused_total{limit=\"replies\"}"), 1.0);
    assert_eq!(value(&text, "rivulet_first_token_seconds_count"), 3.0);
    assert!((9.0..30.0).contains(&value(&text, "rivulet_token_gap_seconds_count")), "{text}");
    assert_eq!(value(&text, "rivulet_unsaved_replies"), 0.0);
    assert_eq!(value(&text, "rivulet_checkpoint_failures_total"), 0.0);
    // The two conversations and the list, of which the snapshot of a page made the last.
    assert_eq!(value(&text, "rivulet_journals"), 3.0);
    assert!(10.0 < value(&text, "rivulet_journal_entries"), "{text}");
    assert!(512.0 * 10.0 < value(&text, "rivulet_journal_bytes"), "{text}");
    for line in text.lines().filter(|line| line.starts_with("# TYPE")) {
        let name = line.split(' ').nth(2).unwrap();
        assert!(text.contains(&format!("# HELP {name} ")), "{name} says what it is");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_are_counted() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { pieces: 60, gap_ms: 30, ..Script::default() }).await;
    app.rest_of(&conversation, &sent).await;
    let count = value(&app.metrics(), "rivulet_checkpoint_seconds_count");
    assert!((1.0..=3.0).contains(&count), "{count} in about two seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_the_token_may_read_it() {
    let app = App::with(&[&format!("--metrics-token={TOKEN}")]).await;
    problem(app.get("/metrics").await, 401).await;
    let with = |value: String| app.stranger(Method::GET, "/metrics").header("authorization", value).send();
    problem(with("Bearer another-token-than-that".into()).await.unwrap(), 401).await;
    problem(with(TOKEN.into()).await.unwrap(), 401).await;
    let answer = with(format!("Bearer {TOKEN}")).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.text().await.unwrap().contains("rivulet_open_replies 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_there_is_no_such_page() {
    let app = App::start().await;
    problem(app.stranger(Method::GET, "/metrics").header("authorization", "Bearer ").send().await.unwrap(), 404).await;
}

/// The names of metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let begins = text.match_indices("rivulet_").map(|(at, _)| &text[at..]);
    let name = |rest: &str| rest.chars().take_while(|letter| letter.is_ascii_lowercase() || *letter == '_').collect();
    begins.map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_and_the_alerts_name_metrics_that_there_are() {
    let app = App::start().await;
    // A family is not told before it counts something.
    let metrics = &app.state.metrics;
    metrics.reply("done");
    metrics.provider_error("overloaded");
    metrics.refused("sends");
    metrics.panic("reply");
    // As where several nodes work on one database.
    let text = metrics.text(&Readings { node: Some("a1".into()), ..Readings::default() });
    let there: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let is_there = |name: &String| {
        there.iter().any(|(known, kind)| match *kind {
            "counter" => *name == format!("{known}_total"),
            "histogram" => *name == format!("{known}_bucket"),
            _ => name == known,
        })
    };
    for file in [
        include_str!("../../deploy/grafana/rivulet.json"),
        include_str!("../../deploy/prometheus/alerts.yml"),
        include_str!("../../deploy/prometheus/alerts_test.yml"),
    ] {
        let unknown: Vec<_> = named(file).into_iter().filter(|name| !is_there(name)).collect();
        assert!(unknown.is_empty() && 3 < named(file).len(), "{unknown:?} are not in\n{text}");
    }
}
