//! The title in what a model answers: without its thoughts, labels, quotation marks, JSON and polite sentences. Pure.

use crate::markdown::is_hidden;
use serde_json::Value;

/// A longer answer is not a title: the model has not done what it was asked.
const MAX_WORDS: usize = 12;
/// The limit for languages that do not separate words.
const MAX_CHARACTERS: usize = 80;

/// What models put their thoughts in.
const THOUGHTS: &[(&str, &str)] = &[
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[think]", "[/think]"),
];
/// What stands before a title, in front of a colon.
const LABELS: &[&str] = &[
    "title",
    "the title",
    "chat title",
    "conversation title",
    "suggested title",
    "proposed title",
    "final title",
    "final answer",
    "answer",
    "topic",
    "name",
    "titel",
    "titre",
    "título",
    "titulo",
    "titolo",
    "tytuł",
    "заголовок",
    "название",
    "标题",
    "標題",
    "タイトル",
    "제목",
];
/// How a sentence begins that comes before a title, or in place of one.
const CHATTER: &[&str] = &[
    "sure",
    "certainly",
    "of course",
    "okay",
    "ok,",
    "here is",
    "here's",
    "here’s",
    "based on",
    "a good title",
    "a suitable title",
    "a possible title",
    "the title of",
    "the title is",
    "the title could be",
    "i would",
    "i'd",
    "i suggest",
    "i’d",
    "let me",
    "this conversation",
];
/// How an answer begins that contains no title.
const REFUSALS: &[&str] =
    &["i'm sorry", "i’m sorry", "i am sorry", "sorry", "i cannot", "i can't", "i can’t", "as an ai"];
const QUOTES: &[(char, char)] = &[('"', '"'), ('“', '”'), ('„', '“'), ('«', '»'), ('「', '」'), ('『', '』')];

/// The title alone; none where the answer has none.
pub(super) fn title(said: &str) -> Option<String> {
    let said = without_thoughts(said);
    let said = said.trim();
    if let Some(title) = of_json(said) {
        return fitting(&title);
    }
    if said.starts_with('{') {
        return None;
    }
    let lines: Vec<_> =
        said.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("```")).collect();
    let is_list = lines.iter().any(|line| line.starts_with("2.") || line.starts_with("2)"));
    let lines: Vec<_> = lines.iter().map(|line| if is_list { unnumbered(line) } else { line }).collect();
    let mut labelled = lines.iter().enumerate().filter_map(|(at, line)| {
        let rest = behind_label(line)?;
        Some(if bare(rest).is_empty() { lines.get(at + 1)? } else { rest })
    });
    labelled.next().or_else(|| lines.iter().find_map(|line| of_line(line))).and_then(fitting)
}

fn without_thoughts(said: &str) -> String {
    let mut said = said.to_owned();
    for (open, close) in THOUGHTS {
        while let Some(end) = find(&said, close) {
            // Without a beginning, everything before its end is a thought.
            let start = find(&said[..end], open).unwrap_or(0);
            said.replace_range(start..end + close.len(), "");
        }
        if let Some(start) = find(&said, open) {
            said.truncate(start);
        }
    }
    // The channels of OpenAI's open models: the last one is the answer.
    match said.rfind("<|message|>") {
        Some(last) => said.split_off(last + "<|message|>".len()).split("<|").next().unwrap_or_default().to_owned(),
        None => said,
    }
}

/// Where `tag` stands, in any case.
fn find(said: &str, tag: &str) -> Option<usize> {
    said.as_bytes().windows(tag.len()).position(|window| window.eq_ignore_ascii_case(tag.as_bytes()))
}

/// The title in an object, a list or a string of JSON, also between other words.
fn of_json(said: &str) -> Option<String> {
    let whole = said.trim_matches('`').trim_start_matches("json").trim();
    let inner = || whole.get(whole.find('{')?..=whole.rfind('}')?);
    let value = serde_json::from_str(whole).ok().or_else(|| serde_json::from_str(inner()?).ok())?;
    told(&value)
}

fn told(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => values.first().and_then(told),
        Value::Object(members) => {
            let titled = members.iter().find(|(name, _)| name.to_lowercase().contains("title"));
            titled.or_else(|| members.iter().next().filter(|_| members.len() == 1)).and_then(|(_, value)| told(value))
        }
        _ => None,
    }
}

fn unnumbered(line: &str) -> &str {
    let rest = line.trim_start_matches(|character: char| character.is_ascii_digit());
    match rest.strip_prefix(['.', ')']) {
        Some(behind) if rest.len() < line.len() => behind.trim(),
        _ => line,
    }
}

/// What stands behind `Title:`, however it is marked up.
fn behind_label(line: &str) -> Option<&str> {
    let line = inside_tag(line);
    let (label, rest) = line.split_once([':', '：'])?;
    LABELS.contains(&bare(label).to_lowercase().as_str()).then(|| rest.trim())
}

/// `<title>…</title>` is its inside.
fn inside_tag(line: &str) -> &str {
    match (find(line, "<title>"), find(line, "</title>")) {
        (Some(start), Some(end)) if start < end => &line[start + "<title>".len()..end],
        _ => line,
    }
}

