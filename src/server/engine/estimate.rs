//! Estimated tokens, where no provider has counted them.

use crate::event::Draft;
use crate::model::Usage;
use crate::server::picture::Picture;
use crate::server::provider::{Request, Turn};

/// About right for English in the vocabularies of today's models. Other languages and code take more tokens, which is
/// why an estimate is always labelled as one.
const CHARACTERS_PER_TOKEN: usize = 4;

/// What Anthropic counts for an image, and about what others do: one token per `PIXELS_PER_TOKEN` pixels ...
const PIXELS_PER_TOKEN: u64 = 750;
/// ... and at most this many, because larger images are scaled down for the model.
const MAX_TOKENS_PER_IMAGE: u64 = 1_600;

/// The estimate for a text of this many characters.
pub fn tokens(characters: usize) -> u64 {
    characters.div_ceil(CHARACTERS_PER_TOKEN) as u64
}

/// The most characters of texts that are estimated at this many tokens.
pub(super) fn characters(tokens: u64) -> u64 {
    tokens.saturating_mul(CHARACTERS_PER_TOKEN as u64)
}

/// The estimate for an image.
fn image(picture: &Picture) -> u64 {
    let pixels = u64::from(picture.width) * u64::from(picture.height);
    pixels.div_ceil(PIXELS_PER_TOKEN).min(MAX_TOKENS_PER_IMAGE)
}

/// The estimate for a turn, with its images.
pub(super) fn turn(turn: &Turn) -> u64 {
    tokens(turn.text.chars().count()) + images(turn)
}

fn images(turn: &Turn) -> u64 {
    turn.images.iter().map(|picture| image(picture)).sum()
}

/// The estimate for a request.
pub(super) fn asked(request: &Request) -> u64 {
    let turns: usize = request.turns.iter().map(|turn| turn.text.chars().count()).sum();
    tokens(request.system.chars().count() + turns) + request.turns.iter().map(images).sum::<u64>()
}

/// The usage of an interrupted reply: the provider's count or the estimate, whichever is larger.
pub(super) fn at_least(counted: Usage, draft: &Draft, kept: usize) -> Usage {
    let about = reply(counted.input_tokens, draft, kept);
    if counted.output_tokens < about.output_tokens { about } else { counted }
}

/// The provider's count, or where that is 0 the estimate: no request is read without a token, and no text written.
pub(super) fn filled(counted: Usage, asked: u64, draft: &Draft, kept: usize) -> Usage {
    let about = reply(asked, draft, kept);
    let or_about = |counted: u64, about: u64| if counted == 0 { about } else { counted };
    let input_tokens = or_about(counted.input_tokens, about.input_tokens);
    let output_tokens = or_about(counted.output_tokens, about.output_tokens);
    let is_counted = (input_tokens, output_tokens) == (counted.input_tokens, counted.output_tokens);
    Usage { input_tokens, output_tokens, estimated: counted.estimated || !is_counted, ..counted }
}

/// The estimate for a reply; `kept` characters of its text existed before it was requested.
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
        let counted = |output_tokens| Usage { output_tokens, ..Usage::default() };
        assert_eq!(at_least(counted(3), &draft, 4), counted(3));
        assert_eq!(at_least(counted(1), &draft, 4), Usage { estimated: true, ..counted(3) });
        let estimated = |input_tokens| Usage { input_tokens, estimated: true, ..counted(3) };
        assert_eq!(filled(counted(0), 7, &draft, 4), estimated(7));
        assert_eq!(filled(Usage { output_tokens: 0, ..estimated(9) }, 7, &draft, 4), estimated(9));
        assert!(!filled(Usage { estimated: false, ..estimated(9) }, 7, &draft, 4).estimated);
        assert_eq!(tokens(0), 0);
        assert_eq!(tokens(1), 1);
    }

    #[test]
    fn an_image_counts_by_its_pixels_up_to_what_a_model_is_shown() {
        let sized = |width, height| {
            let (hash, media_type) = (String::new(), String::new());
            let picture = Picture { hash, media_type, width, height, bytes: Default::default() };
            let images = vec![picture.into()];
            turn(&Turn { images, ..Turn::said(crate::model::Role::User, "1234") })
        };
        assert_eq!(sized(1, 1), 2);
        assert_eq!(sized(750, 1_000), 1_001);
        assert_eq!(sized(1_568, 1_568), 1_601);
    }
}
