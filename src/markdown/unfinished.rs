//! The end of a text that is still growing: marks whose other half has not come yet are completed, so that they do not show for
//! a moment as they are written. The drawing alone is completed; the text stays as it came.

use std::borrow::Cow;

/// A longer label of a link that has no end yet is a bracket that was left open.
const LONGEST_LABEL: usize = 200;

/// The open blocks of a text with their last paragraph completed.
pub(super) fn completed(open: &str) -> Cow<'_, str> {
    let start = open.rfind("\n\n").map_or(0, |end| end + 2);
    let last = &open[start..];
    // Blocks of code have no marks, and formulas may have all of them.
    if last.contains("```") || last.contains(['$', '\t']) || last.contains("\\(") || last.starts_with("    ") {
        return Cow::Borrowed(open);
    }
    let end = table(last).or_else(|| Marks::of(last).completed(last));
    end.map_or(Cow::Borrowed(open), |end| Cow::Owned([&open[..start], &end].concat()))
}

/// The first row of a table with the line that makes it one.
fn table(last: &str) -> Option<String> {
    let row = last.strip_suffix('\n').unwrap_or(last);
    let cells = row.trim().strip_prefix('|')?;
    let columns = cells.strip_suffix('|').unwrap_or(cells).split('|').count();
    let is_row = !row.contains('\n') && cells.contains('|');
    is_row.then(|| [row, "\n|", &"-|".repeat(columns)].concat())
}

/// The marks that a paragraph leaves open, by where they are.
#[derive(Default)]
struct Marks {
    /// `**`
    strong: Option<usize>,
    /// `*`
    emphasis: Option<usize>,
    /// A run of backticks, and how many they are.
    code: Option<(usize, usize)>,
    /// The bracket of a link, and the end of its label where its address is being written.
    link: Option<(usize, Option<usize>)>,
    /// Marks at the very end, which may open or close something.
    undecided: Option<usize>,
}

impl Marks {
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut marks = Self::default();
        let mut at = 0;
        while at < bytes.len() {
            let run = bytes[at..].iter().take_while(|byte| **byte == bytes[at]).count();
            at += match bytes[at] {
                b'\\' => 2,
                b'`' => match closing(&bytes[at + run..], run) {
                    Some(length) => run + length,
                    None => {
                        marks.code = Some((at, run));
                        return marks;
                    }
                },
                b'*' => {
                    marks.star(text, at, run);
                    run
                }
                b'[' => match marks.bracket(text, at) {
                    Some(length) => length,
                    None => return marks,
                },
                _ => 1,
            };
        }
        marks
    }

    fn star(&mut self, text: &str, at: usize, run: usize) {
        let before = text[..at].chars().next_back().filter(|c| !c.is_whitespace());
        let Some(after) = text[at + run..].chars().next() else {
            self.undecided = Some(at);
            return;
        };
        let open = if run == 1 { &mut self.emphasis } else { &mut self.strong };
        // A single star between letters is a sign of times as often as a mark.
        let opens = !after.is_whitespace() && (run > 1 || !before.is_some_and(char::is_alphanumeric));
        match open {
            Some(_) if before.is_some() => *open = None,
            None if opens => *open = Some(at),
            _ => {}
        }
    }

    /// How much of the text is passed over; none where a link is open until its end.
    fn bracket(&mut self, text: &str, at: usize) -> Option<usize> {
        let label = &text[at + 1..];
        let is_ours = !text[..at].ends_with('!') && !label.starts_with([' ', 'x', 'X', '^', ']']);
        match label.find(']') {
            _ if !is_ours => Some(1),
            None if label.len() <= LONGEST_LABEL && !label.contains('\n') => {
                self.link = Some((at, None));
                Some(1)
            }
            None => Some(1),
            Some(end) => match label[end + 1..].strip_prefix('(') {
                Some(address) if !address.contains([')', '\n']) => {
                    self.link = Some((at, Some(at + 1 + end)));
                    None
                }
                _ => Some(1),
            },
        }
    }

    fn completed(self, text: &str) -> Option<String> {
        let mut done = text[..self.undecided.unwrap_or(text.len())].to_owned();
        match self.link {
            Some((at, Some(end))) => done = [&text[..at], &text[at + 1..end]].concat(),
            Some((at, None)) if at < done.len() => {
                done.remove(at);
            }
            _ => {}
        }
        // What stands behind a bracket that is gone.
        let moved = |at: usize| at - usize::from(self.link.is_some_and(|(bracket, _)| bracket < at));
        if let Some((at, run)) = self.code {
            match text[at + run..].trim_matches('`').is_empty() {
                true => done.truncate(moved(at)),
                false => done.push_str(&"`".repeat(run)),
            }
        }
        let mut open = [(self.strong, "**"), (self.emphasis, "*")];
        // The inner one ends first.
        open.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        for (at, mark) in open.into_iter().filter_map(|(at, mark)| Some((moved(at?), mark))) {
            let end = done.trim_end().len();
            match at + mark.len() < end {
                true => done.insert_str(end, mark),
                false => done.truncate(at),
            }
        }
        (done != text).then_some(done)
    }
}

/// The length up to and with the next run of exactly this number of backticks.
fn closing(bytes: &[u8], run: usize) -> Option<usize> {
    let mut at = 0;
    while at < bytes.len() {
        let here = bytes[at..].iter().take_while(|byte| **byte == b'`').count();
        if here == run {
            return Some(at + run);
        }
        at += here.max(1);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_completed_and_nothing_else_is_changed() {
        for (open, shown) in [
            ("a **bold wo", "a **bold wo**"),
            ("a **bold ", "a **bold** "),
            ("a **", "a "),
            ("a **b*", "a **b**"),
            ("a **b** c", "a **b** c"),
            ("an *emph", "an *emph*"),
            ("2*3 is 6", "2*3 is 6"),
            ("* an item", "* an item"),
            ("**a *b", "**a *b***"),
            ("run `make", "run `make`"),
            ("run `", "run "),
            ("``a ` b", "``a ` b``"),
            ("`a` and **b", "`a` and **b**"),
            ("see [the pa", "see the pa"),
            ("see [the page](https://exa", "see the page"),
            ("see [the page](https://example.com) now", "see [the page](https://example.com) now"),
            ("see [**a", "see **a**"),
            ("see [the **é", "see the **é**"),
            ("- [ ] a task", "- [ ] a task"),
            ("a note[^1", "a note[^1"),
            ("| a | b", "| a | b\n|-|-|"),
            ("| a | b |\n", "| a | b |\n|-|-|"),
            ("| a | b |\n|-|-|\n| 1 **2", "| a | b |\n|-|-|\n| 1 **2**"),
            ("costs $5 **b", "costs $5 **b"),
            ("first **open\n\nsecond *em", "first **open\n\nsecond *em*"),
            ("\\*not \\[a", "\\*not \\[a"),
        ] {
            assert_eq!(completed(open), shown, "{open:?}");
        }
    }
}
