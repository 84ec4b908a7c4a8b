//! The few tags that models write for what Markdown has no marks for: `H<sub>2</sub>O`, `<kbd>Ctrl</kbd>`. They count
//! without attributes, closed within the same element, and soon; any other tag is text.

use super::page::Page;

const NAMES: [&str; 4] = ["kbd", "mark", "sub", "sup"];

/// The HTML between such a tag and its end: they are for a few words, and what is written is moved once they are known
/// to be tags.
const MAX_INSIDE_BYTES: usize = 500;

/// A tag that is text until its end comes.
pub(super) struct Small {
    name: &'static str,
    /// Where its text stands in what was written.
    at: usize,
    /// The depth of the element that it stands in.
    depth: usize,
}

impl Page<'_> {
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

    /// Makes tags of the last one that is open and of its end.
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

    /// What was open in an element that has ended stays text.
    pub(super) fn forget_small(&mut self) {
        while self.small.pop_if(|open| open.depth > self.depth).is_some() {}
    }
}
