//! Stand-ins: characters that Unicode reserves for use within a program, in place of those that must not be parsed as
//! marks.

/// Characters that may be marks, in the order of their stand-ins.
const MARKS: &str = "!#$&()*+-.<=>[\\]^_`{|}~ ";
/// The first of the 32 characters that Unicode reserves (U+FDD0 to U+FDEF).
const FIRST: char = '\u{fdd0}';
const LAST: char = '\u{fdef}';
/// Stands between a mark and what is beside it, and is shown as nothing. For the parser it is a letter.
pub(super) const JOINER: char = LAST;
/// How the stand-ins begin in UTF-8. Few other characters do.
const LEAD: [u8; 2] = [0xef, 0xb7];

/// Whether `text` has characters that this module uses for itself.
pub(super) fn has_reserved(text: &str) -> bool {
    // Runs over all of a growing text with each piece, so a cheap test comes first, which almost no text passes.
    let bytes = text.as_bytes();
    bytes.contains(&LEAD[0]) && bytes.windows(2).any(|bytes| bytes == LEAD) && text.contains(is_reserved)
}

pub(super) fn is_reserved(c: char) -> bool {
    (FIRST..=LAST).contains(&c)
}

/// Writes `c` so that it is not parsed as a mark.
pub(super) fn hide(out: &mut String, c: char) {
    let stand_in = MARKS.chars().zip(FIRST..=LAST).find(|(mark, _)| *mark == c);
    out.push(stand_in.map_or(c, |(_, stand_in)| stand_in));
}

/// The character that `c` stands in for.
pub(super) fn shown(c: char) -> Option<char> {
    match is_reserved(c) {
        true => MARKS.chars().zip(FIRST..=LAST).find(|(_, stand_in)| *stand_in == c).map(|(mark, _)| mark),
        false => Some(c),
    }
}
