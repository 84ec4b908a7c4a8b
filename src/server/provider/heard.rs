//! What has been read of a text that comes in pieces, and then again as a whole. Pure.
//!
//! The text itself is not kept: its length and a hash of it tell whether a whole begins with it, and where it
//! continues.

/// The hash of Fowler, Noll and Vo (FNV-1a), which takes a text in pieces of any length at almost no cost.
#[derive(Clone, Copy)]
struct Sum {
    bytes: usize,
    hash: u64,
}

impl Default for Sum {
    fn default() -> Self {
        Self { bytes: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Sum {
    fn add(&mut self, text: &str) {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.hash = text.bytes().fold(self.hash, step);
        self.bytes += text.len();
    }

    fn of(text: &str) -> Self {
        let mut sum = Self::default();
        sum.add(text);
        sum
    }

    /// The rest of the whole after what was read; none when it does not begin with that.
    fn rest(self, whole: &str) -> Option<&str> {
        let (heard, rest) = whole.split_at_checked(self.bytes)?;
        (Self::of(heard).hash == self.hash).then_some(rest)
    }
}

/// What has been read of one part, and of all together.
#[derive(Default)]
pub(super) struct Heard {
    part: Sum,
    /// The part has come as a whole; later pieces belong to another one.
    is_complete: bool,
    all: Sum,
}

impl Heard {
    /// Another part begins.
    pub(super) fn part(&mut self) {
        self.part = Sum::default();
        self.is_complete = false;
    }

    /// Takes a piece.
    pub(super) fn hear(&mut self, piece: &str) {
        if self.is_complete {
            self.part();
        }
        self.part.add(piece);
        self.all.add(piece);
    }

    /// Takes a part as a whole; returns what is new of it.
    pub(super) fn complete<'w>(&mut self, whole: &'w str) -> &'w str {
        let rest = match self.part.rest(whole) {
            Some(rest) => rest,
            // Another part, of which no piece came before.
            None if self.is_complete && self.part.bytes <= whole.len() => {
                self.part();
                whole
            }
            // In other words than its pieces, or less of it: viewers have read those.
            None => "",
        };
        self.part.add(rest);
        self.all.add(rest);
        self.is_complete = true;
        rest
    }

    /// Takes all parts as a whole; returns what is new, each with the index of its part.
    pub(super) fn missing<'w>(&self, parts: &[&'w str]) -> Vec<(usize, &'w str)> {
        let (mut sum, mut missing) = (Sum::default(), Vec::new());
        for (place, part) in parts.iter().enumerate() {
            let known = self.all.bytes.saturating_sub(sum.bytes).min(part.len());
            let Some((heard, rest)) = part.split_at_checked(known) else { return Vec::new() };
            sum.add(heard);
            if !rest.is_empty() {
                missing.push((place, rest));
            }
        }
        // Where it begins in other words, viewers have read those already.
        if sum.bytes == self.all.bytes && sum.hash == self.all.hash { missing } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z06_a_whole_adds_what_its_pieces_left_out_and_nothing_else() {
        let mut heard = Heard::default();
        heard.hear("Grüß ");
        heard.hear("Go");
        assert_eq!(heard.complete("Grüß Gott"), "tt");
        assert_eq!(heard.complete("Grüß Gott"), "", "told twice");
        assert_eq!(heard.missing(&["Grüß ", "Gott", ""]), []);
        assert_eq!(heard.missing(&["Grüß Gott!", "Servus"]), [(0, "!"), (1, "Servus")]);
        assert_eq!(heard.missing(&["Servus, Gott!"]), [], "other words");
        assert_eq!(heard.missing(&["Gr"]), [], "less of them");
        assert_eq!(heard.complete("Guten Morgen"), "Guten Morgen", "another part");
        heard.hear("Na");
        assert_eq!(heard.complete("Servus"), "", "other words than its pieces");
    }
}
