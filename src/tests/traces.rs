//! Traces: what a collector gets, and that nothing depends on it.

use super::app::{App, Sent, directive, text};
use super::tracing::Log;
use super::upstream::script::Script;
use crate::server::traces::{self, Traces};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::info_span;
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::{fmt, registry};

/// Less than the client waits for a collector.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where the collector answers, how long the machine takes does not matter.
const LONG: Duration = Duration::from_secs(60);

type Got = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

/// Holds a collector's answers back.
#[derive(Default)]
struct Gate {
    arrived: Notify,
    answer: Notify,
}

/// A collector: its address, and the requests that it got.
async fn collector() -> (String, Got) {
    collector_behind(None).await
}

async fn collector_behind(gate: Option<Arc<Gate>>) -> (String, Got) {
    let got = Got::default();
    let take = async |State((got, gate)): State<(Got, Option<Arc<Gate>>)>, headers: HeaderMap, body: String| {
        got.lock().unwrap().push((headers, serde_json::from_str(&body).unwrap()));
        if let Some(gate) = gate {
            gate.arrived.notify_one();
            gate.answer.notified().await;
        }
        StatusCode::OK
    };
    let router = Router::new().route("/v1/traces", post(take)).with_state((Arc::clone(&got), gate));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, got)
}

/// Collects what this thread does for as long as the guard lives.
fn collect(url: &str) -> (Traces, DefaultGuard) {
    let (traces, _, guard) = collect_and_log(url);
    (traces, guard)
}

/// Also keeps what is logged.
fn collect_and_log(url: &str) -> (Traces, Log, DefaultGuard) {
    let key = ("x-key".parse().unwrap(), "of the test".parse().unwrap());
    let (traces, layer) = traces::start(url, vec![key]).unwrap();
    let log = Log::default();
    let writer = log.clone();
    let lines = fmt::layer().with_ansi(false).with_writer(move || writer.clone());
    (traces, log, set_default(registry().with(lines).with(layer.with_filter(traces::ours()))))
}

fn spans(got: &Got) -> Vec<Value> {
    let got = got.lock().unwrap();
    let each = got.iter().flat_map(|(_, body)| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap());
    each.cloned().collect()
}

fn attribute(span: &Value, name: &str) -> Value {
    let attributes = span["attributes"].as_array().unwrap().iter();
    attributes.filter(|it| it["key"] == name).map(|it| it["value"].clone()).next().unwrap_or_default()
}

fn time(span: &Value, name: &str) -> u64 {
    text(&span[name]).parse().unwrap()
}

async fn ask(app: &App, script: &Script) -> (String, Sent) {
    let conversation = app.conversation().await;
    let content = format!("A secret of mine.\n{}", directive(script));
    let to = format!("/api/v1/conversations/{conversation}/messages");
    let answer = app.post(&to, json!({ "content": content })).await;
    let request = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let sent = Sent::of(&answer.json().await.unwrap());
    app.rest_of(&conversation, &sent).await;
    (request, sent)
}

// On one thread, so that the subscriber of this test is the one of all its tasks.
#[tokio::test]
async fn a_reply_is_a_span_in_that_of_its_request() {
    let (url, got) = collector().await;
    let (traces, guard) = collect(&url);
    let app = App::start().await;
    let (request, sent) =
        ask(&app, &Script { pieces: 20, gap_ms: 20, error_after: Some(18), ..Script::default() }).await;
    app.stranger(Method::GET, "/api/v1/models").send().await.unwrap();
    // A span closes when its answer has been sent.
    app.end().await;
    drop(guard);
    traces.finish(LONG).await;

    let spans = spans(&got);
    let find = |name: &str, key: &str, id: &str| {
        let found = spans.iter().find(|span| span["name"] == name && attribute(span, key)["stringValue"] == id);
        found.unwrap_or_else(|| panic!("{name} {id} is not in {spans:#?}"))
    };
    let asked = find("request", "rivulet.request", &request);
    let reply = find("reply", "rivulet.reply", &sent.reply);
    assert_eq!((&reply["traceId"], &reply["parentSpanId"]), (&asked["traceId"], &asked["spanId"]));
    assert_eq!((text(&asked["traceId"]).len(), text(&asked["spanId"]).len()), (32, 16));
    assert_eq!(asked.get("parentSpanId"), None);
    assert_eq!((&asked["kind"], &reply["kind"]), (&json!(2), &json!(1)));
    assert_eq!(attribute(asked, "http.request.method")["stringValue"], "POST");
    assert_eq!(attribute(asked, "http.response.status_code")["intValue"], "202");
    assert_eq!(attribute(reply, "gen_ai.request.model")["stringValue"], "anthropic/mock");
    // The reply goes on after its request, and that has its own end.
    assert!(time(asked, "endTimeUnixNano") < time(reply, "endTimeUnixNano"));
    let took = time(reply, "endTimeUnixNano") - time(reply, "startTimeUnixNano");
    assert!((300_000_000..10_000_000_000).contains(&took), "{took} ns");
    let said: Vec<_> = reply["events"].as_array().unwrap().iter().map(|event| text(&event["name"])).collect();
    assert!(said.contains(&"A reply failed at the provider".to_owned()), "{said:?}");

    let all = format!("{spans:?}");
    assert!(!all.contains("secret"), "{all}");
    assert!(!all.contains("t0"), "nor what a model said");
    let got = got.lock().unwrap();
    assert_eq!(got[0].0["x-key"], "of the test");
    assert_eq!(attribute(&got[0].1["resourceSpans"][0]["resource"], "service.name")["stringValue"], "rivulet");
}

