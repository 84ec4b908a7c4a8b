//! U+0000 in text. PostgreSQL's `text` cannot hold it, and a page shows U+FFFD in its place. So it becomes U+FFFD where
//! text comes in, on every database: in what people write (`prompt`), in what models say (`provider/reader`), in names
//! from an issuer (`oidc/profile`). What is an identifier is refused with it instead of being changed.

/// The text with U+FFFD in place of each U+0000.
pub fn replaced(text: String) -> String {
    if is_in(&text) { text.replace('\0', "\u{fffd}") } else { text }
}

/// Whether there is one in the text.
pub fn is_in(text: &str) -> bool {
    text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_nul_is_replaced_and_each_by_one_character(text in "[\u{0}\u{1}a\u{fffd}é😀]{0,40}|.{0,40}") {
            let kept = replaced(text.clone());
            prop_assert!(!is_in(&kept));
            prop_assert_eq!(kept.chars().count(), text.chars().count());
            for (before, after) in text.chars().zip(kept.chars()) {
                prop_assert_eq!(after, if before == '\0' { char::REPLACEMENT_CHARACTER } else { before });
            }
        }
    }
}
