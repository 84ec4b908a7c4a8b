//! The words for things: titles, models, numbers. Plain functions.

use crate::event::Thread;
use crate::model::{Conversation, Role, Usage};

/// As much of a first message as serves for a title.
const TITLE_CHARS: usize = 60;

/// A document's title.
///
/// leptos_meta 0.9.0-rc1 writes it into the page as it is, so what could end the element is shown by a look-alike.
pub fn titled(head: &str) -> String {
    format!("{} · Rivulet", head.replace('<', "‹"))
}

/// What a thread is called: its title or, before it has one, how it begins.
pub fn heading(thread: &Thread) -> String {
    if !thread.conversation.title.is_empty() {
        return thread.conversation.title.clone();
    }
    let first = thread.messages.iter().find(|message| message.role == Role::User);
    let line = first.and_then(|message| message.text.lines().find(|line| !line.trim().is_empty()));
    line.map_or_else(|| name(&thread.conversation), shortened)
}

/// What a conversation is called in a list.
pub fn name(conversation: &Conversation) -> String {
    if conversation.title.is_empty() { "New conversation".into() } else { conversation.title.clone() }
}

fn shortened(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(TITLE_CHARS) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

/// A model's id without its provider.
pub fn model(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, model)| model)
}

/// What the model was not shown of a conversation.
pub fn left_out(messages: u32) -> String {
    let first = match messages {
        1 => "The first message was".into(),
        _ => format!("The first {messages} messages were"),
    };
    format!("{first} left out: the conversation is longer than the model can read.")
}

/// What was used.
pub fn tokens(usage: Usage) -> String {
    let about = if usage.estimated { "about " } else { "" };
    format!("{about}{} tokens in, {} out", number(usage.input_tokens), number(usage.output_tokens))
}

/// Who says so.
pub fn counted_by(usage: Usage) -> &'static str {
    if usage.estimated { "Estimated from the length: the provider did not count." } else { "As the provider counted." }
}

/// 1234567 as `1,234,567`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(number(7), "7");
        assert_eq!(number(1_234), "1,234");
        assert_eq!(number(1_234_567), "1,234,567");
    }

    #[test]
    fn what_is_estimated_is_called_so() {
        let usage = Usage { input_tokens: 1_234, output_tokens: 7, estimated: false };
        assert_eq!(tokens(usage), "1,234 tokens in, 7 out");
        assert_eq!(tokens(Usage { estimated: true, ..usage }), "about 1,234 tokens in, 7 out");
    }

    #[test]
    fn a_long_line_is_shortened_between_characters() {
        assert_eq!(shortened(" hello "), "hello");
        assert_eq!(shortened(&"é".repeat(80)), format!("{}…", "é".repeat(60)));
    }

    #[test]
    fn a_model_is_named_without_its_provider() {
        assert_eq!(model("anthropic/claude-sonnet-5"), "claude-sonnet-5");
        assert_eq!(model("local"), "local");
    }
}
