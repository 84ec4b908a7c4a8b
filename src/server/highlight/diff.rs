//! Differences between files, line by line.

use super::{Spans, class};

pub(super) fn read(text: &str, spans: &mut Spans) {
    for line in text.split_inclusive('\n') {
        let class = match line.as_bytes().first() {
            _ if line.starts_with("+++") || line.starts_with("---") || line.starts_with("diff ") => class::HEADING,
            Some(b'+') => class::INSERTED,
            Some(b'-') => class::DELETED,
            Some(b'@') => class::KEYWORD,
            _ => class::NONE,
        };
        spans.push(class, line);
    }
}
