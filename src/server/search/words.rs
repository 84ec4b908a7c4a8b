//! The words of a query, and where they are in a text.

use crate::error::Problem;

/// More is a text rather than a query.
const MAX_CHARACTERS: usize = 200;
/// Length of an excerpt: before the first word, and from there on.
const BEFORE: usize = 60;
const AFTER: usize = 180;

/// Words, in lower case.
pub(super) struct Words(Vec<String>);

impl Words {
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        let words: Vec<_> = query.split_whitespace().map(str::to_lowercase).collect();
        if words.is_empty() {
            return Err(Problem::invalid("q", "Write what to look for."));
        }
        if MAX_CHARACTERS < query.chars().count() {
            return Err(Problem::invalid("q", format!("Look for at most {MAX_CHARACTERS} characters.")));
        }
        Ok(Self(words))
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The position of the first query word, in characters of the lower case. None unless all words are there.
    pub(super) fn find(&self, text: &str) -> Option<usize> {
        let text = text.to_lowercase();
        let all = self.0.iter().all(|word| text.contains(word.as_str()));
        let first = self.0.first().filter(|_| all)?;
        let byte = text.find(first.as_str())?;
        Some(text[..byte].chars().count())
    }

    /// The text around the first word, on one line. None unless all words are there.
    pub(super) fn excerpt(&self, text: &str) -> Option<String> {
        // Off by a character or two where the lower case has another length.
        let start = self.find(text)?.saturating_sub(BEFORE);
        let cut: String = text.chars().skip(start).take(BEFORE + AFTER).collect();
        let is_end = text.chars().count() <= start + BEFORE + AFTER;
        let line = cut.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(format!("{}{line}{}", if start == 0 { "" } else { "… " }, if is_end { "" } else { " …" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_are_found_whatever_their_case() {
        let words = Words::parse("  ÜBER  fluss ").unwrap_or_else(|_| panic!("a query"));
        assert_eq!(words.find("Ein Flusslauf, über den"), Some(15));
        assert_eq!(words.find("über den Berg"), None);
        assert!(Words::parse(" \n").is_err());
        assert!(Words::parse(&"x".repeat(201)).is_err());
        for sign in ["\"", "*", "NEAR(", "%", "_", "'", "\\"] {
            let words = Words::parse(sign).unwrap_or_else(|_| panic!("{sign}"));
            assert_eq!(words.find(&format!("a {sign} b").to_lowercase()), Some(2), "a44: a sign is a sign: {sign}");
            assert_eq!(words.find("nothing"), None);
        }
    }

    #[test]
    fn an_excerpt_is_one_line_around_the_word() {
        let words = Words::parse("needle").unwrap_or_else(|_| panic!("a query"));
        let text = format!("{}\n\nthe Needle\n{}", "hay ".repeat(100), "straw ".repeat(100));
        let excerpt = words.excerpt(&text).unwrap_or_default();
        assert!(excerpt.starts_with("… ") && excerpt.ends_with(" …"), "{excerpt}");
        assert!(excerpt.contains("hay the Needle straw") && !excerpt.contains('\n'), "{excerpt}");
        assert_eq!(words.excerpt("a needle").as_deref(), Some("a needle"));
        // Two characters in lower case where there was one.
        assert!(words.excerpt(&format!("{}needle", "İ".repeat(300))).is_some());
    }
}
