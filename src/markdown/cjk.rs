//! Which characters belong to scripts that put no blanks between words: Chinese, Japanese, Korean.

/// Whether `c` is a letter, a mark or punctuation of Chinese, Japanese or Korean. By blocks, so that it costs the
/// download no table; blanks are none.
pub(super) fn is_cjk(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{2fff}' | '\u{3001}'..='\u{a4cf}' | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ffef}'
        | '\u{1aff0}'..='\u{1b2ff}' | '\u{1f200}'..='\u{1f2ff}' | '\u{20000}'..='\u{3ffff}')
}