#[tokio::test]
async fn a_request_that_fails_here_is_an_error_and_one_that_is_refused_is_none() {
    let (url, got) = collector().await;
    let (traces, guard) = collect(&url);
    let app = App::start().await;
    app.stranger(Method::GET, "/metrics").send().await.unwrap();
    app.state.store.close().await;
    app.stranger(Method::GET, "/readyz").send().await.unwrap();
    app.end().await;
    drop(guard);
    traces.finish(LONG).await;
    let spans = spans(&got);
    let of = |path: &str| spans.iter().find(|span| attribute(span, "url.path")["stringValue"] == path).unwrap();
    assert_eq!(of("/readyz")["status"]["code"], 2);
    assert_eq!(of("/metrics").get("status"), None);
}

#[tokio::test]
async fn a_long_path_is_cut_and_takes_no_other_span_with_it() {
    let (url, got) = collector().await;
    let (traces, guard) = collect(&url);
    let app = App::start().await;
    // The cut is within a character.
    let path = format!("/{}{}", "a".repeat(510), "%C3%A4".repeat(1_000));
    app.stranger(Method::GET, &path).send().await.unwrap();
    app.end().await;
    drop(guard);
    traces.finish(LONG).await;
    let spans = spans(&got);
    let told: Vec<_> = spans.iter().map(|span| text(&attribute(span, "url.path")["stringValue"])).collect();
    assert!(told.iter().any(|told| told.starts_with("/aaa") && told.len() == 512), "{told:?}");
}

#[tokio::test]
async fn without_a_collector_all_goes_on_and_the_end_is_not_held_up() {
    let refused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // It takes connections and never answers.
    let (traces, guard) = collect(&format!("http://{}", refused.local_addr().unwrap()));
    let app = App::start().await;
    let (_, sent) = ask(&app, &Script::default()).await;
    assert!(!sent.reply.is_empty());
    drop(guard);
    let begun = Instant::now();
    traces.finish(traces::LAST).await;
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

/// More than one request to the collector holds.
const SEVERAL_BATCHES: usize = 1_200;

// The clock is stopped: nothing answers, so it is put on to when the exporter gives up.
#[tokio::test(start_paused = true)]
async fn spans_that_a_collector_does_not_take_before_the_end_are_counted_in_one_line() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (traces, log, _guard) = collect_and_log(&format!("http://{}", silent.local_addr().unwrap()));
    for number in 0..SEVERAL_BATCHES {
        drop(info_span!("request", number));
    }
    traces.finish(traces::LAST).await;
    let log = log.text();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("Traces were not sent")).collect();
    let [line] = lines[..] else { panic!("{log}") };
    assert!(line.contains(&format!("lost={SEVERAL_BATCHES}")) && line.contains("the process ended"), "{line}");
}

#[tokio::test]
async fn a_request_that_is_under_way_at_the_end_goes_on_and_is_not_made_again() {
    let gate = Arc::<Gate>::default();
    let (url, got) = collector_behind(Some(Arc::clone(&gate))).await;
    let (traces, log, _guard) = collect_and_log(&url);
    for number in 0..SEVERAL_BATCHES {
        drop(info_span!("request", number));
    }
    gate.arrived.notified().await;
    // Each request is answered only once the process is about to end.
    let answers = async {
        loop {
            gate.answer.notify_one();
            gate.arrived.notified().await;
        }
    };
    tokio::select! {
        biased;
        () = traces.finish(LONG) => {}
        () = answers => {}
    }
    let sent: Vec<_> = spans(&got).iter().map(|span| attribute(span, "rivulet.number")["intValue"].clone()).collect();
    let all: Vec<_> = (0..SEVERAL_BATCHES).map(|number| json!(number.to_string())).collect();
    assert_eq!(sent, all);
    assert!(!log.text().contains("Traces were not sent"), "{}", log.text());
}
