//! A code block that is still being written. Code is the longest thing in a reply and only ever grows at its end, so
//! that every line of it is read only once.

use super::{Plain, escape, page::CODE_END, render_blocks, source::without_tabs};

/// An open fenced code block that stands at the top of a text, from the line that opens it.
pub(super) struct Fence {
    mark: u8,
    length: usize,
    /// Where the next line starts.
    read: usize,
    /// Everything up to there, not closed.
    html: String,
}

impl Fence {
    /// The block that starts at `start`, if it is one. The line there must be whole.
    pub(super) fn open(text: &str, start: usize) -> Option<Self> {
        let rest = &text[start..];
        let line = &rest[..=rest.find('\n')?];
        let mark = *line.as_bytes().first().filter(|&byte| *byte == b'`' || *byte == b'~')?;
        let length = run(line, mark);
        let is_inline_code = mark == b'`' && line[length..].contains('`');
        if length < 3 || is_inline_code {
            return None;
        }
        let head = render_blocks(line, &Plain, usize::MAX)?.pop()?.html;
        let html = head.strip_suffix(CODE_END)?.to_owned();
        Some(Self { mark, length, read: start + line.len(), html })
    }

    /// Takes the lines up to `end`, where a line ends. Once the block is closed: where the text goes on.
    pub(super) fn advance(&mut self, text: &str, end: usize) -> Option<usize> {
        for line in text[self.read..end].split_inclusive('\n') {
            self.read += line.len();
            if self.is_closed_by(line) {
                return Some(self.read);
            }
            escape(&mut self.html, &without_tabs(line));
        }
        None
    }

    /// Writes the block over `out`, with a last line that is not whole yet.
    pub(super) fn draw(&self, out: &mut String, last: &str) {
        out.clear();
        out.push_str(&self.html);
        // The parser drops up to three blanks at the very end: they might have been a closing fence's.
        let is_nothing = last.len() < 4 && last.trim_start_matches(' ').is_empty();
        if !is_nothing && !self.is_closed_by(last) {
            escape(out, &without_tabs(last));
        }
        out.push_str(CODE_END);
    }

    /// Up to three spaces, at least as many marks as opened it, and nothing but blanks behind.
    fn is_closed_by(&self, line: &str) -> bool {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let marks = line.trim_start_matches(' ');
        let length = run(marks, self.mark);
        line.len() - marks.len() < 4
            && length >= self.length
            && marks[length..].bytes().all(|byte| matches!(byte, b' ' | b'\t'))
    }
}

fn run(text: &str, mark: u8) -> usize {
    text.bytes().take_while(|&byte| byte == mark).count()
}
