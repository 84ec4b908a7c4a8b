//! The names that an account can have.

use crate::error::Problem;
use crate::server::nul;
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

/// A name fits into a line, and into the log.
const MAX: usize = 64;
const MIN: usize = 2;
/// What a name from an issuer leaves free, so that accounts of equal name can be told apart.
const ROOM: usize = 12;
/// Besides letters, digits and single spaces. Mail addresses are names.
const SIGNS: &str = "._-+@'";

/// The names of accounts without one (`guest 4f2a`) ...
const GUEST: &str = "guest ";
/// ... and of deleted accounts.
const LEFT: &str = "somebody who has left";

/// The name of an account: as it is shown, and as it is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    shown: String,
    key: String,
}

impl Name {
    /// # Errors
    /// 422 for the field `name`. What could deceive or break a line (hidden characters, control characters) is not a
    /// name.
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
        let key = key(&shown);
        if key.starts_with(GUEST) || key == LEFT {
            return invalid("Rivulet itself calls people so who have no name. Choose another.".into());
        }
        Ok(Self { key, shown })
    }

    /// A name like the one that an issuer has for the user; none where no part of that is allowed.
    pub fn like(text: &str) -> Option<Self> {
        let fits = |c: char| c.is_alphanumeric() || SIGNS.contains(c);
        let plain: String = text.chars().take(MAX).map(|c| if fits(c) { c } else { ' ' }).collect();
        let begins = plain.trim_start_matches(|c: char| !c.is_alphanumeric());
        Self::parse(&begins.chars().take(MAX - ROOM).collect::<String>()).ok()
    }

    /// This name with a suffix, for the next account of this name.
    pub fn followed_by(&self, what: &str) -> Option<Self> {
        Self::parse(&format!("{} {what}", self.shown)).ok()
    }

    /// Part of a name, in the form in which names are looked up.
    pub fn search(text: &str) -> String {
        key(&nul::replaced(text.trim().to_owned()))
    }

    pub fn shown(&self) -> &str {
        &self.shown
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// A name as the store has it.
    pub(in crate::server) fn kept(shown: &str) -> Self {
        Self { shown: shown.to_owned(), key: key(shown) }
    }

    /// The skeleton of the name without case, by UTS 39: equal for names that only differ in letters that look alike.
    pub fn skeleton(&self) -> String {
        skeleton(&self.key).collect()
    }

    /// The skeleton of the name as written, its case removed after that: some letters look alike only as capitals.
    pub fn look(&self) -> String {
        skeleton(&self.shown).collect::<String>().to_lowercase()
    }
}

/// Compatibility forms too: letters in another width make an equal name.
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
            "Guest 4f2a",
            "somebody  who has left",
            "a/b",
            &"x".repeat(65),
        ] {
            assert!(Name::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Name::parse("  Ann   Example ").unwrap().shown(), "Ann Example");
        assert!(Name::parse("ann.o'hara+chat@example.org").is_ok() && Name::parse("Анна").is_ok());
    }

    #[test]
    fn a10_what_somebody_is_called_elsewhere_becomes_a_name_or_none() {
        let like = |text: &str| Name::like(text).map(|name| name.shown().to_owned());
        assert_eq!(like("ann@example.org").as_deref(), Some("ann@example.org"));
        assert_eq!(like("  <b>Ann</b>\u{202e} O'Hara ").as_deref(), Some("b Ann b O'Hara"));
        assert_eq!(like("--rf").as_deref(), Some("rf"));
        assert_eq!(like(&"x".repeat(500)).map(|name| name.len()), Some(52));
        assert!(["", "a", "<>", "\u{200b}\u{200b}"].into_iter().all(|text| like(text).is_none()));
        let name = Name::like(&"x".repeat(500)).unwrap();
        assert!(name.followed_by("0123456789").is_some(), "there is room");
    }

    #[test]
    fn z42_names_with_letters_that_look_alike_have_one_skeleton() {
        let looks = |text| {
            let name = Name::parse(text).unwrap();
            [name.skeleton(), name.look()]
        };
        let alike = |one, other| looks(one).iter().any(|look| looks(other).contains(look));
        // Cyrillic for Latin letters, also where only the capitals look alike.
        for (one, other) in
            [("Ann", "\u{410}nn"), ("ann", "\u{430}nn"), ("Bob", "\u{412}ob"), ("paypal", "p\u{430}yp\u{430}l")]
        {
            assert!(alike(one, other), "{one} {other}");
        }
        for (one, other) in [("Ann", "Anna"), ("Анна", "Anna"), ("user 1", "user 2"), ("Zoe", "Zo\u{eb}")] {
            assert!(!alike(one, other), "{one} {other}");
        }
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        let key = |text| Name::parse(text).unwrap().key().to_owned();
        assert_eq!(key("Ann"), key("aNN"));
        assert_eq!(key("Zoe\u{301}"), key("zo\u{e9}"));
        assert_eq!(key("\u{ff21}nn"), key("ann"));
    }
}
