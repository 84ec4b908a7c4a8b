//! How a reply ended, in words, where it did not simply end; and what to do next.

use crate::model::{Message, Status};
use leptos::prelude::*;

#[component]
pub fn Ending(message: Memo<Option<Message>>) -> impl IntoView {
    let ending = Memo::new(move |_| message.with(|message| message.as_ref().and_then(words)));
    view! {
        <p class="ending" data-status=move || message.with(|it| it.as_ref().map(|it| it.status.name())) hidden=move || ending.with(Option::is_none)>
            {move || ending.get()}
        </p>
    }
}

/// Whether going on from the reply's text makes sense: it was cut off, and nothing says that more would be too.
pub fn can_continue(message: &Message) -> bool {
    let is_cut = match message.status {
        Status::Streaming => false,
        Status::Done => matches!(Reason::of(message), Reason::Length | Reason::Pause),
        Status::Stopped | Status::Interrupted | Status::Failed => true,
    };
    is_cut && !message.text.is_empty()
}

fn words(message: &Message) -> Option<String> {
    Some(match message.status {
        Status::Streaming => return None,
        Status::Done => return Reason::of(message).words(message),
        Status::Stopped => "Stopped here.".into(),
        Status::Interrupted => "Interrupted: the server went away before the reply was finished.".into(),
        Status::Failed => {
            let error = message.error.as_ref().map(|error| error.message.clone());
            error.unwrap_or_else(|| "The model failed, and did not say why.".into())
        }
    })
}

/// Why a model ended its reply, whatever its provider calls that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// The normal end of an answer.
    End,
    Length,
    Window,
    Refusal,
    Filter,
    Recitation,
    Tool,
    Pause,
    Language,
    /// A local server only loaded the model.
    Loaded,
    Unexplained,
    /// A reason that this version does not know.
    Other,
}

/// The longest word of a provider that is repeated, in characters.
const LONGEST_WORD: usize = 40;

impl Reason {
    fn of(message: &Message) -> Self {
        let Some(word) = &message.stop_reason else { return Self::End };
        match word.to_ascii_lowercase().as_str() {
            "" | "end_turn" | "stop" | "stop_sequence" | "completed" | "eos" | "eos_token" => Self::End,
            "max_tokens" | "length" | "max_output_tokens" => Self::Length,
            "model_context_window_exceeded" | "model_length" => Self::Window,
            "refusal" => Self::Refusal,
            "content_filter" | "safety" | "blocklist" | "prohibited_content" | "spii" | "image_safety"
            | "model_armor" | "jailbreak" => Self::Filter,
            "recitation" => Self::Recitation,
            "tool_use"
            | "tool_calls"
            | "function_call"
            | "malformed_function_call"
            | "unexpected_tool_call"
            | "too_many_tool_calls" => Self::Tool,
            "pause_turn" => Self::Pause,
            "language" => Self::Language,
            "load" | "unload" => Self::Loaded,
            "incomplete" | "other" | "malformed_response" => Self::Unexplained,
            _ => Self::Other,
        }
    }

    fn words(self, message: &Message) -> Option<String> {
        let words = match self {
            Self::End => return None,
            Self::Length if message.text.is_empty() => {
                "The model reached its length limit before it said a word. Allow it a longer reply, or ask for less."
            }
            Self::Length => "The reply reached the model’s length limit. Continue lets it go on.",
            Self::Window => {
                "The conversation is as long as the model can read. Start a new one, or choose another model."
            }
            Self::Refusal => "The model declined to answer. Ask in other words, or choose another model.",
            Self::Filter => {
                "The provider’s safety filter ended the reply. Ask in other words, or choose another model."
            }
            Self::Recitation => {
                "The provider ended the reply because it came too close to a published text. Ask for it in other words."
            }
            Self::Tool => "The model asked for a tool, and has none here. Ask it to answer without.",
            Self::Pause => "The model paused here. Continue lets it go on.",
            Self::Language => "The model does not speak this language. Choose another model.",
            Self::Loaded => "The model was only loaded, and has not answered. Retry asks it again.",
            Self::Unexplained => {
                "The provider ended the reply early and did not say why. Retry, or choose another model."
            }
            Self::Other => {
                let word = message.stop_reason.as_deref().unwrap_or_default();
                let word: String = word.chars().take(LONGEST_WORD).collect();
                return Some(format!("The model ended its reply with the word “{word}”."));
            }
        };
        Some(words.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;

    fn ended(word: &str) -> Message {
        let reply = Message::opened(MessageId::new(), None, "demo/tour", String::new());
        Message { text: "So far".into(), status: Status::Done, stop_reason: Some(word.into()), ..reply }
    }

    #[test]
    fn a_reply_that_simply_ended_says_nothing_whatever_the_provider_calls_it() {
        for word in ["end_turn", "stop", "STOP", "stop_sequence", "completed", ""] {
            assert_eq!(words(&ended(word)), None, "{word}");
            assert!(!can_continue(&ended(word)), "{word}");
        }
    }

    #[test]
    fn every_other_end_has_its_own_words_and_only_what_was_cut_can_go_on() {
        for (word, start, goes_on) in [
            ("max_tokens", "The reply reached the model’s length limit.", true),
            ("length", "The reply reached the model’s length limit.", true),
            ("MAX_TOKENS", "The reply reached the model’s length limit.", true),
            ("max_output_tokens", "The reply reached the model’s length limit.", true),
            ("model_context_window_exceeded", "The conversation is as long", false),
            ("refusal", "The model declined", false),
            ("content_filter", "The provider’s safety filter", false),
            ("SAFETY", "The provider’s safety filter", false),
            ("PROHIBITED_CONTENT", "The provider’s safety filter", false),
            ("RECITATION", "The provider ended the reply because", false),
            ("tool_calls", "The model asked for a tool", false),
            ("MALFORMED_FUNCTION_CALL", "The model asked for a tool", false),
            ("pause_turn", "The model paused here.", true),
            ("LANGUAGE", "The model does not speak", false),
            ("load", "The model was only loaded", false),
            ("OTHER", "The provider ended the reply early", false),
            ("because", "The model ended its reply with the word “because”.", false),
        ] {
            let message = ended(word);
            let told = words(&message).unwrap_or_default();
            assert!(told.starts_with(start), "{word}: {told}");
            assert_eq!(can_continue(&message), goes_on, "{word}");
        }
    }

    #[test]
    fn a_limit_that_left_no_word_says_what_to_change_and_offers_no_going_on() {
        let silent = Message { text: String::new(), ..ended("max_tokens") };
        assert!(words(&silent).is_some_and(|words| words.contains("Allow it a longer reply")));
        assert!(!can_continue(&silent));
    }

    #[test]
    fn what_broke_off_can_go_on_and_says_why_it_broke_off() {
        for (status, start) in
            [(Status::Stopped, "Stopped"), (Status::Interrupted, "Interrupted"), (Status::Failed, "The model failed")]
        {
            let message = Message { status, stop_reason: None, ..ended("") };
            assert!(words(&message).is_some_and(|words| words.starts_with(start)));
            assert!(can_continue(&message));
        }
    }
}
