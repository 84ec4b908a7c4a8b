//! Labels: titles, models, numbers. Plain functions.

use crate::amount::{money, number};
use crate::event::Thread;
use crate::model::{Conversation, Message, Model, Role, Usage};

/// The heading of a page whose conversation is not there.
pub const NOTHING: &str = "Nothing here";
/// The maximum length of a title that is taken from the first message.
const TITLE_CHARS: usize = 60;

/// A time to the minute, in UTC: `2026-11-23 04:05 UTC`.
pub fn minute(at: &str) -> String {
    match (at.get(..10), at.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => String::new(),
    }
}

/// A document's title.
///
/// leptos_meta 0.9.0-rc1 writes it into the page as it is, so a character that could end the element is replaced by a
/// similar one.
pub fn titled(head: &str) -> String {
    format!("{} · Rivulet", head.replace('<', "‹"))
}

/// A document's title with the number of replies that are ready elsewhere.
pub fn counted(count: usize, title: String) -> String {
    if count == 0 { title } else { ["(", &count.to_string(), ") ", &title].concat() }
}

/// The name of a thread: its title or, before it has one, how it begins.
pub fn heading(thread: &Thread) -> String {
    if !thread.conversation.title.is_empty() {
        return thread.conversation.title.clone();
    }
    let first = thread.messages.iter().find(|message| message.role == Role::User);
    let line = first.and_then(|message| message.text.lines().find(|line| !line.trim().is_empty()));
    line.map_or_else(|| name(&thread.conversation), shortened)
}

/// The parts of a text, each with whether it is one of the words of `query`, whatever its case.
pub fn marked(text: &str, query: &str) -> Vec<(bool, String)> {
    let lower = |c: char| c.to_lowercase().next().unwrap_or(c);
    let words: Vec<Vec<char>> = query.split_whitespace().map(|word| word.chars().map(lower).collect()).collect();
    let text: Vec<char> = text.chars().collect();
    let mut parts: Vec<(bool, String)> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let is_here = |word: &&Vec<char>| {
            text.get(at..at + word.len()).is_some_and(|part| part.iter().copied().map(lower).eq(word.iter().copied()))
        };
        let length = words.iter().filter(is_here).map(Vec::len).max();
        let part: String = text[at..at + length.unwrap_or(1)].iter().collect();
        at += length.unwrap_or(1);
        match parts.last_mut() {
            Some((is_hit, before)) if !*is_hit && length.is_none() => before.push_str(&part),
            _ => parts.push((length.is_some(), part)),
        }
    }
    parts
}

/// The name of a conversation in a list.
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

/// A model's name, with its provider where another one has this name too.
pub fn model_among(models: &[Model], id: &str) -> String {
    let Some(known) = models.iter().find(|model| model.id == id) else { return model(id).to_owned() };
    let is_unique = models.iter().filter(|model| model.name == known.name).count() == 1;
    if is_unique { known.name.clone() } else { format!("{} ({})", known.name, known.provider) }
}

/// Why another model than the chosen one is asked.
pub fn instead(message: &Message) -> Option<String> {
    let (asked, answers) = (message.asked.as_deref()?, message.model.as_deref()?);
    Some(format!("{} was asked instead, because the provider of {} failed.", model(answers), model(asked)))
}

/// What the model was not shown of a conversation.
pub fn left_out(messages: u32) -> String {
    let first = match messages {
        1 => "The first message was".into(),
        _ => format!("The first {messages} messages were"),
    };
    format!("{first} left out: the conversation is longer than the model can read.")
}

/// Which of a conversation's images the model was not shown.
pub fn images_left_out(images: u32) -> String {
    let which = match images {
        1 => "An image of this conversation was".into(),
        _ => format!("{images} images of this conversation were"),
    };
    format!("{which} not shown to the model: it does not see images, or accepts fewer.")
}

/// Why images cannot be sent to this model.
pub fn blind(model: &str) -> String {
    format!("{model} does not see images. Choose another model, or remove them.")
}

/// What was used, and what it cost where that is known.
pub fn used(usage: Usage) -> String {
    let about = if usage.estimated { "about " } else { "" };
    let cost = usage.cost_micros.map(|cost| format!(" · {}", money(cost))).unwrap_or_default();
    format!("{about}{} tokens in, {} out{cost}", number(usage.input_tokens), number(usage.output_tokens))
}

/// Who says so.
pub fn counted_by(usage: Usage) -> &'static str {
    if usage.estimated { "Estimated from the length: the provider did not count." } else { "As the provider counted." }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_estimated_is_called_so() {
        let usage = Usage { input_tokens: 1_234, output_tokens: 7, ..Usage::default() };
        assert_eq!(used(usage), "1,234 tokens in, 7 out");
        assert_eq!(used(Usage { estimated: true, ..usage }), "about 1,234 tokens in, 7 out");
        assert_eq!(used(Usage { cost_micros: Some(12_345), ..usage }), "1,234 tokens in, 7 out · $0.01");
    }

    #[test]
    fn the_words_that_were_searched_for_are_marked() {
        let part = |is_hit: bool, text: &str| (is_hit, text.to_owned());
        let parts = marked("Über den Fluss", "FLUSS über");
        assert_eq!(parts, [part(true, "Über"), part(false, " den "), part(true, "Fluss")]);
        assert_eq!(marked("plain", ""), [part(false, "plain")]);
        assert_eq!(marked("aaa", "aa a"), [part(true, "aa"), part(true, "a")]);
    }

    #[test]
    fn a_long_line_is_shortened_between_characters() {
        assert_eq!(shortened(" hello "), "hello");
        assert_eq!(shortened(&"é".repeat(80)), format!("{}…", "é".repeat(60)));
    }

    #[test]
    fn u07_a_model_has_the_name_that_the_operator_gave_it() {
        let of = |id: &str, name: &str, provider: &str| Model {
            id: id.into(),
            name: name.into(),
            provider: provider.into(),
            default: false,
            images: false,
        };
        let models = [of("a/x-1", "Fast", "a"), of("b/x-1", "Good", "b"), of("c/good", "Good", "c")];
        assert_eq!(model_among(&models, "a/x-1"), "Fast");
        assert_eq!(model_among(&models, "b/x-1"), "Good (b)");
        assert_eq!(model_among(&models, "c/good"), "Good (c)");
        assert_eq!(model_among(&models, "d/gone"), "gone");
    }

    #[test]
    fn a_model_is_named_without_its_provider() {
        assert_eq!(model("anthropic/claude-sonnet-5"), "claude-sonnet-5");
        assert_eq!(model("local"), "local");
    }
}
