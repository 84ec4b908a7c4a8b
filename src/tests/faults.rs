//! Provider faults: rows F1 to F9 and F12 of the fault matrix, through the real client over HTTP.
//!
//! After each, these must hold: numbers without gaps, one terminal event, the stored text is what was shown.

use super::app::{App, Frame, assert_contiguous, said, text};
use super::upstream::script::{LineEnd, Script};
use serde_json::Value;
use std::time::{Duration, Instant};

/// One of each wire format.
const MODELS: [&str; 6] =
    ["anthropic/mock", "openai/mock", "mistral/mock", "responses/mock", "gemini/mock", "ollama/mock"];
/// Where the fault does not depend on the format, and takes seconds.
const TWO: [&str; 2] = ["anthropic/mock", "ollama/mock"];

/// The outcome of a reply.
struct Outcome {
    frames: Vec<Frame>,
    message: Value,
}

impl Outcome {
    fn error(&self) -> &Value {
        &self.frames.last().unwrap().data
    }
}

async fn outcome(app: &App, script: &Script, model: &str) -> Outcome {
    let conversation = app.conversation().await;
    let sent = app.send_to(&conversation, script, model).await;
    let frames = app.rest_of(&conversation, &sent).await;
    assert_contiguous(&frames[1..]);
    assert_eq!(frames.iter().filter(|frame| frame.is_end()).count(), 1);
    let message = app.last_message(&conversation).await;
    assert_eq!(message["text"], said(&frames), "stored as shown");
    Outcome { frames, message }
}

/// Asserts that the reply failed with this kind and kept this text, with a sentence fit for people.
fn assert_failed(outcome: &Outcome, kind: &str, kept: &str) {
    let error = outcome.error();
    assert_eq!(outcome.frames.last().unwrap().event, "error");
    assert_eq!(error["kind"], kind);
    assert_eq!(outcome.message["status"], "failed");
    assert_eq!(outcome.message["error"]["kind"], kind);
    assert_eq!(outcome.message["text"], kept);
    let sentence = text(&error["message"]);
    assert!(sentence.ends_with(['.', '”']) && sentence.contains(' '), "{sentence}");
    assert!(!sentence.contains('<') && !sentence.contains("key-of-the-test"), "{sentence}");
}

