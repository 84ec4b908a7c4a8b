//! Which channels a principal may use: checked when a signature is given, on subscribing with it, and on resuming.

use crate::error::Problem;
use crate::model::{Access, AccountId, ConversationId};
use crate::server::State;
use crate::server::channels::Channel;
use crate::server::principal::{Principal, ViewerId};

/// Whether this caller may listen.
///
/// # Errors
/// 403, whatever the reason: the channel does not exist, is another's, or is not one of Rivulet's.
pub async fn may_listen(state: &State, who: Principal, channel: Channel) -> Result<(), Problem> {
    match channel {
        Channel::Conversation(id) => reader(state, who, id).await.map(|_| ()),
        Channel::Audience(id) => match state.store.conversation(who.account, id).await {
            Ok(_) => Ok(()),
            Err(sqlx::Error::RowNotFound) => Err(not_yours()),
            Err(error) => Err(error.into()),
        },
        Channel::Account(id) if id == who.account => Ok(()),
        Channel::Account(_) | Channel::Other => Err(not_yours()),
    }
}

/// As what this caller may follow a conversation: as an account that has it, or as an agent of its site.
async fn reader(state: &State, who: Principal, id: ConversationId) -> Result<ViewerId, Problem> {
    let found = state.store.conversation(who.account, id).await.map(|_| ViewerId::Account(who.account));
    let found = match found {
        Err(sqlx::Error::RowNotFound) if who.role.may_answer() => {
            let agent = ViewerId::Agent(who.account);
            state.store.conversation_for(agent, id).await.map(|_| agent)
        }
        found => found,
    };
    found.map_err(|error| match error {
        sqlx::Error::RowNotFound => not_yours(),
        error => error.into(),
    })
}

/// Whether this caller may send client events there: only callers who may write in a conversation may whisper in it.
pub(super) async fn may_speak(state: &State, who: Principal, channel: Channel) -> bool {
    match channel {
        Channel::Conversation(id) | Channel::Audience(id) => {
            let allowed = async { state.store.conversation(who.account, id).await?.allows(Access::Participant) };
            who.may_write() && allowed.await.is_ok()
        }
        Channel::Account(_) | Channel::Other => false,
    }
}

/// The owner of a conversation: a channel that a backend signs is shown as its owner sees it.
pub(super) async fn owner(state: &State, conversation: ConversationId) -> Result<AccountId, Problem> {
    state.store.owner(conversation).await.map_err(|error| match error {
        sqlx::Error::RowNotFound => not_yours(),
        error => error.into(),
    })
}

pub fn not_yours() -> Problem {
    Problem::Forbidden("There is no such channel, or it is not yours to listen to.".into())
}
