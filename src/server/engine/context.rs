//! Which part of a long conversation a model is shown. The oldest questions are left out, each with its answers, until
//! the rest fits; the system prompt and the message to answer always stay. The reply says how many messages were left
//! out.

use super::estimate;
use crate::model::{Message, Parameters, Role};
use crate::server::provider::{Request, Turn};

/// The answer gets 1/`ANSWER_SHARE` of the window where the conversation does not set a limit.
const ANSWER_SHARE: u64 = 4;
/// At least 1/`QUESTION_SHARE` of the window is for the question, however long the answer may be.
const QUESTION_SHARE: u64 = 2;
/// 1/`MARGIN_SHARE` of the window is left free, because token counts are estimates.
const MARGIN_SHARE: u64 = 10;
/// Turns that always stay: the question; for a continued reply the question, the text so far, the request to continue.
const ANSWERED: usize = 1;
const CONTINUED: usize = 3;

/// The tokens that a request may have.
fn room(window: u64, parameters: &Parameters) -> u64 {
    let longest = parameters.max_output_tokens.map_or(window / ANSWER_SHARE, u64::from);
    window - longest.min(window - window / QUESTION_SHARE) - window / MARGIN_SHARE
}

/// The most characters that can be shown to a model with this window.
pub(super) fn characters(window: u64, parameters: &Parameters) -> i64 {
    i64::try_from(estimate::characters(room(window, parameters))).unwrap_or(i64::MAX)
}

/// Leaves out what does not fit into the model's window, in tokens; `earlier` messages were left out before. With an
/// unknown window nothing is left out.
pub(super) fn fit(window: Option<u64>, earlier: u32, request: &mut Request, reply: &mut Message) {
    let Some(window) = window else { return };
    let room = room(window, &request.parameters);
    let answered = if reply.text.trim().is_empty() { ANSWERED } else { CONTINUED };
    let first = first_shown(request, room, answered);
    request.turns.drain(..first);
    reply.left_out = u32::try_from(first).unwrap_or(u32::MAX).saturating_add(earlier);
}

/// Whether the model can read the whole request. With an unknown window, yes.
pub(super) fn fits(window: Option<u64>, request: &Request) -> bool {
    window.is_none_or(|window| estimate::asked(request) <= window - window / MARGIN_SHARE)
}

/// The oldest question from which on all turns fit; the last `answered` turns always stay.
fn first_shown(request: &Request, room: u64, answered: usize) -> usize {
    let before = request.turns.len().saturating_sub(answered);
    let (older, last) = request.turns.split_at(before);
    let fixed: u64 = last.iter().map(estimate::turn).sum();
    let system = estimate::tokens(request.system.chars().count());
    let mut left = room.saturating_sub(system + fixed);
    let fits = |(_, turn): &(usize, &Turn)| {
        let size = estimate::turn(turn);
        let enough = size <= left;
        left = left.saturating_sub(size);
        enough
    };
    let shown = older.iter().enumerate().rev().take_while(fits);
    shown.filter(|(_, turn)| turn.role == Role::User).last().map_or(before, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;

    /// Turns of these numbers of tokens, user and model alternating; the last is a user's.
    fn request(tokens: &[usize]) -> Request {
        let sides = [Role::User, Role::Assistant].into_iter().cycle();
        let turns = sides.zip(tokens).map(|(role, tokens)| Turn::said(role, "é".repeat(4 * tokens))).collect();
        Request { model: "m".into(), system: "s".repeat(40), turns, parameters: Parameters::default() }
    }

    fn left_out(window: Option<u64>, tokens: &[usize], kept: &str) -> u32 {
        let mut request = request(tokens);
        let reply = Message::opened(MessageId::new(), None, "m", String::new());
        let mut reply = Message { text: kept.into(), ..reply };
        fit(window, 0, &mut request, &mut reply);
        assert_eq!(request.turns.len() + reply.left_out as usize, tokens.len());
        assert_eq!(request.turns[0].role, Role::User, "it begins with a question");
        reply.left_out
    }

    #[test]
    fn what_fits_is_all_shown_and_an_unknown_window_is_not_guessed() {
        assert_eq!(left_out(Some(1_000), &[100, 100, 100], ""), 0);
        assert_eq!(left_out(None, &[1_000_000, 1_000_000, 5], ""), 0);
    }

    #[test]
    fn the_oldest_questions_go_with_their_answers() {
        // Of 1,000 tokens a quarter is for the answer, a tenth is left free, and the system prompt takes 10: 640.
        assert_eq!(left_out(Some(1_000), &[300, 200, 200, 200, 100], ""), 2);
        assert_eq!(
            left_out(Some(1_000), &[100, 300, 200, 200, 100], ""),
            2,
            "an answer does not stay without its question"
        );
        assert_eq!(left_out(Some(1_000), &[100, 100, 600, 100, 100], ""), 4, "nor a question in the middle");
    }

    #[test]
    fn what_is_to_be_answered_stays_however_long_it_is() {
        assert_eq!(left_out(Some(1_000), &[10, 10, 5_000], ""), 2);
        assert_eq!(left_out(Some(1_000), &[10, 10, 10, 5_000, 20], "so far"), 2);
        assert_eq!(left_out(Some(0), &[10, 10, 10], ""), 2);
    }
}
