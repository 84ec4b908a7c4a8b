//! Markdown while it streams in: finished blocks are rendered once, only the last block again with each piece.
//!
//! Lines decide about blocks, and only whole lines are certain: a `-` may become a list or a heading. So a block is
//! finished when a whole line behind it has started another one, and no formula is open that could take both in; nothing
//! that follows changes it then. The exception are
//! definitions of links (`[name]: https://...`) and footnotes, which a text holds apart from their use: here they work within the
//! last block only, in [`render`](super::render) everywhere. Models hardly write them, and at the end of a reply the whole
//! text is rendered anyway.

use super::{Block, MAX_RENDER_BYTES, Plain, fence::Fence, most_html, normalized, plain, render_blocks};
use crate::markdown::complexity::Gauge;
use crate::markdown::unfinished::completed;
use std::sync::Arc;

/// The HTML of a growing text: `finished`, then `open`.
#[derive(Default)]
pub struct Blocks {
    /// Blocks that will not change any more, each one element. This only grows, as long as `life` stays.
    pub finished: Vec<Arc<str>>,
    /// The last block as far as it has come.
    pub open: String,
    /// How often this had to start over, because a text did not continue the one before. HTML of another life is to be
    /// discarded.
    pub life: u32,
    text: String,
    /// Where the open block starts.
    start: usize,
    /// Behind the last whole line: up to here the text is cut into blocks.
    whole: usize,
    /// The open block, if it is a code block.
    fence: Option<Fence>,
    /// The complexity of the whole lines.
    gauge: Gauge,
    /// The text is shown without Markdown, because parsing it would be too slow.
    is_plain: bool,
    /// Its HTML became too long, so it is shown as it stands from here on.
    is_swollen: bool,
}

impl Blocks {
    /// Takes the text so far, all of it.
    ///
    /// The cost is that of rendering the open block, about 1 ms in the browser for each 10 KB of it, and of comparing
    /// the rest with what was there before (1 ms for each MB). An open code block costs only what is new. A table or a
    /// list of 200 KB takes 20 to 35 ms each time: draw at most once a frame, and after a drawing wait a few times as
    /// long as it took.
    pub fn update(&mut self, text: &str) {
        self.grow(text);
        self.draw(calm(&self.text[self.start..]).len(), true);
        let html_bytes = self.open.len() + self.finished.iter().map(|html| html.len()).sum::<usize>();
        if !self.is_plain && most_html(&self.text) < html_bytes {
            self.is_swollen = true;
            self.grow(text);
            self.draw(self.text.len(), false);
        }
    }

    /// Shows also what [`update`](Self::update) holds back: the end of the text is the end.
    pub fn finish(&mut self) {
        self.draw(self.text.len() - self.start, false);
    }

    fn grow(&mut self, text: &str) {
        let text = normalized(text);
        if !text.starts_with(&self.text) {
            *self = Self { life: self.life + 1, ..Self::default() };
        }
        self.text.push_str(&text[self.text.len()..]);
        let new = self.whole..self.text.rfind('\n').map_or(0, |newline| newline + 1);
        self.whole = new.end;
        // The decision is that of `render`, but each whole line is read only once.
        self.gauge = self.text[new.clone()].lines().fold(self.gauge, Gauge::with);
        let is_dear =
            self.is_swollen || self.text.len() > MAX_RENDER_BYTES || self.gauge.with(&self.text[new.end..]).is_over();
        let was_plain = std::mem::replace(&mut self.is_plain, is_dear);
        if is_dear && !was_plain {
            self.start = 0;
            self.fence = None;
            self.finished.clear();
            self.life += 1;
        }
        if !is_dear && (was_plain || !new.is_empty()) {
            self.cut();
        }
    }

    /// Finishes all blocks but the last of the whole lines.
    fn cut(&mut self) {
        let whole = self.whole;
        loop {
            if let Some(fence) = &mut self.fence {
                let Some(after) = fence.advance(&self.text, whole) else { return };
                let mut html = String::new();
                fence.draw(&mut html, "");
                self.finished.push(html.into());
                self.fence = None;
                self.start = after;
            }
            let mut blocks = all_blocks(&self.text[self.start..whole]);
            // The blocks after it may become part of a formula that is still open.
            let Some(last) = blocks.iter().rposition(|block| block.is_settled) else { return };
            self.start += blocks[last].start;
            self.finished.extend(blocks.drain(..last).map(|block| Arc::from(block.html)));
            self.fence = Fence::open(&self.text[..whole], self.start);
            if self.fence.is_none() {
                return;
            }
        }
    }

    /// Writes the open block, as far as `length` goes; `completes` the marks at its end.
    fn draw(&mut self, length: usize, completes: bool) {
        let end = self.start + length;
        if self.is_plain {
            self.open = plain(&self.text);
        } else if let Some(fence) = &self.fence {
            fence.draw(&mut self.open, &self.text[self.whole..end.max(self.whole)]);
        } else {
            let text = &self.text[self.start..end];
            let text = if completes { completed(text) } else { text.into() };
            self.open = all_blocks(&text).into_iter().map(|block| block.html).collect();
        }
    }
}

fn all_blocks(text: &str) -> Vec<Block> {
    render_blocks(text, &Plain, usize::MAX).unwrap_or_default()
}

/// `open` without a last line that is still ambiguous: `-` might make a heading of the paragraph above before it turns
/// out to start a list, and a fence would show half the name of its language.
fn calm(open: &str) -> &str {
    let (before, last) = open.split_at(open.rfind('\n').map_or(0, |newline| newline + 1));
    let marks = last.trim_start();
    let is_fence = marks.starts_with("```") || marks.starts_with("~~~");
    let is_undecided = is_fence || marks.bytes().all(|byte| b" \t#>*+-_=`~|:.)0123456789".contains(&byte));
    if is_undecided { before } else { open }
}
