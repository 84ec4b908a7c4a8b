//! What providers send, and what is read in it: recordings, every way to cut them, and everything that is wrong with
//! them. No network here.

mod choices;
mod decoders;
mod framing;

use crate::model::Usage;
use crate::server::provider::reader::Reader;
use crate::server::provider::{Decoder, Delta, Failure, FailureKind, Limits, anthropic, openai};

/// A reply that thinks, with a block and an event that nobody knows.
const ANTHROPIC: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"usage":{"input_tokens":25,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Grüße sind nötig."}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQBCgIYAhIM"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Grüß "}}

event: weather_report
data: sunny, not JSON

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Gott 👋🏽"}}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"hologram","text":{"x":1}}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

"#;

const OPENAI: &str = r#"data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null,"obfuscation":"x7"}

: OPENROUTER PROCESSING

data: {"id":"c1","choices":[{"index":0,"delta":{"reasoning_content":"","reasoning":"Hm."},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Grüß "},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Und?"}]},{"type":"text","text":"Gott 👋🏽"},{"type":"hologram"}]}}]}

data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}

data: {"id":"c1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}

data: [DONE]

"#;

fn text(text: &str) -> Delta {
    Delta::Text(text.into())
}

fn thinking(text: &str) -> Delta {
    Delta::Thinking(text.into())
}

fn usage(input_tokens: u64, output_tokens: u64) -> Delta {
    Delta::Usage(Usage { input_tokens, output_tokens, ..Usage::default() })
}

fn finished(reason: &str) -> Delta {
    Delta::Finished { reason: reason.into() }
}

fn anthropic_deltas() -> Vec<Delta> {
    let said = [thinking(""), thinking("Grüße sind nötig."), text("Grüß "), text("Gott 👋🏽")];
    [vec![usage(25, 1)], said.into(), vec![usage(25, 15), finished("end_turn")]].concat()
}

fn openai_deltas() -> Vec<Delta> {
    let said = [thinking("Hm."), text("Grüß "), thinking("Und?"), text("Gott 👋🏽")];
    [said.into(), vec![usage(9, 12), finished("stop")]].concat()
}

fn anthropic() -> Box<dyn Decoder> {
    Box::new(anthropic::Decoder::default())
}

fn openai() -> Box<dyn Decoder> {
    Box::new(openai::Decoder::default())
}

/// Everything an answer says that comes in these chunks and then ends.
fn read<'a>(decoder: Box<dyn Decoder>, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Delta> {
    let mut reader = Reader::new(decoder, &Limits::default());
    let mut deltas: Vec<_> = chunks.into_iter().flat_map(|chunk| reader.push(chunk)).collect();
    deltas.extend(reader.end());
    deltas
}

fn read_whole(decoder: Box<dyn Decoder>, stream: &str) -> Vec<Delta> {
    read(decoder, [stream.as_bytes()])
}

/// The failure that an answer ended with, and the text before it.
fn failure(deltas: &[Delta]) -> (String, Failure) {
    let Some((Delta::Failed(failure), before)) = deltas.split_last() else {
        panic!("not failed: {deltas:?}");
    };
    (shown(before), failure.clone())
}

fn shown(deltas: &[Delta]) -> String {
    let text = |delta: &Delta| if let Delta::Text(text) = delta { Some(text.clone()) } else { None };
    deltas.iter().filter_map(text).collect()
}

fn token(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}
