//! Bad lines, between people and the server and between the server and the model: rows F23 and F24 of the fault matrix.

use super::app::{App, Folder, Frame, Sent, text};
use super::chaos::{End, Faults, Line};
use super::invariants::assert_sound;
use super::upstream::Upstream;
use super::upstream::script::Script;
use super::viewer::{Viewer, client};
use crate::tests::rng::Dice;
use futures::future::join_all;
use serde_json::json;
use std::time::Duration;

/// Fixed, so that runs are reproducible.
const SEED: u64 = 23;

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A line over the sea, one that gives a byte at a time, a thin one, and all of that.
fn bad() -> [Faults; 4] {
    let far = Faults { latency: millis(300), jitter: millis(100), ..Faults::default() };
    let sliced = Faults { slice: Some(1), ..Faults::default() };
    let thin = Faults { bytes_per_second: Some(10_000), ..Faults::default() };
    [far, sliced, thin, Faults { slice: Some(1), bytes_per_second: Some(20_000), ..far }]
}

#[tokio::test(flavor = "multi_thread")]
async fn f23_far_thin_and_sliced_lines_show_everybody_the_same() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 120, gap_ms: 25, multibyte: true, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let client = client();
    let watching = bad().into_iter().chain([Faults::default()]).map(async |faults| {
        let line = Line::to(&app.url, faults, SEED).await;
        let mut viewer = Viewer::new(&client, &app, &line.url, &conversation, &sent.cursor);
        viewer.until_end(&sent.reply).await;
        assert_eq!(viewer.connections, 1, "a bad line is no reason to come back");
        viewer.frames
    });
    let seen = join_all(watching).await;
    let stored = assert_sound(&app, &sent.reply, &all(&seen), &script.full_text()).await;
    assert_eq!(stored["status"], "done");
}

fn all(seen: &[Vec<Frame>]) -> Vec<&[Frame]> {
    seen.iter().map(Vec::as_slice).collect()
}

/// What stands as six characters in JSON: more than a line and the buffers on the way can hold.
const HEAVY: &str = "\u{1}";

#[tokio::test(flavor = "multi_thread")]
async fn f23_a_viewer_that_falls_behind_gets_the_same_in_fewer_events() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    // Slow enough that they are not merged for viewers who keep up, and enough of them even if a busy machine merges
    // them in pairs.
    let script = Script { text: Some(HEAVY.repeat(450_000)), piece_chars: 1_500, gap_ms: 25, ..Script::default() };
    // Too long to be told in a message.
    app.upstream.script(script.clone());
    let answer = app.post(&format!("/api/v1/conversations/{conversation}/messages"), json!({ "content": "Go" })).await;
    let sent = Sent::of(&answer.json().await.unwrap());
    let client = client();
    let mut healthy = Viewer::new(&client, &app, &app.url, &conversation, &sent.cursor);
    let mut slow = Viewer::new(&client, &app, &app.url, &conversation, &sent.cursor);
    let mut waiting = slow.connect().await.unwrap();
    healthy.until_end(&sent.reply).await;
    assert!(slow.read(&mut waiting, &sent.reply).await);
    assert_sound(&app, &sent.reply, &[&healthy.frames, &slow.frames], &script.full_text()).await;
    let (all, few) = (healthy.frames.len(), slow.frames.len());
    assert!(100 < all && few * 3 < all * 2, "{few} events in place of {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f23_lines_that_are_reset_again_and_again_show_everybody_the_same() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 100, gap_ms: 25, multibyte: true, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let client = client();
    let watching = (0..10).map(async |number| {
        let mut dice = Dice::new(SEED + number);
        let line = Line::to(&app.url, Faults::default(), SEED + number).await;
        let mut viewer = Viewer::new(&client, &app, &line.url, &conversation, &sent.cursor);
        let coming_back = async {
            // In the head of the answer, in the middle of an event, after some.
            let mut next = || Faults { end: Some((1 + dice.below(2_500) as usize, End::Reset)), ..Faults::default() };
            line.set(next());
            while !viewer.once(&sent.reply).await {
                line.set(next());
            }
        };
        tokio::time::timeout(Duration::from_secs(60), coming_back).await.expect("the end of the reply");
        assert!(2 < viewer.connections, "only {} connections", viewer.connections);
        viewer.frames
    });
    let seen = join_all(watching).await;
    let stored = assert_sound(&app, &sent.reply, &all(&seen), &script.full_text()).await;
    assert_eq!(stored["status"], "done");
}

