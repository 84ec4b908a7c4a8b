//! A revocation ends what was authorised by it: in this process immediately, and within a quarter of a second where
//! another process has revoked it (promise S14). The same round looks which replies of this process others want to be
//! stopped, and what they have changed.

use super::State;
use super::grants::Grant;
use super::journal::Topic;
use super::principal::Principal;
use super::session::holds;
use super::store::news::{KEEP, News};
use super::store::revocations::{Noted, Revoked};
use super::store::watching::{Asked, Seen};
use super::task::round;
use crate::error::Problem;
use crate::event::Event;
use crate::model::{AccountId, ConversationId};
use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep};

/// How often to look. A stream has to end within a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// On SQLite, in one of this number of rounds it is looked whether another process wants a reply to be stopped: there is
/// another one only during an update, and SQLite reads the whole of each open reply for it.
const STOPS: u64 = 4;
/// A node that could not look for as long may have missed something: half the time for which news is kept, so that what
/// was deleted between the two looks was seen by the first.
const MISSED: Duration = Duration::from_secs(KEEP.as_secs() / 2);

/// Registers a stream that a revocation can end.
///
/// # Errors
/// 401: the caller's credential was revoked concurrently.
pub async fn grant(state: &State, who: Principal) -> Result<Grant, Problem> {
    let grant = state.grants.take(who);
    // Checked again after registering: a revocation from now on finds the registration.
    if holds(state, who).await? { Ok(grant) } else { Err(Problem::Unknown) }
}

/// Ends all running work of a disabled or deleted account.
async fn stop_what_it_pays_for(state: &State, revoked: Revoked) {
    let Revoked::Account(account) = revoked else { return };
    let gone = match state.store.account(account).await {
        Ok(account) => account.disabled,
        Err(error) => matches!(error, sqlx::Error::RowNotFound),
    };
    if gone {
        state.engine.stop_all(account).await;
        state.journals.end(Topic::Account(account), None);
    }
}

/// Looks what other processes have withdrawn, want to be stopped and have changed, until the server is dropped.
pub async fn watch(state: Weak<super::Shared>, mut seen: Seen) {
    let mut last = Last::now(String::new());
    for number in 0_u64.. {
        sleep(LOOK_EVERY).await;
        let Some(state) = state.upgrade() else { return };
        let state = State(state);
        round(&state.metrics, "revocations", look(&state, &mut seen, &mut last, number)).await;
    }
}

/// The last look that found out what there was.
struct Last {
    began: Instant,
    /// The clock that goes on while the machine is suspended.
    by_wall: SystemTime,
    /// What this process was called. Empty: there was no look yet.
    process: String,
}

impl Last {
    fn now(process: String) -> Self {
        Self { began: Instant::now(), by_wall: SystemTime::now(), process }
    }

    /// Whether what was written before `next` may have been deleted unseen: the last look is too long ago, or the others
    /// have taken this process for dead since.
    fn has_missed(&self, next: &Self) -> bool {
        let by_wall = next.by_wall.duration_since(self.by_wall).unwrap_or_default();
        let away = next.began.duration_since(self.began).max(by_wall);
        MISSED <= away || (!self.process.is_empty() && self.process != next.process)
    }
}

async fn look(state: &State, seen: &mut Seen, last: &mut Last, number: u64) {
    let this = Last::now(state.store.process().to_owned());
    let stops = match state.store.has_nodes() {
        // Also those that nobody writes any more.
        true => true,
        false => number.is_multiple_of(STOPS) && state.engine.open_replies() != 0,
    };
    match state.store.look_around(seen, stops).await {
        Ok(Asked { revoked, stops, news, has_gone_back }) => {
            if has_gone_back {
                // Numbers of revocations are given a second time, too.
                match state.store.watch_from_now().await {
                    Ok(now) => *seen = now,
                    Err(error) => return tracing::warn!(%error, "The database has gone back, and is not answering"),
                }
            }
            if state.store.has_nodes() && (has_gone_back || last.has_missed(&this)) {
                tracing::warn!("What other nodes have changed may have been missed: everything is looked at again");
                tokio::spawn(look_at_everything(state.clone()));
            }
            *last = this;
            state.engine.stop_asked(stops);
            cut(state, &revoked).await;
            if !news.is_empty() {
                tokio::spawn(super::news::look_again(Arc::downgrade(&state.0), news));
            }
        }
        Err(error) => tracing::warn!(%error, "What other processes have withdrawn could not be looked at"),
    }
}

