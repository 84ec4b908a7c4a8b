//! What an account can be called.

use crate::error::Problem;
use unicode_normalization::UnicodeNormalization;

/// A name fits a line, and a log.
const MAX: usize = 64;
const MIN: usize = 2;
/// Besides letters, digits and single spaces. Mail addresses are names.
const SIGNS: &str = "._-+@'";

/// The name of an account: as it is shown, and as it is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    shown: String,
    key: String,
}

impl Name {
    /// # Errors
    /// 422 for the field `name`. What could deceive or break a line (hidden characters, control characters) is no name.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let invalid = |message: String| Err(Problem::invalid("name", message));
        if 8 * MAX < text.len() {
            return invalid(format!("A name has at most {MAX} characters."));
        }
        let shown: String = text.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
        let length = shown.chars().count();
        if !(MIN..=MAX).contains(&length) {
            return invalid(format!("A name has {MIN} to {MAX} characters."));
        }
        let strange = |c: char| !(c.is_alphanumeric() || c == ' ' || SIGNS.contains(c));
        if shown.chars().any(strange) || !shown.starts_with(char::is_alphanumeric) {
            return invalid(format!(
                "A name begins with a letter or a digit; besides these it may have spaces and {SIGNS}"
            ));
        }
        Ok(Self { key: key(&shown), shown })
    }

    /// Part of a name, in the form in which names are looked up.
    pub fn search(text: &str) -> String {
        key(text.trim())
    }

    pub fn shown(&self) -> &str {
        &self.shown
    }

    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Compatibility forms too: the same letters in another width are the same name.
fn key(name: &str) -> String {
    name.nfkc().collect::<String>().to_lowercase().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a10_a54_a_name_is_letters_and_a_few_signs() {
        for bad in [
            "",
            "a",
            "<b>bob</b>",
            "a\nb\u{7}",
            "\u{1b}[31mred",
            "a\u{202e}b",
            "a\u{200b}b",
            "-rf",
            "a/b",
            &"x".repeat(65),
        ] {
            assert!(Name::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Name::parse("  Ann   Example ").unwrap().shown(), "Ann Example");
        assert!(Name::parse("ann.o'hara+chat@example.org").is_ok() && Name::parse("Анна").is_ok());
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        let key = |text| Name::parse(text).unwrap().key().to_owned();
        assert_eq!(key("Ann"), key("aNN"));
        assert_eq!(key("Zoe\u{301}"), key("zo\u{e9}"));
        assert_eq!(key("\u{ff21}nn"), key("ann"));
    }
}
