//! Groups of letters, by which the index finds texts: all pairs and all groups of three that stand beside each other in a
//! text without a space between, and each sign that is neither a Latin letter nor a digit.
//!
//! This serves languages without spaces too: a Chinese word is often one or two signs.

/// How many parts a block of the index has: a search reads one for each gram.
pub(super) const PARTS: i64 = 512;
/// What spreads the letters over all values of a hash.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A group of one, two or three letters, as a hash of 25 bits. It is written in the database: to change it, a migration has to
/// empty the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Gram(pub u32);

impl Gram {
    fn of(letters: &[char]) -> Self {
        let mix = |hash: u64, letter: &char| (hash.rotate_left(23) ^ u64::from(*letter)).wrapping_mul(SPREAD);
        Self((letters.iter().fold(letters.len() as u64, mix) >> 39) as u32)
    }

    /// The part of a block that it is in.
    pub(super) fn part(self) -> i64 {
        i64::from(self.0) % PARTS
    }

    /// What it is called in that part.
    pub(super) fn tag(self) -> u16 {
        (i64::from(self.0) / PARTS) as u16
    }
}

fn is_common(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
}

/// All grams of a text in lower case, each once, in their order.
pub(super) fn of_text(text: &str) -> Vec<Gram> {
    let mut grams = Vec::with_capacity(text.len());
    let mut letters = Vec::new();
    for run in text.split_whitespace() {
        letters.clear();
        letters.extend(run.chars());
        grams.extend(letters.windows(3).chain(letters.windows(2)).map(Gram::of));
        grams.extend(letters.iter().filter(|letter| !is_common(**letter)).map(|letter| Gram::of(&[*letter])));
    }
    grams.sort_unstable();
    grams.dedup();
    grams
}

/// The grams that a text with this word has, those first that say the most. Empty for a single common letter, which is
/// nearly everywhere.
pub(super) fn of_word(word: &str) -> Vec<Gram> {
    let letters: Vec<char> = word.chars().collect();
    match letters.as_slice() {
        [] => Vec::new(),
        [letter] if is_common(*letter) => Vec::new(),
        [_] | [_, _] => vec![Gram::of(&letters)],
        // Those that share no letter say more together than neighbours do.
        _ => (0..3).flat_map(|first| letters.windows(3).skip(first).step_by(3)).map(Gram::of).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_text_has_the_grams_of_every_word_that_is_in_it() {
        let text = "the quick-brown füchse, 東京の天気 c# zq\u{1f600}\nend";
        let grams: HashSet<_> = of_text(text).into_iter().collect();
        for word in
            ["quick", "ick-bro", "he", "füch", "東京", "京", "天気", "c#", "#", "zq", "\u{1f600}", "end", "の天気"]
        {
            let of_word = of_word(word);
            assert!(!of_word.is_empty() && of_word.iter().all(|gram| grams.contains(gram)), "{word}");
        }
        for word in ["kcuiq", "気天", "brown-", "qz", "\u{1f601}", "京東"] {
            assert!(!of_word(word).iter().all(|gram| grams.contains(gram)), "{word}");
        }
        assert!(of_word("e").is_empty());
    }

    #[test]
    fn grams_are_spread_over_all_parts() {
        let letters: Vec<char> = ('a'..='z').collect();
        let mut all = HashSet::new();
        for a in &letters {
            for b in &letters {
                all.extend(letters.iter().map(|c| Gram::of(&[*a, *b, *c])));
            }
        }
        assert!(17_550 < all.len(), "hardly any two are one: {}", all.len());
        let parts: HashSet<_> = all.iter().map(|gram| gram.part()).collect();
        assert_eq!(parts.len() as i64, PARTS);
    }
}
