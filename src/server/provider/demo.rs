//! The built-in tour: the model of a server without one. It says so first, and then shows what Rivulet does.
//!
//! Needs no key and no network. Deterministic: one question always gets equal pieces at an equal pace.

use super::{Delta, GO_ON, Request, Turn};
use crate::model::{Role, Usage};
use futures::{Stream, StreamExt, stream};
use std::time::Duration;

/// The tour's id.
pub(super) const MODEL: &str = "demo/tour";
/// What a list of models shows.
pub(super) const NAME: &str = "Tour (no model is configured)";

/// The longest part of a question that is quoted: enough to recognise it.
const QUOTE_CHARS: usize = 280;

/// Why the tour answers and not a model.
#[derive(Clone, Copy)]
pub(super) enum Why {
    /// No provider is configured.
    NoProvider,
    /// A provider is configured, but no model of it.
    NoModel,
    /// A model is configured, but the conversation still asks for the tour.
    Asked,
}

const NO_PROVIDER: &str = "\
No model is configured on this server, so what answers you is only Rivulet's built-in tour. \
To talk to a model, stop Rivulet, set one of these and start it again:

```sh
export ANTHROPIC_API_KEY=...   # Claude, by Anthropic
export OPENAI_API_KEY=...      # GPT, by OpenAI; or any compatible server at OPENAI_BASE_URL
export GEMINI_API_KEY=...      # Gemini, by Google
export MISTRAL_API_KEY=...     # Mistral

# Ollama, for example on this machine:
export OLLAMA_HOST=127.0.0.1:11434
export RIVULET_MODEL=ollama/llama3.2   # the model that answers by default
```
";

const NO_MODEL: &str = "\
A model provider is configured on this server, but none of its models, so what answers you is only Rivulet's built-in \
tour. Set `RIVULET_MODEL` to a model that the provider has, such as `ollama/llama3.2`, and start Rivulet again.
";

const ASKED: &str = "\
This is Rivulet's built-in tour and not a model. A model is configured on this server by now: choose it for this \
conversation and ask again.
";

const TOUR: &str = r#"
## What a reply survives

It reaches you word by word, as a model's would. **Reload the page now**, while it runs: it goes on where it was.

| You do this | and this happens |
|---|---|
| reload, or lose the network | the reply goes on, nothing is missing and nothing is twice |
| open the conversation in another tab, or on another device of your account | both show the same words as they come |
| close everything | the reply is written to its end, and waits for you |
| stop the reply | it ends within a second and keeps its text |

## A round to try

- [x] Send a message
- [ ] Reload while the answer runs
- [ ] Open a second tab beside this one
- [ ] Press `Esc` in the middle, then let it *continue*
- [ ] *Retry* an answer that you do not like
- [ ] Give the conversation a *system prompt*: what the model should always know or do

On the keyboard:

1. `Enter` sends,
2. `Shift` + `Enter` starts a new line,
3. `Esc` stops the reply.

## How it works

> A conversation is a journal. Every viewer is a cursor.

Each piece of a reply is an event in the journal, and what you see is all of them put together. A returning viewer says
how far it had read, and gets the rest:

```rust
/// What a viewer sees: the events so far, put together.
fn shown(journal: &[Event]) -> String {
    journal.iter().filter_map(Event::text).collect()
}
```

Replies are set in Markdown, of which [this page](https://commonmark.org/help/) shows the most in a minute. Write
something, and the tour will quote it back.
"#;

const AGAIN: &str = "
A model would answer that now. Until there is one, this conversation still shows the rest: reload, open a second tab, \
stop with `Esc`, continue, retry.
";

/// Streams the tour; in later turns, a shorter answer.
pub(super) fn reply(request: &Request, why: Why) -> impl Stream<Item = Delta> + Send + use<> {
    let pieces = pieces(&answer(&request.turns, why));
    // A tour has no tokens; its words stand in for them.
    let usage = Usage {
        input_tokens: request.turns.iter().map(|turn| words(&turn.text)).sum(),
        output_tokens: pieces.len() as u64,
        ..Usage::default()
    };
    let end = [Delta::Usage(usage), Delta::Finished { reason: "end_turn".into() }];
    let said = stream::iter(pieces).enumerate().then(async |(index, piece)| {
        tokio::time::sleep(pace(index)).await;
        Delta::Text(piece)
    });
    stream::iter([Delta::Started { request_id: None }]).chain(said).chain(stream::iter(end))
}

/// The whole answer, or the rest of one that was stopped.
fn answer(turns: &[Turn], why: Why) -> String {
    match turns {
        [before @ .., kept, last] if last.text == GO_ON => {
            let whole = text(before, why);
            // The space after the last word that was shown has been shown too.
            let rest = whole.strip_prefix(kept.text.trim_end()).map(str::trim_start);
            rest.map(str::to_owned).unwrap_or(whole)
        }
        _ => text(turns, why),
    }
}

fn text(turns: &[Turn], why: Why) -> String {
    let first = match why {
        Why::NoProvider => NO_PROVIDER,
        Why::NoModel => NO_MODEL,
        Why::Asked => ASKED,
    };
    let asked = turns.iter().filter(|turn| turn.role == Role::User).count();
    let question = turns.last().map(|turn| quote(&turn.text)).unwrap_or_default();
    let rest = if asked <= 1 { TOUR } else { AGAIN };
    format!("{first}\nYou wrote:\n\n{question}{rest}")
}

/// The beginning of a question as a Markdown quote.
fn quote(question: &str) -> String {
    let mut shown: String = question.trim().chars().take(QUOTE_CHARS).collect();
    if shown.len() < question.trim().len() {
        shown.push('…');
    }
    shown.lines().map(|line| format!("> {line}\n")).collect()
}

/// Words with the space behind them.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut after_space = false;
    for (index, character) in text.char_indices() {
        if after_space && !character.is_whitespace() {
            pieces.push(text[start..index].to_owned());
            start = index;
        }
        after_space = character.is_whitespace();
    }
    pieces.extend((start < text.len()).then(|| text[start..].to_owned()));
    pieces
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// About 40 pieces a second, a little uneven, as models are. The first comes at once.
fn pace(index: usize) -> Duration {
    let milliseconds = if index == 0 { 0 } else { 19 + (index * 7) % 13 };
    Duration::from_millis(milliseconds as u64)
}
