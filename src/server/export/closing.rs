//! Closes open Markdown at the end of one message, so that it does not swallow the next: a reply cut within its code
//! leaves a fence open, and any text can leave a comment open.

use crate::markdown::source::without_tabs;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};
use std::ops::Range;

/// Tags whose blocks end only at their closing tag, regardless of blank lines.
const TAGS: [&str; 4] = ["script", "pre", "style", "textarea"];

/// The text to append to `text` on a new line; empty where nothing is open. A block inside a quote or a list ends with
/// it.
pub(super) fn closing(text: &str) -> String {
    let text: String = text.split_inclusive('\n').map(without_tabs).collect();
    let mut last = None;
    let mut depth = 0;
    for (event, range) in Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if depth == 0 {
                    last = Some((tag, range));
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            _ if depth == 0 => last = None,
            _ => {}
        }
    }
    let end = match last {
        Some((Tag::CodeBlock(CodeBlockKind::Fenced(_)), range)) => fence(&text, range),
        Some((Tag::HtmlBlock, range)) => html(&text[range]),
        _ => None,
    };
    end.map(|end| format!("\n{end}")).unwrap_or_default()
}

/// A fence longer than any in the text, where the block has none at its end.
fn fence(text: &str, block: Range<usize>) -> Option<String> {
    let mark = text[block.start..].chars().next()?;
    let run = |line: &str| line.len() - line.trim_start_matches(mark).len();
    let mut lines = text[block].lines();
    let opened = run(lines.next()?);
    let is_closed = lines.next_back().map(str::trim).is_some_and(|last| opened <= run(last) && run(last) == last.len());
    let longest = text.split(|c| c != mark).map(str::len).max()?;
    (!is_closed).then(|| mark.to_string().repeat(longest + 1))
}

/// The end of a block that a comment or a tag has opened, where it is missing.
fn html(block: &str) -> Option<String> {
    let block = block.trim_start().to_ascii_lowercase();
    let marks = [("<!--", "-->"), ("<![cdata[", "]]>"), ("<?", "?>"), ("<!", ">")];
    if let Some((_, end)) = marks.iter().find(|(start, _)| block.starts_with(start)) {
        return (!block.contains(end)).then(|| (*end).into());
    }
    let behind = |tag: &str| block.strip_prefix('<')?.strip_prefix(tag)?.chars().next();
    let is_one = |tag: &&str| {
        let name = block.strip_prefix('<').and_then(|name| name.strip_prefix(*tag));
        name.is_some() && behind(tag).is_none_or(|c| c.is_whitespace() || c == '>')
    };
    let tag = TAGS.iter().find(|tag| is_one(tag))?;
    let is_closed = TAGS.iter().any(|tag| block.contains(&format!("</{tag}>")));
    (!is_closed).then(|| format!("</{tag}>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z22_what_is_open_is_closed_and_nothing_else() {
        for (text, end) in [
            ("Run this:\n\n```sh\nmake all\nmake ins", "\n````"),
            ("~~~\na\n```\n~~~~~ x", "\n~~~~~~"),
            ("```", "\n````"),
            ("```\n", "\n````"),
            ("````\na\n```", "\n`````"),
            ("a\n\n<!-- b\n\nc", "\n-->"),
            ("<pre>\n\na", "\n</pre>"),
            ("<STYLE>", "\n</style>"),
            ("<?php\n\na", "\n?>"),
            ("<![CDATA[ a", "\n]]>"),
            ("```\na\n```", ""),
            ("```\na\n```\t\nb", ""),
            ("```\na\n  ```` \t\n", ""),
            ("- ```\n  a", ""),
            ("> <!-- a", ""),
            ("    ```\n    a", ""),
            ("a <!-- b", ""),
            ("<!-- a -->", ""),
            ("<pre>a</pre>", ""),
            ("<prefix>\na", ""),
            ("<div>\na", ""),
            ("```\na\n```\n---", ""),
            ("", ""),
        ] {
            assert_eq!(closing(text), end, "{text:?}");
        }
    }
}
