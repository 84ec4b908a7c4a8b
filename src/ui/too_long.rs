//! How long a message is, in words, where that matters.

use crate::amount::number;
use crate::contract::MAX_MESSAGE;

/// From this length on it is said.
const NEAR: usize = MAX_MESSAGE - MAX_MESSAGE / 10;

/// Says how long the text is; none while it is far from the limit.
pub fn words(text: &str) -> Option<String> {
    // Each character has at least a byte.
    if text.len() < NEAR {
        return None;
    }
    let length = text.chars().count();
    let said = |length: usize| number(length as u64);
    match length.checked_sub(MAX_MESSAGE) {
        Some(1..) => Some(format!("{} characters too many", said(length - MAX_MESSAGE))),
        _ if length < NEAR => None,
        _ => Some(format!("{} of {} characters", said(length), said(MAX_MESSAGE))),
    }
}

/// Why the text cannot be sent.
pub fn refusal(text: &str) -> Option<String> {
    let length = text.chars().count();
    let more = length.checked_sub(MAX_MESSAGE).filter(|more| 0 < *more)?;
    let (most, more) = (number(MAX_MESSAGE as u64), number(more as u64));
    Some(format!("A message has at most {most} characters, and this one has {more} more."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u13_the_length_is_said_near_the_limit_and_by_how_much_it_is_passed() {
        let said = |length: usize| words(&"é".repeat(length));
        assert_eq!(said(20_000), None, "more bytes than characters");
        assert_eq!(said(28_799), None);
        assert_eq!(said(28_800).unwrap(), "28,800 of 32,000 characters");
        assert_eq!(said(32_000).unwrap(), "32,000 of 32,000 characters");
        assert_eq!(said(33_500).unwrap(), "1,500 characters too many");
        assert_eq!(refusal(&"é".repeat(32_000)), None);
        assert!(refusal(&"x".repeat(32_001)).unwrap().ends_with("has 1 more."));
    }
}
