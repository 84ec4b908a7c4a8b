//! One reply, from the request to the provider to the one event that ends it.

use super::outcome::{Facts, Outcome, failure};
use super::pieces::{Kind, Pieces};
use super::{Open, Shared, context, ending, estimate, title};
use crate::event::{Draft, Event};
use crate::model::ReplyError;
use crate::server::provider::{Delta, Request};
use crate::server::sync::lock;
use crate::server::times::now;
use crate::server::waiting::{Patience, Rarely};
use futures::{FutureExt, Stream, StreamExt};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use tokio::time::{Instant, sleep};

/// A reply whose text, or whose thinking, is longer than this is a model that has lost its way.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// Generates the reply, writes its end and publishes it. Never leaves a reply open, not even after a panic.
pub(super) async fn run(shared: Arc<Shared>, open: Arc<Open>, model: String, request: Request) {
    let closing = Closing { shared: &shared, open: &open };
    // A continued reply has text already, which counts.
    let kept = open.journal.draft().map(|draft| draft.text).unwrap_or_default();
    let mut facts = Facts { text_bytes: kept.len(), kept: kept.chars().count(), ..Facts::default() };
    facts.asked = estimate::asked(&request);
    facts.model.clone_from(&model);
    let mut pieces = Pieces::new(open.journal.clone(), open.reply, Arc::clone(&shared.metrics));
    let work = async {
        // A fallback that cannot read the whole request would only fail as well.
        let stream = match context::fits(shared.providers.fallback_window(&model), &request) {
            true => shared.providers.reply(&model, request),
            false => shared.providers.reply_of(&model, request),
        };
        generate(&shared, &open, stream, &mut pieces, &mut facts).await
    };
    let outcome = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        shared.metrics.panic("reply");
        Outcome::Failed(internal())
    });
    pieces.end();
    let is_answer = matches!(outcome, Outcome::Done { .. } | Outcome::Stopped);
    // In boxes, like everything rare: each open reply would reserve the space for it.
    let unsaved = Box::pin(ending::end(&shared, &open, outcome, facts)).await;
    drop(closing);
    ending::after(&shared, &open);
    // A site's conversation keeps the title that its first message gives it: a model would have to be paid by the site.
    if is_answer && unsaved.is_none() && open.site.is_none() {
        title::give(&shared, &open);
    }
    if let Some(ending) = unsaved {
        Box::pin(ending::save_later(&shared, &ending)).await;
    }
}

/// Closes the reply, whatever happened before, so that no caller and no viewer waits for its end.
pub(super) struct Closing<'a> {
    pub(super) shared: &'a Shared,
    pub(super) open: &'a Open,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let Self { shared, open } = self;
        if open.journal.draft().is_some() {
            tracing::error!(reply = %open.reply, "A reply broke off unwritten; within a second it is marked as interrupted");
            if std::thread::panicking() {
                shared.metrics.panic("reply");
            }
            open.journal.append(Event::Error { reply: open.reply, usage: None, error: internal().into() });
        }
        lock(&shared.open).remove(&open.reply);
        open.ended.cancel();
    }
}

pub(super) fn internal() -> ReplyError {
    failure("internal", "Something went wrong on the server while it wrote this reply.", true)
}

async fn generate(
    shared: &Shared,
    open: &Open,
    stream: impl Stream<Item = Delta>,
    pieces: &mut Pieces,
    facts: &mut Facts,
) -> Outcome {
    let mut stream = pin!(stream);
    // Registered once for the whole reply, and not anew for each of its pieces.
    let mut cut = Rarely::new(cut(shared, open));
    let mut merged = Patience::until(Instant::now());
    loop {
        let due = pieces.due();
        if let Some(due) = due {
            merged.set(due);
        }
        tokio::select! {
            biased;
            outcome = &mut cut => return outcome,
            () = merged.is_over(), if due.is_some() => pieces.flush(),
            delta = stream.next() => {
                match &delta {
                    Some(Delta::Failed(failure)) => shared.metrics.provider_error(failure.kind.name()),
                    Some(Delta::Waiting { message, model, is_paid }) => {
                        if *is_paid {
                            Box::pin(pay(shared, open, facts)).await;
                        }
                        Box::pin(wait(shared, open, message, model.as_ref(), facts)).await;
                    }
                    _ => {}
                }
                if let Some(outcome) = take(delta, pieces, facts) {
                    return outcome;
                }
            }
        }
    }
}

