//! The few tags that models write for what Markdown has no marks for: `H<sub>2</sub>O`, `<kbd>Ctrl</kbd>`. They count
//! without attributes, closed within the same element, and soon; any other tag is text.

use super::Page;
use crate::markdown::Finish;

const NAMES: [&str; 4] = ["kbd", "mark", "sub", "sup"];

/// The maximum length of the HTML between such a tag and its end: they are for a few words, and the HTML after the tag
/// is moved once its end is found.
const MAX_INSIDE_BYTES: usize = 500;

/// An opening tag that stays text until its end is found.
pub(super) struct Small {
    name: &'static str,
    /// The position of its text in the output.
    at: usize,
    /// The depth of the element around it.
    depth: usize,
}

impl<F: Finish> Page<'_, F> {
    pub(super) fn inline_html(&mut self, html: &str) {
        let tag = html.strip_prefix('<').and_then(|tag| tag.strip_suffix('>')).unwrap_or_default();
        let named = |name: &str| NAMES.into_iter().find(|known| *known == name);
        if self.link.is_some() {
            self.wrapped("", html, "");
        } else if let Some(name) = named(tag) {
            self.small.push(Small { name, at: self.out.len(), depth: self.depth });
            self.wrapped("", html, "");
        } else if !tag.strip_prefix('/').and_then(named).is_some_and(|name| self.close_small(name)) {
            self.wrapped("", html, "");
        }
    }

    /// Turns the last open one and its end into tags.
    fn close_small(&mut self, name: &str) -> bool {
        let Some(open) = self.small.pop_if(|open| open.name == name && open.depth == self.depth) else { return false };
        let text = format!("&lt;{name}&gt;");
        if open.at + text.len() + MAX_INSIDE_BYTES < self.out.len() {
            return false;
        }
        self.out.replace_range(open.at..open.at + text.len(), &format!("<{name}>"));
        self.out.push_str(&format!("</{name}>"));
        true
    }

    /// Tags that are still open when their element ends stay text.
    pub(super) fn forget_small(&mut self) {
        while self.small.pop_if(|open| open.depth > self.depth).is_some() {}
    }
}
