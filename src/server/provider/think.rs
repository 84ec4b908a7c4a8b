//! Thoughts that the server leaves in the text: `<think>…</think>` before the answer. Pure.
//!
//! Only the reply's beginning is searched: a tag anywhere else is something that the model writes about. After the tags
//! nothing is searched, so a long answer costs no more than one without them.

/// The tags that models were trained to think in: DeepSeek and Qwen, Claude by prompt, Gemini's compatible API.
const TAGS: [(&str, &str); 3] = [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>")];
/// Blank text is held back until it is known what follows; more than this, in bytes, is not layout but a model in a
/// loop.
const MAX_BLANKS: usize = 256;

/// A piece of what was one text.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    Thought(String),
    Text(String),
}

/// The reply's position in its text.
#[derive(Debug, Default)]
pub(super) struct Tags {
    place: Place,
    /// Text that may still be one or the other.
    held: String,
    /// Something was said before the text: the blanks at its beginning lie between it and a thought.
    after: bool,
    /// Part of this thought has been passed on.
    begun: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Place {
    #[default]
    Opening,
    /// In a thought, until this tag.
    Inside(&'static str),
    Answer,
}

impl Tags {
    /// Whether everything that follows is the answer.
    pub(super) fn are_behind(&self) -> bool {
        self.place == Place::Answer
    }

    /// Takes more of the text.
    pub(super) fn push(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        self.held.push_str(text);
        loop {
            let goes_on = match self.place {
                Place::Opening => self.open(pieces),
                Place::Inside(closing) => self.think(closing, pieces),
                Place::Answer => false,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// What was held back when the reply ended. Blanks alone are dropped.
    pub(super) fn end(&mut self, pieces: &mut Vec<Piece>) {
        let held = std::mem::take(&mut self.held);
        match self.place {
            _ if held.trim().is_empty() => {}
            Place::Inside(_) => pieces.push(Piece::Thought(held.trim_end().to_owned())),
            Place::Opening | Place::Answer => pieces.push(Piece::Text(held)),
        }
    }

    fn open(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let start = self.held.trim_start();
        if let Some((opening, closing)) = TAGS.iter().find(|(opening, _)| start.starts_with(opening)) {
            self.held = start[opening.len()..].to_owned();
            self.place = Place::Inside(closing);
            self.begun = false;
            return true;
        }
        let may_be_a_tag = !start.is_empty() && TAGS.iter().any(|(opening, _)| opening.starts_with(start));
        if may_be_a_tag || (start.is_empty() && self.held.len() <= MAX_BLANKS) {
            return false;
        }
        let text = if self.after { start.to_owned() } else { std::mem::take(&mut self.held) };
        self.held = String::new();
        self.place = Place::Answer;
        pieces.push(Piece::Text(text));
        false
    }

    fn think(&mut self, closing: &'static str, pieces: &mut Vec<Piece>) -> bool {
        let end = self.held.find(closing);
        // Its beginning may be at the end, and blanks before it belong to neither.
        let thought = &self.held[..end.unwrap_or_else(|| self.held.len() - beginning_of(closing, &self.held))];
        let blanks_count = end.is_none() && MAX_BLANKS < thought.len() - thought.trim_end().len();
        let length = if blanks_count { thought.len() } else { thought.trim_end().len() };
        let said = if self.begun { &thought[..length] } else { thought[..length].trim_start() };
        if !said.is_empty() {
            self.begun = true;
            pieces.push(Piece::Thought(said.to_owned()));
        }
        self.held.drain(..end.map_or(length, |end| end + closing.len()));
        if end.is_some() {
            (self.place, self.after) = (Place::Opening, true);
        }
        end.is_some()
    }
}

/// How many bytes of the tag the text ends with.
fn beginning_of(tag: &str, text: &str) -> usize {
    (1..tag.len()).rev().find(|length| text.ends_with(&tag[..*length])).unwrap_or(0)
}
