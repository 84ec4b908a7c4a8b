//! Tokens where no provider has counted them.

use crate::event::Draft;
use crate::model::Usage;
use crate::server::provider::Request;

/// About right for English in the vocabularies of today's models. Other languages and code take more tokens, which is
/// why an estimate is always called one.
const CHARACTERS_PER_TOKEN: usize = 4;

/// What a text of so many characters is about.
pub(super) fn tokens(characters: usize) -> u64 {
    characters.div_ceil(CHARACTERS_PER_TOKEN) as u64
}

/// What a request is about.
pub(super) fn asked(request: &Request) -> u64 {
    let turns: usize = request.turns.iter().map(|turn| turn.text.chars().count()).sum();
    tokens(request.system.chars().count() + turns)
}

/// What a reply is about; `kept` characters of its text were there before it was asked for.
pub(super) fn reply(asked: u64, draft: &Draft, kept: usize) -> Usage {
    let written = (draft.text.chars().count() + draft.thinking.chars().count()).saturating_sub(kept);
    Usage { input_tokens: asked, output_tokens: tokens(written), estimated: true, cost_micros: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;

    #[test]
    fn an_estimate_counts_characters_of_any_width_and_only_what_is_new() {
        let draft = Draft { text: "éééé12345678".into(), thinking: "hmmm".into(), ..Draft::new(MessageId::new()) };
        let usage = reply(7, &draft, 4);
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.estimated), (7, 3, true));
        assert_eq!(tokens(0), 0);
        assert_eq!(tokens(1), 1);
    }
}
