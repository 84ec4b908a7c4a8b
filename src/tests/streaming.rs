//! Following a conversation: whole, in order, resumed at any event.

use super::app::{App, assert_contiguous, said, text};
use super::upstream::script::Script;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::collections::HashSet;

fn slow(pieces: usize) -> Script {
    // Further apart than pieces are merged over, so that each is an event.
    Script { pieces, gap_ms: 25, multibyte: true, ..Script::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_multibyte_pieces_arrive_whole_from_either_provider() {
    let app = App::start().await;
    for model in ["anthropic/mock", "openai/mock"] {
        let conversation = app.conversation().await;
        let script = Script { pieces: 2_000, gap_ms: 1, multibyte: true, split: Some(7), ..Script::default() };
        let sent = app.send_to(&conversation, &script, model).await;
        let frames = app.rest_of(&conversation, &sent).await;
        app.upstream.ended(1).await.unwrap();
        let expected = script.full_text();
        assert_eq!(app.upstream.seen()[0].text, expected);
        assert_eq!(said(&frames), expected, "SSE by {model}");
        assert_eq!(app.last_message(&conversation).await["text"], expected, "the store by {model}");
        assert_eq!(frames.last().unwrap().event, "done");
        assert_contiguous(&frames[1..]);
        app.upstream.reset();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_cut_after_any_event_goes_on_exactly_there() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = slow(60);
    let sent = app.send(&conversation, &script).await;
    let whole = app.rest_of(&conversation, &sent).await;
    assert_eq!(whole[0].event, "resumed");
    assert_eq!(whole[0].data["from"], sent.cursor);
    let whole = &whole[1..];
    assert_eq!(said(whole), script.full_text());
    assert!(40 <= whole.len(), "{} events", whole.len());
    for cut in 0..whole.len() - 1 {
        let mut events = app.follow(&conversation, Some(&whole[cut].id)).await;
        let rest = events.until_end(&sent.reply).await;
        assert_eq!(rest[0].event, "resumed");
        assert_eq!(rest[1..], whole[cut + 1..], "cut after {cut}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_comes_back_after_every_single_event_misses_nothing() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = slow(40);
    let sent = app.send(&conversation, &script).await;
    let mut seen = Vec::new();
    let mut cursor = sent.cursor.clone();
    loop {
        let mut events = app.follow(&conversation, Some(&cursor)).await;
        assert_eq!(events.next().await.unwrap().event, "resumed");
        let frame = events.next().await.unwrap();
        cursor.clone_from(&frame.id);
        seen.push(frame);
        if seen.last().unwrap().is_end() {
            break;
        }
    }
    assert_contiguous(&seen);
    assert_eq!(said(&seen), script.full_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a41_a_cursor_that_says_nothing_here_gets_a_snapshot_first() {
    let app = App::start().await;
    let (conversation, other) = (app.conversation().await, app.conversation().await);
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    let foreign = text(&app.snapshot(&other).await["cursor"]);
    let ancient = format!("{}:0", &"deadbeef");
    let future = format!("{}:999999", sent.cursor.split_once(':').unwrap().0);
    let long = "9".repeat(4_000);
    for cursor in [&foreign, &ancient, &future, "", "x", "-1", "1:1; DROP", "../../", "18446744073709551616:1", &long] {
        let mut events = app.follow(&conversation, Some(cursor)).await;
        let first = events.next().await.unwrap();
        assert_eq!(first.event, "snapshot", "for {cursor}");
        assert_eq!(first.id, text(&first.data["cursor"]));
        assert_eq!(first.data["messages"].as_array().unwrap().len(), 2);
        assert_eq!(first.data["draft"], Value::Null);
        assert_eq!(events.comments, 1, "a byte at once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_wins_over_the_query() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    let whole = app.rest_of(&conversation, &sent).await;
    let path = format!("/api/v1/conversations/{conversation}/events?cursor=nonsense");
    let request = app.request(Method::GET, &path).header("last-event-id", &whole[1].id);
    let mut events = super::app::Sse::new(request.send().await.unwrap());
    assert_eq!(events.next().await.unwrap().data["from"], whole[1].id);
    let path = format!("/api/v1/conversations/{conversation}/events?cursor={}", whole[1].id);
    let mut events = super::app::Sse::new(app.get(&path).await);
    assert_eq!(events.next().await.unwrap().data["from"], whole[1].id);
}

#[tokio::test(flavor = "multi_thread")]
async fn z30_a_cursor_is_also_taken_as_polyfills_send_it() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    let whole = app.rest_of(&conversation, &sent).await;
    let (early, late) = (&whole[1].id, &whole[2].id);
    for (header, query, from) in [
        (None, format!("lastEventId={early}"), Some(early)),
        (None, format!("lastEventId={early}&cursor={late}"), Some(late)),
        (Some(late), format!("lastEventId={early}"), Some(late)),
        (None, "lastEventId=nonsense".to_owned(), None),
        (None, "lastEventId=".to_owned(), None),
    ] {
        let path = format!("/api/v1/conversations/{conversation}/events?{query}");
        let request = app.request(Method::GET, &path);
        let request = if let Some(cursor) = header { request.header("last-event-id", cursor) } else { request };
        let first = super::app::Sse::new(request.send().await.unwrap()).next().await.unwrap();
        assert_eq!(first.event, if from.is_some() { "resumed" } else { "snapshot" }, "{query}");
        assert!(from.is_none_or(|from| first.data["from"] == **from), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_in_mid_reply_holds_the_draft_and_goes_on_from_its_cursor() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = slow(40);
    let sent = app.send(&conversation, &script).await;
    app.upstream.until(1, |seen| 15 <= seen.pieces).await.unwrap();
    let snapshot = app.snapshot(&conversation).await;
    let draft = &snapshot["draft"];
    assert_eq!(draft["reply"], sent.reply);
    assert_eq!(draft["status"], "streaming");
    assert!(!text(&draft["text"]).is_empty());
    let mut events = app.follow(&conversation, Some(&text(&snapshot["cursor"]))).await;
    let rest = events.until_end(&sent.reply).await;
    assert_eq!(rest[0].event, "resumed");
    assert_eq!(text(&draft["text"]) + &said(&rest), script.full_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_viewer_sees_the_same_events_in_the_same_order() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 300, gap_ms: 3, ..Script::default() };
    let mut viewers = Vec::new();
    for _ in 0..20 {
        viewers.push(app.follow(&conversation, None).await);
    }
    let sent = app.send(&conversation, &script).await;
    let mut texts = HashSet::new();
    for mut viewer in viewers {
        let frames = viewer.until_end(&sent.reply).await;
        assert_eq!(frames[0].event, "snapshot");
        assert_contiguous(&frames);
        assert_eq!(frames.iter().filter(|frame| frame.is_end()).count(), 1);
        texts.insert(said(&frames));
    }
    assert_eq!(texts, HashSet::from([script.full_text()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_far_behind_gets_the_pieces_merged() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 150, gap_ms: 21, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let whole = app.rest_of(&conversation, &sent).await;
    // On a busy machine pieces come late and together; more than a viewer may be behind is enough.
    assert!(70 < whole.len(), "{} events", whole.len());
    let late = app.rest_of(&conversation, &sent).await;
    assert!(late.len() < 10, "{} frames", late.len());
    assert_contiguous(&late[1..]);
    assert_eq!(said(&late), script.full_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_a_second_and_never_a_write_per_piece() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let before = app.state.store.writes();
    let script = Script { pieces: 2_000, gap_ms: 10, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    app.rest_of(&conversation, &sent).await;
    let writes = app.state.store.writes() - before;
    assert!((15..=25).contains(&writes), "{writes} write transactions");
    assert_eq!(app.last_message(&conversation).await["text"], script.full_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_shows_signs_of_life() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { first_ms: 11_000, ..Script::default() }).await;
    let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
    events.until_end(&sent.reply).await;
    assert!(2 <= events.comments, "one at once and one after ten seconds");
}

#[tokio::test]
async fn streams_have_a_limit_per_account_and_give_their_place_back() {
    let app = App::with(&["--streams=2"]).await;
    let conversation = app.conversation().await;
    let path = format!("/api/v1/conversations/{conversation}/events");
    let (one, two) = (app.get(&path).await, app.get(&path).await);
    assert_eq!([one.status(), two.status()], [StatusCode::OK; 2]);
    let third = app.get(&path).await;
    assert!(third.headers().contains_key("retry-after"));
    super::app::problem(third, 429).await;
    drop(one);
    // The server notices a closed connection when it next writes or reads; ask until it has.
    let freed = async {
        while app.get(&path).await.status() != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(15), freed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_replies_at_once_are_all_whole() {
    let app = App::start().await;
    let script = Script { pieces: 100, gap_ms: 20, multibyte: true, ..Script::default() };
    let expected = script.full_text();
    let one = async || {
        let conversation = app.conversation().await;
        let sent = app.send(&conversation, &script).await;
        let frames = app.rest_of(&conversation, &sent).await;
        assert_contiguous(&frames[1..]);
        assert_eq!(said(&frames), expected);
        assert_eq!(app.last_message(&conversation).await["text"], expected);
    };
    futures::future::join_all((0..200).map(|_| one())).await;
    assert_eq!(app.state.engine.open_replies(), 0);
}
