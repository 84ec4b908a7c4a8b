//! One reply, from the first byte asked of the provider to the one event that ends it.

use super::pieces::{Kind, Pieces};
use super::{Open, Shared};
use crate::event::{Draft, Event};
use crate::model::{ReplyError, Status, Usage};
use crate::server::journal::lock;
use crate::server::provider::{Delta, Request};
use crate::server::store::messages::Ending;
use crate::server::store::now;
use futures::{FutureExt, Stream, StreamExt};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// A reply longer than this is a model that has lost its way.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// Tries to write a reply's end before its viewers are told that it could not be kept, and the pause between them.
const WRITE_TRIES: usize = 5;
const WRITE_PAUSE: Duration = Duration::from_secs(2);

/// How generation ended.
enum Outcome {
    Done { stop_reason: String },
    Stopped,
    Interrupted,
    Failed(ReplyError),
}

/// What is known of a reply besides its text.
#[derive(Default)]
struct Facts {
    usage: Option<Usage>,
    first_piece_at: Option<String>,
    bytes: usize,
}

/// Generates, writes the end and says so. Never leaves a reply open, not even when something panics.
pub(super) async fn run(shared: Arc<Shared>, open: Arc<Open>, model: String, request: Request) {
    // A continued reply has text already, which counts.
    let kept = open.journal.end().1.map_or(0, |draft| draft.text.len());
    let mut facts = Facts { bytes: kept, ..Facts::default() };
    let mut pieces = Pieces::new(Arc::clone(&open.journal), open.reply);
    let stream = shared.providers.reply(&model, request);
    let work = generate(&shared, &open, stream, &mut pieces, &mut facts);
    let outcome = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        Outcome::Failed(failure("internal", "Something went wrong on the server while it wrote this reply.", true))
    });
    pieces.flush();
    end(&shared, &open, outcome, facts).await;
    lock(&shared.open).remove(&open.reply);
    open.ended.cancel();
}

async fn generate(
    shared: &Shared,
    open: &Open,
    stream: impl Stream<Item = Delta>,
    pieces: &mut Pieces,
    facts: &mut Facts,
) -> Outcome {
    let mut stream = pin!(stream);
    let mut deadline = pin!(sleep(shared.whole_reply));
    loop {
        let due = pieces.due();
        tokio::select! {
            biased;
            () = open.stop.cancelled() => return Outcome::Stopped,
            () = shared.interrupt.cancelled() => return Outcome::Interrupted,
            () = &mut deadline => {
                let minutes = shared.whole_reply.as_secs() / 60;
                let message = format!("The model was still writing after {minutes} minutes, so Rivulet ended the reply.");
                return Outcome::Failed(failure("timeout", &message, true));
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => pieces.flush(),
            delta = stream.next() => {
                if let Some(outcome) = take(delta, pieces, facts) {
                    return outcome;
                }
            }
        }
    }
}

/// Takes one delta; says so when it is the last.
fn take(delta: Option<Delta>, pieces: &mut Pieces, facts: &mut Facts) -> Option<Outcome> {
    match delta {
        Some(Delta::Started { .. }) => None,
        Some(Delta::Thinking(text)) => keep(Kind::Thinking, &text, pieces, facts),
        Some(Delta::Text(text)) => keep(Kind::Text, &text, pieces, facts),
        Some(Delta::Usage(usage)) => {
            facts.usage = Some(usage);
            None
        }
        Some(Delta::Finished { reason }) => Some(Outcome::Done { stop_reason: reason }),
        Some(Delta::Failed(failure)) => Some(Outcome::Failed(failure.into())),
        // A provider stream says how it ended; one that does not is cut off.
        None => Some(Outcome::Failed(failure("truncated", "The model's answer broke off.", true))),
    }
}

fn keep(kind: Kind, text: &str, pieces: &mut Pieces, facts: &mut Facts) -> Option<Outcome> {
    facts.bytes += text.len();
    if MAX_TEXT_BYTES < facts.bytes {
        let message = "The reply grew past 1 MiB, so Rivulet ended it here.";
        return Some(Outcome::Failed(failure("too_long", message, false)));
    }
    facts.first_piece_at.get_or_insert_with(now);
    pieces.push(kind, text);
    None
}

/// Writes the end to the store, then tells the viewers: what they were told is then never less than what is kept.
async fn end(shared: &Shared, open: &Open, outcome: Outcome, facts: Facts) {
    let draft = open.journal.end().1.unwrap_or_else(|| Draft::new(open.reply));
    let event = event(open, &outcome, facts.usage);
    let (stop_reason, error) = match &outcome {
        Outcome::Done { stop_reason } => (Some(stop_reason.as_str()), None),
        Outcome::Failed(error) => (None, Some(error)),
        _ => (None, None),
    };
    let ending = Ending {
        reply: open.reply,
        status: event.outcome().unwrap_or(Status::Interrupted),
        text: &draft.text,
        thinking: &draft.thinking,
        usage: facts.usage,
        stop_reason,
        error,
        first_piece_at: facts.first_piece_at.as_deref(),
        finished_at: &now(),
    };
    open.journal.append(match write(shared, &ending).await {
        Written::Yes => event,
        Written::Overtaken => Event::Interrupted { reply: open.reply },
        Written::No => not_kept(open),
    });
}

/// What became of an ending.
enum Written {
    Yes,
    /// Another process took this one for dead, and has ended the reply.
    Overtaken,
    No,
}

/// Writes the ending, again and again for a while: the disk may have room in a moment.
async fn write(shared: &Shared, ending: &Ending<'_>) -> Written {
    for attempt in 1..=WRITE_TRIES {
        match shared.store.end_reply(&shared.process, ending).await {
            Ok(true) => return Written::Yes,
            Ok(false) if attempt == 1 => {
                tracing::error!(reply = %ending.reply, "Another process has ended this reply");
                return Written::Overtaken;
            }
            // An attempt whose answer was lost had done it.
            Ok(false) => return Written::Yes,
            Err(error) => tracing::error!(%error, attempt, reply = %ending.reply, "A reply's end was not written"),
        }
        sleep(WRITE_PAUSE).await;
    }
    Written::No
}

fn event(open: &Open, outcome: &Outcome, usage: Option<Usage>) -> Event {
    let reply = open.reply;
    match outcome {
        Outcome::Done { stop_reason } => Event::Done { reply, usage, stop_reason: Some(stop_reason.clone()) },
        Outcome::Stopped => Event::Stopped { reply },
        Outcome::Interrupted => Event::Interrupted { reply },
        Outcome::Failed(error) => Event::Error { reply, error: error.clone() },
    }
}

fn not_kept(open: &Open) -> Event {
    let message = "The server could not save the end of this reply. Copy what you need; tell whoever runs it.";
    Event::Error { reply: open.reply, error: failure("not_saved", message, true) }
}

fn failure(kind: &str, message: &str, retryable: bool) -> ReplyError {
    ReplyError { kind: kind.into(), message: message.into(), retryable, retry_after_ms: None }
}