fn fails_once(script: Script) -> Script {
    Script { times: Some(1), ..script }
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_a_provider_that_never_begins_times_out_after_one_retry_at_most() {
    let app = App::with(&["--silence-seconds=1"]).await;
    for model in TWO {
        app.upstream.reset();
        let outcome = outcome(&app, &Script { headers_ms: 60_000, ..Script::default() }, model).await;
        assert_failed(&outcome, "timeout", "");
        assert_eq!(outcome.error()["retryable"], true);
        assert!(app.upstream.seen().len() <= 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_provider_that_stalls_keeps_what_it_said_and_is_not_asked_again() {
    let app = App::with(&["--silence-seconds=1"]).await;
    for model in MODELS {
        app.upstream.reset();
        let outcome = outcome(&app, &Script { silence_after: Some(4), ..Script::default() }, model).await;
        assert_failed(&outcome, "timeout", "t0 t1 t2 t3");
        assert_eq!(app.upstream.seen().len(), 1, "no silent second bill");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f3_a_reset_keeps_what_was_said() {
    let app = App::start().await;
    for model in MODELS {
        app.upstream.reset();
        let outcome = outcome(&app, &Script { reset_after: Some(4), ..Script::default() }, model).await;
        assert_failed(&outcome, "upstream_reset", "t0 t1 t2 t3");
        assert_eq!(app.upstream.seen().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f4_an_end_without_the_last_word_is_no_end() {
    let app = App::start().await;
    for model in MODELS {
        let outcome = outcome(&app, &Script { cut_after: Some(4), ..Script::default() }, model).await;
        assert_failed(&outcome, "truncated", "t0 t1 t2 t3");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f5_a_short_wait_is_waited_for_and_a_long_one_is_told() {
    let app = App::start().await;
    let busy =
        |retry_after: &str| Script { status: Some(429), retry_after: Some(retry_after.into()), ..Script::default() };
    for model in TWO {
        let began = Instant::now();
        let waited = outcome(&app, &fails_once(busy("2")), model).await;
        assert_eq!(waited.message["status"], "done");
        assert!(Duration::from_secs(2) <= began.elapsed());

        let short = Script { status: Some(429), retry_after_ms: Some(50), ..Script::default() };
        assert_eq!(outcome(&app, &fails_once(short), model).await.message["status"], "done");
        let silent = Script { status: Some(429), ..Script::default() };
        assert_eq!(outcome(&app, &fails_once(silent), model).await.message["status"], "done");

        let long = outcome(&app, &busy("3600"), model).await;
        assert_failed(&long, "rate_limited", "");
        assert_eq!(long.error()["retry_after_ms"], 3_600_000);
        let date = (jiff::Timestamp::now() + Duration::from_secs(3600)).strftime("%a, %d %b %Y %H:%M:%S GMT");
        let dated = outcome(&app, &busy(&date.to_string()), model).await;
        let wait = dated.error()["retry_after_ms"].as_u64().unwrap();
        assert!((3_500_000..=3_600_000).contains(&wait), "{wait}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f6_a_broken_provider_is_asked_three_times_at_most() {
    let app = App::start().await;
    let html = "<html><body>Bad Gateway</body></html>";
    for (status, kind) in [(529, "overloaded"), (500, "server"), (502, "server"), (503, "overloaded")] {
        app.upstream.reset();
        let body = (status == 502).then(|| html.to_owned());
        let content_type = body.as_ref().map(|_| "text/html".to_owned());
        let broken = Script { status: Some(status), body, content_type, ..Script::default() };
        let failed = outcome(&app, &broken, "anthropic/mock").await;
        assert_eq!(app.upstream.seen().len(), 3, "for {status}");
        assert_failed(&failed, kind, "");
        assert!(!failed.message.to_string().contains("Gateway<"), "{}", failed.message);
    }
    let once = outcome(&app, &fails_once(Script { status: Some(503), ..Script::default() }), "openai/mock").await;
    assert_eq!(once.message["status"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_an_error_after_200_keeps_what_was_said() {
    let app = App::start().await;
    for model in MODELS {
        let outcome = outcome(&app, &Script { error_after: Some(4), ..Script::default() }, model).await;
        assert_eq!(outcome.message["text"], "t0 t1 t2 t3");
        let kind = text(&outcome.error()["kind"]);
        assert_failed(&outcome, &kind, "t0 t1 t2 t3");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_odd_framing_is_read_as_the_standard_says() {
    let app = App::start().await;
    let odd = [
        Script { line_end: LineEnd::Cr, ..Script::default() },
        Script { line_end: LineEnd::Crlf, split: Some(1), ..Script::default() },
        Script { line_end: LineEnd::Mixed, comments: true, ..Script::default() },
        Script { bom: true, no_space: true, ..Script::default() },
        Script { no_final_newline: true, ..Script::default() },
        Script { empty_choices: true, comments: true, ..Script::default() },
        Script { no_done: true, ..Script::default() },
    ];
    for script in odd {
        for model in MODELS {
            let outcome = outcome(&app, &script, model).await;
            assert_eq!(outcome.message["status"], "done", "{script:?} by {model}");
            assert_eq!(outcome.message["text"], script.full_text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f9_characters_split_anywhere_are_whole_and_broken_ones_are_marked() {
    let app = App::start().await;
    for split in [1, 2, 3, 5] {
        for model in MODELS {
            let script = Script { multibyte: true, split: Some(split), ..Script::default() };
            assert_eq!(outcome(&app, &script, model).await.message["text"], script.full_text());
        }
    }
    let odd = [
        Script { invalid_utf8: true, ..Script::default() },
        Script { lone_surrogate: true, ..Script::default() },
        Script { nul: true, ..Script::default() },
    ];
    for script in odd {
        for model in MODELS {
            let outcome = outcome(&app, &script, model).await;
            assert_eq!(outcome.message["status"], "done", "{script:?} by {model}");
            let kept = script.full_text().replace('\0', "\u{fffd}");
            assert_eq!(outcome.message["text"], kept, "{script:?} by {model}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_a49_a_line_without_end_is_refused() {
    let app = App::start().await;
    let script = Script { long_line: Some(3 << 20), ..Script::default() };
    for model in MODELS {
        let outcome = outcome(&app, &script, model).await;
        assert_eq!(outcome.message["status"], "failed");
        assert_eq!(outcome.message["text"], "t0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f11_a49_a_reply_that_drips_for_ever_meets_its_deadline() {
    let app = App::with(&["--reply-seconds=2"]).await;
    let outcome = outcome(&app, &Script { pieces: 1_000, gap_ms: 100, ..Script::default() }, "openai/mock").await;
    assert_eq!(outcome.error()["kind"], "timeout");
    assert!(text(&outcome.message["text"]).starts_with("t0 t1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn f12_a49_an_answer_that_is_no_stream_is_explained() {
    let app = App::start().await;
    let html = Script {
        status: Some(200),
        body: Some("<html>Welcome</html>".into()),
        content_type: Some("text/html".into()),
        ..Script::default()
    };
    for model in MODELS {
        let outcome = outcome(&app, &html, model).await;
        assert_failed(&outcome, "protocol", "");
        let told = text(&outcome.error()["message"]);
        assert!(told.starts_with("The model provider's answer is not one that Rivulet understands."), "{told}");
        assert!(!told.contains("Welcome"), "u12: the words of a proxy are for the operator: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z12_a_whole_answer_and_a_stream_under_another_name_are_read() {
    let app = App::start().await;
    let named = |content_type: &str| Script { content_type: Some(content_type.into()), ..Script::default() };
    let whole = Script { status: Some(200), ..Script::default() };
    for script in [whole, named("text/plain; charset=utf-8"), named("application/octet-stream")] {
        for model in MODELS {
            let outcome = outcome(&app, &script, model).await;
            assert_eq!(outcome.message["status"], "done", "{model}: {}", outcome.message);
            assert!(text(&outcome.message["text"]).starts_with("t0 t1 t2"), "{model}: {}", outcome.message);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_to_stop_and_the_usage_are_kept_whatever_the_format() {
    let app = App::start().await;
    for model in MODELS {
        let script = Script { thinking: 2, stop_reason: Some("because".into()), ..Script::default() };
        let message = outcome(&app, &script, model).await.message;
        assert_eq!(message["stop_reason"], "because", "{model}");
        assert_eq!(message["usage"]["input_tokens"], 11, "{model}");
        assert_eq!(message["usage"]["output_tokens"], 22, "{model}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_there_is_named_as_such() {
    let app = App::with(&["--anthropic-base-url=http://127.0.0.1:9"]).await;
    let outcome = outcome(&app, &Script::default(), "anthropic/mock").await;
    assert_failed(&outcome, "unreachable", "");
}
