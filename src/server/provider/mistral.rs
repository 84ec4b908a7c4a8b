//! Mistral's own API: chat completions under an address and with a request of its own.
//!
//! Its usage comes unrequested with the last chunk, and a member that it does not know (`stream_options`, say) is
//! refused.

use super::framing::Framing;
use super::openai::{Decoder, messages};
use super::vendor::{Vendor, bearer, set};
use crate::model::Parameters;
use serde_json::{Value, json};

pub(super) static VENDOR: Vendor = Vendor {
    base_url: "https://api.mistral.ai",
    models: &[
        "mistral-large-latest",
        "mistral-medium-3-5",
        "mistral-small-latest",
        "magistral-small-latest",
        "codestral-latest",
    ],
    framing: Framing::Sse,
    // The setting is without `/v1`; where it ends with it, the version is not repeated.
    url: |base, _model| format!("{}/v1/chat/completions", base.trim_end_matches("/v1")),
    headers: bearer,
    body: |request| json!({ "model": request.model, "stream": true, "messages": messages(request) }),
    choose,
    reserved: &["model", "messages", "stream", "n"],
    decoder: |origin| Box::new(Decoder::new(origin)),
};

fn choose(body: &mut Value, chosen: &Parameters) {
    set(body, &["temperature"], chosen.temperature);
    set(body, &["max_tokens"], chosen.max_output_tokens);
    set(body, &["reasoning_effort"], chosen.effort.as_deref());
}
