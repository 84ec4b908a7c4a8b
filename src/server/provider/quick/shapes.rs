//! What the usual event of each format is. A member that has to be null or absent is a unit; members that no decoder reads
//! may be anything. Pure.

use super::{One, Only};
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
pub(super) struct Anthropic<'a> {
    pub(super) r#type: &'a str,
    #[serde(borrow)]
    pub(super) delta: Only<Change<'a>>,
    #[serde(default)]
    pub(super) message: (),
    #[serde(default)]
    pub(super) content_block: (),
    #[serde(default)]
    pub(super) usage: (),
    #[serde(default)]
    pub(super) error: (),
    #[serde(default)]
    pub(super) content: (),
    #[serde(default)]
    pub(super) stop_reason: (),
}

#[derive(Deserialize)]
pub(super) struct Change<'a> {
    pub(super) r#type: &'a str,
    pub(super) text: Option<String>,
    pub(super) thinking: Option<String>,
    #[serde(default)]
    pub(super) stop_reason: (),
}

#[derive(Deserialize)]
pub(super) struct OpenAi {
    pub(super) choices: One<Choice>,
    #[serde(default)]
    pub(super) usage: (),
    #[serde(default)]
    pub(super) error: (),
}

#[derive(Deserialize)]
pub(super) struct Choice {
    pub(super) delta: Only<Said>,
    #[serde(default)]
    pub(super) message: (),
    #[serde(default)]
    pub(super) text: (),
    #[serde(default)]
    pub(super) finish_reason: (),
}

#[derive(Deserialize)]
pub(super) struct Said {
    pub(super) content: Option<String>,
    pub(super) reasoning_content: Option<String>,
    pub(super) reasoning: Option<String>,
    #[serde(default)]
    pub(super) refusal: (),
    #[serde(default)]
    pub(super) reasoning_details: (),
    #[serde(default)]
    pub(super) tool_calls: (),
    #[serde(default)]
    pub(super) function_call: (),
    #[serde(default)]
    pub(super) images: (),
    #[serde(default)]
    pub(super) audio: (),
}

#[derive(Deserialize)]
pub(super) struct Responses<'a> {
    pub(super) r#type: &'a str,
    pub(super) delta: String,
    #[serde(default)]
    pub(super) text: (),
    #[serde(default)]
    pub(super) refusal: (),
    /// Which part of a thought this is: the decoder reads it of other events only.
    pub(super) summary_index: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) item: (),
    #[serde(default)]
    pub(super) response: (),
    #[serde(default)]
    pub(super) object: (),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Gemini<T> {
    pub(super) candidates: One<Candidate>,
    #[serde(default)]
    pub(super) prompt_feedback: (),
    #[serde(default)]
    pub(super) usage_metadata: T,
    #[serde(default)]
    pub(super) error: (),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate {
    pub(super) content: Only<Content>,
    #[serde(default)]
    pub(super) finish_reason: (),
}

#[derive(Deserialize)]
pub(super) struct Content {
    pub(super) parts: One<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    pub(super) text: String,
    #[serde(default)]
    pub(super) thought: bool,
    #[serde(default)]
    pub(super) function_call: (),
    #[serde(default)]
    pub(super) executable_code: (),
    #[serde(default)]
    pub(super) code_execution_result: (),
    #[serde(default)]
    pub(super) inline_data: (),
    #[serde(default)]
    pub(super) file_data: (),
}

#[derive(Deserialize)]
pub(super) struct Ollama {
    pub(super) message: Only<Answer>,
    #[serde(default)]
    pub(super) done: bool,
    #[serde(default)]
    pub(super) done_reason: (),
    #[serde(default)]
    pub(super) prompt_eval_count: (),
    #[serde(default)]
    pub(super) eval_count: (),
    #[serde(default)]
    pub(super) error: (),
}

#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) content: String,
    pub(super) thinking: Option<String>,
    #[serde(default)]
    pub(super) tool_calls: (),
}
