//! What holds for every reply, whatever failed.

use super::app::{App, Frame, assert_contiguous, said, text};
use serde_json::Value;

/// Asserts it for a reply that has ended, of which `viewers` saw everything since it was opened, and returns the stored
/// message. `whole` is what the model would have said by the end.
pub(crate) async fn assert_sound(app: &App, reply: &str, viewers: &[&[Frame]], whole: &str) -> Value {
    let (stored, ..) = app.state.store.message(reply.parse().unwrap()).await.unwrap().unwrap();
    let stored = serde_json::to_value(stored).unwrap();
    for frames in viewers {
        assert_contiguous(frames);
        assert_ends_once(frames, reply, &stored);
        assert_eq!(said(&of(frames, reply)), stored["text"], "what is kept is what was shown");
        assert_eq!(story(frames), story(viewers[0]), "all viewers see the same in the same order");
    }
    match stored["status"].as_str() {
        Some("done") => assert_eq!(stored["text"], whole),
        _ => assert!(whole.starts_with(&text(&stored["text"])), "{} is not how the reply begins", stored["text"]),
    }
    stored
}

fn of(frames: &[Frame], reply: &str) -> Vec<Frame> {
    frames.iter().filter(|frame| frame.data["reply"] == *reply).cloned().collect()
}

/// One terminal event, the last that is about the reply, and the one that the store knows.
fn assert_ends_once(frames: &[Frame], reply: &str, stored: &Value) {
    let of_it = of(frames, reply);
    let ends: Vec<_> = of_it.iter().filter(|frame| frame.is_end()).collect();
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_eq!(Some(ends[0]), of_it.last());
    let status = if ends[0].event == "error" { "failed" } else { &ends[0].event };
    assert_eq!(stored["status"], status);
}

/// The events with neighbouring pieces joined: how many of them came as one is each viewer's own.
fn story(frames: &[Frame]) -> Vec<(&str, Value)> {
    let mut story: Vec<(&str, Value)> = Vec::new();
    for frame in frames {
        let mut data = frame.data.clone();
        if let Some(fields) = data.as_object_mut() {
            fields.remove("first");
        }
        match story.last_mut() {
            Some((event, last)) if is_piece(event) && *event == frame.event && last["reply"] == data["reply"] => {
                last["text"] = Value::String(text(&last["text"]) + &text(&data["text"]));
            }
            _ => story.push((&frame.event, data)),
        }
    }
    story
}

fn is_piece(event: &str) -> bool {
    matches!(event, "token" | "thinking")
}
