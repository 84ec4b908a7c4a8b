//! The text of a script: the same every time, so that a test can compare with it exactly.

use super::script::Script;

const MARKDOWN: &str = include_str!("text.md");

/// Two, three and four bytes; a combining accent; a flag of two letters; a family of five code points.
const MULTIBYTE: [&str; 6] = ["é", "漢", "🙂", "e\u{301}", "🇫🇷", "👩\u{200d}👩\u{200d}👧"];

/// One piece of text, with what a reader should understand and what stands on the wire.
pub(super) struct Piece {
    pub(super) text: String,
    /// A JSON string with its quotes; not always a valid one.
    pub(super) json: Vec<u8>,
}

impl Piece {
    fn plain(text: String) -> Self {
        let json = serde_json::to_vec(&text).expect("a string is always valid JSON");
        Self { text, json }
    }
}

impl Script {
    /// The text of all pieces, as a reader should understand it: what is not Unicode is U+FFFD.
    pub(crate) fn full_text(&self) -> String {
        self.text_pieces().map(|piece| piece.text).collect()
    }

    pub(crate) fn full_thinking(&self) -> String {
        self.thinking_pieces().map(|piece| piece.text).collect()
    }

    pub(super) fn text_pieces(&self) -> impl Iterator<Item = Piece> + Send {
        let mut plain = self.plain_pieces();
        let first = plain.next();
        first.into_iter().chain(self.odd_pieces()).chain(plain)
    }

    pub(super) fn thinking_pieces(&self) -> impl Iterator<Item = Piece> + Send + use<> {
        (0..self.thinking).map(|index| Piece::plain(spaced(index, &format!("thought{index}"))))
    }

    fn plain_pieces(&self) -> Box<dyn Iterator<Item = Piece> + Send + '_> {
        let given = self.text.as_deref().or(self.markdown.then_some(MARKDOWN));
        if let Some(text) = given {
            return Box::new(chunks(text, self.piece_chars.max(1)).map(Piece::plain));
        }
        let multibyte = self.multibyte;
        Box::new((0..self.pieces).map(move |index| Piece::plain(counted(index, multibyte))))
    }

    fn odd_pieces(&self) -> impl Iterator<Item = Piece> + Send + use<> {
        // A byte that never occurs, and a character that ends too early.
        let invalid = Piece { text: "<\u{fffd}|\u{fffd}>".into(), json: b"\"<\xff|\xe6\xbc>\"".into() };
        let surrogate = Piece { text: "[\u{fffd}]".into(), json: br#""[\ud83d]""#.into() };
        let long = self.long_line.map(|bytes| Piece::plain("x".repeat(bytes)));
        let nul = self.nul.then(|| Piece::plain("{\0}".into()));
        let invalid = self.invalid_utf8.then_some(invalid);
        let surrogate = self.lone_surrogate.then_some(surrogate);
        long.into_iter().chain(invalid).chain(surrogate).chain(nul)
    }
}

/// `t0`, then ` t1`, ` t2` and so on, or the same with characters that are long in UTF-8.
fn counted(index: usize, multibyte: bool) -> String {
    let letter = if multibyte { MULTIBYTE[index % MULTIBYTE.len()] } else { "t" };
    spaced(index, &format!("{letter}{index}"))
}

fn spaced(index: usize, word: &str) -> String {
    if index == 0 { word.to_owned() } else { format!(" {word}") }
}

fn chunks(text: &str, chars: usize) -> impl Iterator<Item = String> + Send {
    let mut rest = text.chars();
    std::iter::from_fn(move || {
        let chunk: String = rest.by_ref().take(chars).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}
