//! How a visitor's message comes in, and what a visitor may change.

use super::call::{Call, VisitorSays, Who};
use crate::contract::site::AnsweredBy;
use crate::error::Problem;
use crate::model::{AssignmentState, ConversationId, Named};
use crate::server::store::conversations::Stored;
use crate::server::store::desk::changes::{By, Transition, Waits};
use crate::server::store::desk::entering::Entry;
use crate::server::store::desk::{Assigned, visitor_name};
use crate::server::times::ago;
use std::time::Duration;

/// How long after its end a conversation is opened again by a message.
const REOPENS: Duration = Duration::from_secs(7 * 86_400);

/// A conversation that a visitor is about to begin.
pub(super) fn planned(call: &Call, who: Who, conversation: ConversationId) -> Stored {
    let owner = Named { id: who.account, name: visitor_name(who.account) };
    Stored { site: Some(call.site.id), ..Stored::planned(conversation, owner, Default::default()) }
}

/// How a message comes in, and whether the model answers it.
pub(super) fn entry(
    call: &Call,
    says: &VisitorSays,
    assigned: Option<&Assigned>,
    is_answered: bool,
) -> Result<(Entry, bool), Problem> {
    let answers = is_answered && call.site.answered_by == AnsweredBy::Assistant;
    let first = if answers { AssignmentState::Assistant } else { AssignmentState::Waiting };
    let Some(assigned) = assigned else {
        let new = says.begins.clone().filter(|_| call.visitor.is_none());
        return Ok((Entry::Begins { new, state: first }, answers));
    };
    match assigned.state {
        AssignmentState::Assistant if answers => Ok((Entry::Assistant, true)),
        AssignmentState::Assistant => {
            Ok((Entry::Changes(asks(call, assigned, "limit", "the budget is used up")), false))
        }
        AssignmentState::Waiting | AssignmentState::Agent => Ok((Entry::People, false)),
        AssignmentState::Closed => {
            let is_over = assigned.closed_at.as_ref().is_none_or(|at| *at < ago(REOPENS));
            if is_over {
                return Err(Problem::Conflict(call.site.texts.closed.clone()));
            }
            let again = asks(call, assigned, "site", "written again");
            let waits = if answers { Waits::No } else { Waits::Now };
            Ok((Entry::Changes(Transition { from: &[AssignmentState::Closed], to: first, waits, ..again }), answers))
        }
    }
}

/// Whether a person is awaited from here on.
pub(super) fn begins_to_wait(entry: &Entry) -> bool {
    match entry {
        Entry::Begins { state, .. } => *state == AssignmentState::Waiting,
        Entry::Changes(change) => change.to == AssignmentState::Waiting,
        Entry::Assistant | Entry::People => false,
    }
}

/// A person is asked for.
fn asks(call: &Call, assigned: &Assigned, asked_by: &'static str, why: &'static str) -> Transition {
    Transition {
        from: &[AssignmentState::Assistant],
        number: Some(assigned.number),
        to: AssignmentState::Waiting,
        agent: None,
        by: By::Visitor(call.token),
        why,
        asked_by: Some(asked_by),
        instruction: assigned.instruction.clone(),
        waits: Waits::Now,
        seen: None,
        ended: None,
    }
}

/// What a visitor may change.
pub(super) fn change(call: &Call, assigned: &Assigned, to: AssignmentState) -> Result<Transition, Problem> {
    const OPEN: &[AssignmentState] = &[AssignmentState::Assistant, AssignmentState::Waiting, AssignmentState::Agent];
    let not_now = || Problem::Conflict("That is not possible at the moment.".into());
    let asks = asks(call, assigned, "visitor", "asked for a person");
    match (assigned.state, to) {
        (AssignmentState::Assistant, AssignmentState::Waiting) if call.site.handoff.button => Ok(asks),
        (AssignmentState::Waiting, AssignmentState::Assistant) if call.site.answered_by == AnsweredBy::Assistant => {
            let waited = Duration::from_secs(call.site.handoff.wait_seconds.into());
            if ago(waited) < assigned.since {
                let message = "A person is being asked for. Wait a little longer, or go on in a moment.".into();
                return Err(Problem::TooMany { message, retry_after_seconds: waited.as_secs().max(1) });
            }
            let from = &[AssignmentState::Waiting];
            Ok(Transition { from, to, why: "went on with the assistant", waits: Waits::No, ..asks })
        }
        (AssignmentState::Assistant | AssignmentState::Waiting | AssignmentState::Agent, AssignmentState::Closed) => {
            Ok(Transition { from: OPEN, to, why: "closed", waits: Waits::No, ..asks })
        }
        _ => Err(not_now()),
    }
}
