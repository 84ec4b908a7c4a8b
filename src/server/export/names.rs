//! File names of an export. A title is arbitrary user text: what could be a path, a command or a line of its own
//! becomes a dash, and an id makes the name unique, also on file systems that ignore case.

use crate::model::{ConversationId, ImageId};

/// Characters of a title that are kept. With four bytes each and an id this is far below the 255 bytes of a file name.
const MAX_TITLE: usize = 40;

/// A conversation's file, without its extension.
pub(super) fn conversation(created_at: &str, title: &str, id: ConversationId) -> String {
    let day: String = created_at.chars().filter(|c| c.is_ascii_digit() || *c == '-').take(10).collect();
    let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let title: String = words.collect::<Vec<_>>().join("-").chars().take(MAX_TITLE).collect();
    match title.trim_end_matches('-') {
        "" => format!("conversations/{day}-{id}"),
        title => format!("conversations/{day}-{title}-{id}"),
    }
}

pub(super) fn image(id: ImageId, media_type: &str) -> String {
    let ending = if media_type == "image/png" { "png" } else { "jpg" };
    format!("images/{id}.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a45_a_title_is_no_path() {
        let id = ConversationId::new();
        let named = |title: &str| conversation("2026-11-23T04:05:06.000Z", title, id);
        assert_eq!(named("Rivers & lakes"), format!("conversations/2026-11-23-Rivers-lakes-{id}"));
        assert_eq!(named("Über Flüsse"), format!("conversations/2026-11-23-Über-Flüsse-{id}"));
        for empty in ["", "../..", "\\..\\", "\r\n\0", "\u{202e}\u{200b}"] {
            assert_eq!(named(empty), format!("conversations/2026-11-23-{id}"), "{empty:?}");
        }
        for bad in ["../../etc/passwd", "C:\\windows\\x", "a\0b\nc", "-rf", "/abs", "a\u{202e}gpj.exe"] {
            let name = named(bad);
            let name = name.strip_prefix("conversations/").unwrap();
            assert!(name.chars().all(|c| c.is_alphanumeric() || c == '-'), "{name}");
        }
        assert!(named(&"𝔘".repeat(500)).len() < 255);
    }
}
