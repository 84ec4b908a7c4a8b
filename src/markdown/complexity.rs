//! Estimates from a text's lines whether the parser would take too long, before parsing.
//!
//! The parser is linear but for two things. For every line it walks through the quotes and lists that the line stands
//! in, so that deep nesting times many lines is quadratic. And it fills up every short row of a table to the width of
//! its head, so that a few kilobytes become millions of cells.

/// Quotes and lists within each other. People nest three deep, outlines perhaps ten.
const MAX_NESTING: usize = 100;

/// Cells of all tables of a text together: a table of 10 columns and 5,000 rows has as many.
const MAX_CELLS: usize = 50_000;

/// The counts for a text so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Gauge {
    is_deep: bool,
    /// The width of the table that the line is in; 0 outside of tables.
    columns: usize,
    cells: usize,
}

impl Gauge {
    /// Whether the text would be too slow to parse.
    pub(super) fn is_over(self) -> bool {
        self.is_deep || self.cells > MAX_CELLS
    }

    /// Adds one line.
    pub(super) fn with(mut self, line: &str) -> Self {
        self.is_deep |= nesting(line) > MAX_NESTING;
        let row = line.trim_start_matches(|c: char| c == '>' || c.is_ascii_whitespace()).trim_end();
        if row.is_empty() {
            self.columns = 0;
        } else if is_delimiter_row(row) {
            self.columns = row.matches('|').count() + 1;
        }
        self.cells = self.cells.saturating_add(self.columns);
        self
    }
}

/// At least as many as the quotes and lists that the line stands in: its markers, and its indentation at two columns
/// for each list, the least that one needs.
fn nesting(line: &str) -> usize {
    let bytes = line.as_bytes();
    let (mut markers, mut columns) = (0, 0);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b' ' => columns += 1,
            b'\t' => columns += 4,
            b'>' => markers += 1,
            b'-' | b'+' | b'*' | b'.' | b')' => {
                let is_marker = bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace);
                markers += usize::from(is_marker);
            }
            b'0'..=b'9' => {}
            _ => break,
        }
    }
    // A deeply indented line without a marker is code, and code may be indented as it likes.
    if markers == 0 { 0 } else { markers + columns / 2 }
}

/// The line under a table's head, which makes it a table.
fn is_delimiter_row(row: &str) -> bool {
    row.contains('-') && row.bytes().all(|byte| b"|:- \t\x0b\x0c".contains(&byte))
}
