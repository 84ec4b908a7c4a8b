//! Watches a viewer's access to a conversation, and its other viewers. The journal knows neither.

use crate::error::Problem;
use crate::model::{Access, ConversationId};
use crate::server::State;
use crate::server::audience::Changes;
use crate::server::grants::{OpenView, ViewChanges};
use crate::server::principal::ViewerId;
use crate::server::public;
use crate::server::site_view::Eyes;
use crate::server::transport::presence::Others;
use crate::server::transport::{Frame, filtered};
use crate::server::waiting::Rarely;
use crate::wire::Presence;
use jiff::Timestamp;
use std::time::Duration;

pub(super) struct AccessWatch {
    viewer: ViewerId,
    conversation: ConversationId,
    place: OpenView,
    /// The access that the viewer was last told. None: none any more.
    access: Option<Access>,
    /// Whether the viewer may see the names of the people here.
    names: bool,
    /// How the viewer sees a conversation of a site.
    eyes: Option<Box<Eyes>>,
    /// Since when the viewer has access, where the conversation is another's.
    since: Option<String>,
    /// Whether the access must be checked again.
    is_unsure: bool,
    /// None for a reader with the public link: such readers are anonymous, and see no other viewers.
    company: Option<Others>,
    /// What [`Self::stirred`] waits for: one registration, which stays while events pass.
    stirring: Option<Rarely<'static, Stirred>>,
}

/// What has changed.
enum Stirred {
    Access,
    Company,
}

/// The result of a check.
pub(super) enum Change {
    Nothing,
    /// The viewer's access has changed, or could not be checked for a while.
    OtherAccess,
    /// The viewer's access was withdrawn.
    Withdrawn,
    Others(Presence),
}

impl AccessWatch {
    pub(super) async fn begin(state: &State, viewer: ViewerId, conversation: ConversationId) -> Result<Self, Problem> {
        let stay = Self::unseen(state, viewer, conversation).await?;
        let company = match viewer {
            ViewerId::Account(account) => Some(Others::enter(state, conversation, account)),
            // Nor do a visitor and an agent see each other here.
            ViewerId::Public(_) | ViewerId::Visitor(_) | ViewerId::Agent(_) => None,
        };
        Ok(Self { company, ..stay })
    }

    /// Begins a watch for a viewer who is not shown to others, and sees no others.
    pub(super) async fn unseen(state: &State, viewer: ViewerId, conversation: ConversationId) -> Result<Self, Problem> {
        // Registered before the check: a withdrawal from now on finds it.
        let place = state.grants.places.take(viewer, conversation);
        let stored = state.store.conversation_for(viewer, conversation).await?;
        let eyes = Eyes::of(&state.store, viewer, stored.site).await?.map(Box::new);
        let (access, names, since) = (Some(stored.access), stored.names, stored.since);
        let (is_unsure, company, stirring) = (false, None, None);
        Ok(Self { viewer, conversation, place, access, names, eyes, since, is_unsure, company, stirring })
    }

    /// Whether the viewer is not shown everything.
    pub(super) fn is_filtered(&self) -> bool {
        matches!(self.viewer, ViewerId::Public(_)) || self.eyes.is_some()
    }

    /// The frame as the viewer sees it.
    pub(super) fn shown(&self, frame: Frame) -> Frame {
        match &self.eyes {
            Some(eyes) => filtered(frame, |event| eyes.event(event)),
            None => filtered(frame, |event| public::event(event, self.names)),
        }
    }

    /// How long the viewer has had access; none where the conversation is their own. Earlier events are not for them,
    /// also where they had access until it was withdrawn. A time that cannot be parsed counts as 0.
    pub(super) fn age(&self) -> Option<Duration> {
        let since = self.since.as_ref()?.parse().ok().map(|since: Timestamp| Timestamp::now().duration_since(since));
        Some(since.and_then(|age| age.try_into().ok()).unwrap_or_default())
    }

    pub(super) fn is_withdrawn(&self) -> bool {
        self.access.is_none()
    }

    /// What happened to the access since the last check.
    pub(super) fn changes(&self) -> ViewChanges {
        self.place.changes()
    }

    /// Whether a check may find something.
    pub(super) fn has_to_look(&self) -> bool {
        self.is_unsure || self.company.as_ref().is_some_and(|company| company.has_to_look())
    }

    /// Completes when a check may find something. Cancel-safe.
    pub(super) async fn stirred(&mut self) {
        let Self { place, company, stirring, is_unsure, .. } = self;
        let begin = || {
            let (mut place, mut company) = (place.changes(), company.as_ref().map(Others::changes));
            // Each future is made where it is waited for: handed over, it would take its space twice.
            Rarely::new(async move {
                tokio::select! {
                    biased;
                    () = place.next() => Stirred::Access,
                    Some(()) = next(company.as_mut()) => Stirred::Company,
                }
            })
        };
        let stirred = stirring.get_or_insert_with(begin).await;
        *stirring = None;
        match (stirred, company) {
            (Stirred::Access, _) => *is_unsure = true,
            (Stirred::Company, company) => company.iter_mut().for_each(Others::stir),
        }
    }

    pub(super) async fn look(&mut self, state: &State) -> Change {
        if self.is_unsure {
            // Before the check: a change from now on is seen.
            self.place.checks();
            let before = (self.access, self.since.take());
            (self.access, self.since) = access_now(state, self.viewer, self.conversation).await;
            self.is_unsure = false;
            match self.access {
                None => return Change::Withdrawn,
                now if (now, &self.since) != (before.0, &before.1) => return Change::OtherAccess,
                _ => {}
            }
        }
        match &mut self.company {
            Some(company) => company.look(state).await.map_or(Change::Nothing, Change::Others),
            None => Change::Nothing,
        }
    }
}

async fn access_now(state: &State, viewer: ViewerId, conversation: ConversationId) -> (Option<Access>, Option<String>) {
    match state.store.conversation_for(viewer, conversation).await {
        Ok(stored) => (Some(stored.access), stored.since),
        Err(sqlx::Error::RowNotFound) => (None, None),
        Err(error) => {
            tracing::warn!(%error, "Whether a viewer may go on could not be looked at");
            (None, None)
        }
    }
}

/// The next change of the company; none where there is no company.
async fn next(company: Option<&mut Changes>) -> Option<()> {
    company?.next().await;
    Some(())
}