/// Has all viewers look again, and cuts off those whose credential does not hold any more.
async fn look_at_everything(state: State) {
    let everything = state.journals.conversations().into_iter().map(News::Conversation);
    let everything = everything.chain(state.journals.lists().into_iter().map(News::Account));
    // None of it is known to be of a node that is cut off.
    let everything = everything.map(|news| (news, String::new())).collect();
    tokio::spawn(super::news::look_again(Arc::downgrade(&state.0), everything));
    state.grants.check_all();
    cut_what_does_not_hold(&state).await;
}

async fn cut_what_does_not_hold(state: &State) {
    for who in state.grants.holders() {
        match holds(state, who).await {
            Ok(true) => {}
            Ok(false) => state.grants.cut(who),
            // In doubt it goes, and comes back where it may.
            Err(problem) => {
                tracing::warn!(%problem, "Whether a stream is still allowed could not be looked at");
                state.grants.cut(who);
            }
        }
    }
}

/// Cuts what rests on these, in their order. What takes longer is done afterwards, one after the other, and delays no later cut.
async fn cut(state: &State, revoked: &[Noted]) {
    let gone = gone_elsewhere(state, revoked).await;
    for Noted { revoked, is_ours } in revoked.iter().copied() {
        // Before any viewer checks again: it is then told that the conversation is deleted. What this process has deleted
        // has no journal any more, or the one of a conversation that was brought back.
        if let Revoked::Conversation(conversation) = revoked
            && gone.contains(&conversation)
        {
            state.journals.end(Topic::Conversation(conversation), Some(Event::Deleted { conversation }));
        }
        state.grants.revoke(revoked);
        // The conversations that the agent had wait for another one.
        if let Revoked::Agent(agent) = revoked {
            tokio::spawn(look_at_released(state.clone(), agent));
        }
        // Another process has told its own viewers only that the list has changed.
        if let Revoked::Share(account, _) = revoked
            && !is_ours
        {
            state.journals.look_again(Topic::Account(account));
        }
    }
    let accounts = revoked.iter().map(|noted| noted.revoked).filter(|it| matches!(it, Revoked::Account(_)));
    let accounts: Vec<_> = accounts.collect();
    if !accounts.is_empty() {
        let state = state.clone();
        tokio::spawn(async move {
            for revoked in accounts {
                stop_what_it_pays_for(&state, revoked).await;
            }
        });
    }
}

/// Has the viewers here look at conversations whose agent was taken away.
async fn look_at_released(state: State, agent: AccountId) {
    match state.store.released_from(agent).await {
        Ok(released) => {
            released.into_iter().for_each(|conversation| state.journals.look_again(Topic::Conversation(conversation)))
        }
        Err(error) => tracing::warn!(%error, "Conversations without an agent could not be looked at"),
    }
}

/// The conversations that another process has deleted, or marked, and that were not brought back meanwhile. In doubt their
/// viewers are sent away, and come back.
async fn gone_elsewhere(state: &State, revoked: &[Noted]) -> HashSet<ConversationId> {
    let deleted = revoked.iter().filter_map(|noted| match noted.revoked {
        // Without a journal there is nobody to be told.
        Revoked::Conversation(conversation) if !noted.is_ours => {
            state.journals.is_kept(Topic::Conversation(conversation)).then_some(conversation)
        }
        _ => None,
    });
    let deleted: Vec<_> = deleted.collect();
    state.store.gone_of(&deleted).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "Whether conversations are deleted could not be looked at");
        deleted.into_iter().collect()
    })
}