/// The title in a line that has no label; none where it is a sentence about the title.
fn of_line(line: &str) -> Option<&str> {
    let line = inside_tag(line);
    let words = bare(line).to_lowercase();
    let begins = |with: &[&str]| with.iter().any(|start| words.starts_with(start));
    if words.is_empty() || begins(REFUSALS) {
        return None;
    }
    let is_introduction = line.trim_end_matches(['*', '_', ' ']).ends_with([':', '：']);
    if !is_introduction && !begins(CHATTER) {
        return Some(line);
    }
    quoted(line).or_else(|| line.split_once([':', '：']).map(|(_, rest)| rest).filter(|rest| !bare(rest).is_empty()))
}

/// What stands in quotation marks.
fn quoted(line: &str) -> Option<&str> {
    QUOTES.iter().find_map(|(open, close)| {
        let inside = line.split_once(*open)?.1;
        Some(inside.split_once(*close)?.0).filter(|inside| !bare(inside).is_empty())
    })
}

/// Without what models like to put around a title: `.NET` and `C#` keep their marks.
fn bare(text: &str) -> &str {
    let around = |character: char| character.is_whitespace() || "\"'“”„‘’«»「」『』*`_:：-–—".contains(character);
    let text = text.trim_start_matches(|character: char| character == '#' || around(character));
    text.trim_end_matches(|character: char| matches!(character, '.' | '。') || around(character))
}

/// In one line, without what hides or turns text; none where it is too long to be a title.
fn fitting(title: &str) -> Option<String> {
    let blank = |character: char| if character.is_control() { ' ' } else { character };
    // Joiners and the choice of a picture belong to words and emoji.
    let is_shown =
        |character: &char| !is_hidden(*character) || matches!(character, '\u{200c}' | '\u{200d}' | '\u{fe0f}');
    let shown: String = title.chars().map(blank).filter(is_shown).collect();
    let title = bare(&shown).split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = title.split(' ').count() <= MAX_WORDS && title.chars().count() <= MAX_CHARACTERS;
    Some(title).filter(|title| fits && !title.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_freed_of_what_models_put_around_it() {
        for said in [
            "Why rivers meander",
            "\"Why rivers meander\"",
            "\n**Why rivers  meander.**\nHope that helps!",
            "# Why rivers meander",
        ] {
            assert_eq!(title(said).as_deref(), Some("Why rivers meander"), "{said}");
        }
        assert_eq!(title("なぜ川は曲がるのか").as_deref(), Some("なぜ川は曲がるのか"));
    }

    #[test]
    fn an_answer_that_is_no_title_is_not_taken_for_one() {
        assert_eq!(title(""), None);
        assert_eq!(title(" \n \"\" "), None);
        assert_eq!(
            title("I am sorry, but I cannot name this conversation because it has no clear topic at all."),
            None
        );
        assert_eq!(title(&"川".repeat(81)), None);
    }

    #[test]
    fn z23_the_title_is_told_from_thoughts_labels_json_and_sentences() {
        for said in [
            "<think>\nThe user asks about rivers.\n</think>\n\nMeandering rivers",
            "The user asks about rivers.</think>Meandering rivers",
            "<THINKING>Hm: a title?</THINKING>\nTitle: Meandering rivers",
            "[THINK]rivers[/THINK]Meandering rivers",
            "<|channel|>analysis<|message|>rivers<|end|><|start|>assistant<|channel|>final<|message|>Meandering rivers<|return|>",
            "Title: \"Meandering rivers\"",
            "**Title:** Meandering rivers",
            "**Title**: Meandering rivers",
            "Title:\nMeandering rivers",
            "# Conversation title: “Meandering rivers”.",
            "标题：Meandering rivers",
            "Titre : « Meandering rivers »",
            "{\"title\": \"Meandering rivers\"}",
            "```json\n{ \"title\": \"Meandering rivers\", \"emoji\": \"x\" }\n```",
            "Here you go: {\"conversation_title\":\"Meandering rivers\"}",
            "[\"Meandering rivers\", \"Rivers\"]",
            "```\nMeandering rivers\n```",
            "Here is a title for the conversation:\n\nMeandering rivers",
            "Sure! Here's a title: Meandering rivers",
            "Sure!\n\"Meandering rivers\"",
            "The title is \"Meandering rivers\".",
            "I would call it “Meandering rivers”.",
            "<title>Meandering rivers</title>",
            "1. Meandering rivers\n2. Rivers",
            "Meandering\u{202e} ri\u{0}vers\u{2066}".replace('\u{0}', "").as_str(),
            "Meandering\u{7}rivers",
            "- Meandering rivers",
        ] {
            assert_eq!(title(said).as_deref(), Some("Meandering rivers"), "{said}");
        }
    }

    #[test]
    fn z23_what_looks_like_a_wrapping_but_is_the_title_stays() {
        for said in [
            "Rust: ownership explained",
            "Learning C#",
            ".NET basics",
            "1. FC Köln",
            "Naming \"things\" well",
            "نیم\u{200c}فاصله",
            "👩\u{200d}🚒 Fire",
            "42",
        ] {
            assert_eq!(title(said).as_deref(), Some(said), "{said}");
        }
    }

    #[test]
    fn z23_where_no_title_can_be_told_there_is_none() {
        for said in [
            "<think>The user asks about rivers and never",
            "<think>a</think>",
            "I'm sorry, I can't help with that.",
            "Sure!",
            "{\"title\": 7}",
            "Title:",
            "```",
        ] {
            assert_eq!(title(said), None, "{said}");
        }
    }
}