/// Prime, so that over all cuts every place in an event is met.
const STEP: usize = 7;

#[tokio::test(flavor = "multi_thread")]
async fn f24_a_connection_cut_after_any_byte_is_resumed_without_a_gap_or_a_repetition() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 25, gap_ms: 25, multibyte: true, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let client = client();
    let mut undisturbed = Viewer::new(&client, &app, &app.url, &conversation, &sent.cursor);
    undisturbed.until_end(&sent.reply).await;
    let whole = undisturbed.frames;
    assert_sound(&app, &sent.reply, &[&whole], &script.full_text()).await;

    let line = Line::to(&app.url, Faults::default(), SEED).await;
    for bytes in (1..).step_by(STEP) {
        line.set(Faults { end: Some((bytes, End::Cut)), ..Faults::default() });
        let mut viewer = Viewer::new(&client, &app, &line.url, &conversation, &sent.cursor);
        if viewer.once(&sent.reply).await {
            assert!(1_000 < bytes, "the whole answer was {bytes} bytes");
            return;
        }
        line.set(Faults::default());
        viewer.until_end(&sent.reply).await;
        assert_eq!(viewer.frames, whole, "cut after {bytes} bytes");
    }
}

/// A server whose way to its model is this line.
async fn by_line(faults: Faults, more: &[&str]) -> (App, Line) {
    let upstream = Upstream::start().await;
    let line = Line::to(upstream.url(), faults, SEED).await;
    let there = format!("--anthropic-base-url={}", line.url);
    let more: Vec<&str> = [there.as_str()].into_iter().chain(more.iter().copied()).collect();
    (App::on(Folder::new(), upstream, &more).await, line)
}

#[tokio::test(flavor = "multi_thread")]
async fn f23_a_bad_line_to_the_model_changes_nothing_in_its_text() {
    let faults = Faults { latency: millis(60), jitter: millis(40), slice: Some(1), ..Faults::default() };
    let (app, _line) = by_line(faults, &[]).await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 300, gap_ms: 2, multibyte: true, thinking: 5, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let frames = app.rest_of(&conversation, &sent).await;
    let stored = assert_sound(&app, &sent.reply, &[&frames[1..]], &script.full_text()).await;
    assert_eq!(stored["status"], "done");
    assert_eq!(app.upstream.seen()[0].text, text(&stored["text"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn f23_a_line_to_the_model_that_breaks_anywhere_keeps_what_came_through() {
    for (end, kind) in [(End::Reset, "upstream_reset"), (End::Cut, "truncated"), (End::BlackHole, "timeout")] {
        let (app, line) = by_line(Faults::default(), &["--silence-seconds=1"]).await;
        // All of them after the answer's first text, so that there is no retry.
        for bytes in (1_000..2_500).step_by(167) {
            line.set(Faults { end: Some((bytes, end)), ..Faults::default() });
            // A pooled connection would belong to the line as it was before.
            line.reset_all();
            let conversation = app.conversation().await;
            let script = Script { pieces: 100, ..Script::default() };
            app.upstream.reset();
            let sent = app.send(&conversation, &script).await;
            let frames = app.rest_of(&conversation, &sent).await;
            let stored = assert_sound(&app, &sent.reply, &[&frames[1..]], &script.full_text()).await;
            assert_eq!(stored["status"], "failed", "{end:?} after {bytes} bytes");
            assert_eq!(stored["error"]["kind"], kind, "{end:?} after {bytes} bytes");
            assert_ne!(stored["text"], "");
            assert_eq!(app.upstream.seen().len(), 1, "no silent second bill");
        }
    }
}