/// Completes when the reply ends before the model does.
pub(super) async fn cut(shared: &Shared, open: &Open) -> Outcome {
    tokio::select! {
        biased;
        () = open.stop.cancelled() => Outcome::Stopped,
        () = shared.interrupt.cancelled() => Outcome::Interrupted,
        () = open.journal.lost() => Outcome::Interrupted,
        () = sleep(shared.whole_reply) => {
            let minutes = shared.whole_reply.as_secs() / 60;
            let message = format!("The model was still writing after {minutes} minutes, so Rivulet ended the reply.");
            Outcome::Failed(failure("timeout", &message, true))
        }
    }
}

/// Writes the cost of a model that answered nothing, before a fallback is asked.
async fn pay(shared: &Shared, open: &Open, facts: &Facts) {
    let usage = estimate::filled(facts.usage.unwrap_or_default(), facts.asked, &Draft::new(open.reply), 0);
    let usage = shared.providers.priced(&facts.model, usage);
    let charged = match &open.site {
        Some(on) => shared.store.charge_site(on.site, &facts.model, usage).await,
        None => shared.store.charge_title((open.reply, open.account), &facts.model, usage).await,
    };
    if let Err(error) = charged {
        tracing::error!(%error, reply = %open.reply, "What an empty answer has cost was not written");
    }
}

/// Publishes what the reply waits for. The model is stored before it is published.
async fn wait(shared: &Shared, open: &Open, message: &str, model: Option<&String>, facts: &mut Facts) {
    // From an attempt that has failed.
    facts.usage = None;
    if let Some(model) = model {
        facts.model.clone_from(model);
        if let Err(error) = shared.store.asks_instead(shared.store.process(), open.reply, model).await {
            tracing::error!(%error, reply = %open.reply, "Who answers a reply was not written");
        }
    }
    open.journal.append(Event::Waiting { reply: open.reply, message: message.to_owned(), model: model.cloned() });
}

/// Takes one delta; returns whether it is the last.
fn take(delta: Option<Delta>, pieces: &mut Pieces, facts: &mut Facts) -> Option<Outcome> {
    match delta {
        Some(Delta::Started { .. } | Delta::Waiting { .. }) => None,
        Some(Delta::Thinking(text)) => keep(Kind::Thinking, &text, pieces, facts),
        Some(Delta::Text(text)) => keep(Kind::Text, &text, pieces, facts),
        Some(Delta::Usage(usage)) => {
            facts.usage = Some(usage);
            None
        }
        Some(Delta::Finished { reason }) => Some(Outcome::Done { stop_reason: reason }),
        Some(Delta::Failed(failure)) => Some(Outcome::Failed(failure.into())),
        // A provider stream says how it ended; one that does not is treated as truncated.
        None => Some(Outcome::Failed(failure("truncated", "The model's answer broke off.", true))),
    }
}

fn keep(kind: Kind, text: &str, pieces: &mut Pieces, facts: &mut Facts) -> Option<Outcome> {
    let (bytes, what) = match kind {
        Kind::Text => (&mut facts.text_bytes, "The reply"),
        Kind::Thinking => (&mut facts.thinking_bytes, "What the model thought"),
    };
    *bytes += text.len();
    if MAX_TEXT_BYTES < *bytes {
        let message = format!("{what} grew past 1 MiB, so Rivulet ended it here.");
        return Some(Outcome::Failed(failure("too_long", &message, false)));
    }
    facts.first_piece_at.get_or_insert_with(now);
    pieces.push(kind, text);
    None
}
