//! A viewer's stay in a conversation: whether they still may look, and who else does. Neither is the journal's to know.

use super::company::Company;
use crate::error::Problem;
use crate::model::{Access, ConversationId};
use crate::server::State;
use crate::server::grants::Place;
use crate::server::principal::Viewer;
use crate::wire::Presence;
use jiff::Timestamp;
use std::time::Duration;

pub(super) struct Stay {
    viewer: Viewer,
    conversation: ConversationId,
    place: Place,
    /// What the viewer may do, as it was told last. None: nothing any more.
    access: Option<Access>,
    /// Whether the viewer may know who the people here are.
    names: bool,
    /// Since when the viewer may look, where the conversation is not theirs.
    since: Option<String>,
    /// Whether it is to look again what it may do.
    is_unsure: bool,
    /// None for whoever reads along by a public link: they are nobody, and are told of nobody.
    company: Option<Company>,
}

/// What a look has found.
pub(super) enum Seen {
    Nothing,
    /// The viewer may do something else than before, or could not look for a while.
    OtherAccess,
    /// The viewer may look no more.
    Withdrawn,
    Company(Presence),
}

impl Stay {
    pub(super) async fn begin(state: &State, viewer: Viewer, conversation: ConversationId) -> Result<Self, Problem> {
        let stay = Self::unseen(state, viewer, conversation).await?;
        let company = match viewer {
            Viewer::Account(account) => Some(Company::enter(state, conversation, account)),
            Viewer::Public(_) => None,
        };
        Ok(Self { company, ..stay })
    }

    /// The same for whoever is not seen to look, and sees nobody.
    pub(super) async fn unseen(state: &State, viewer: Viewer, conversation: ConversationId) -> Result<Self, Problem> {
        // Known here before it is asked: what is withdrawn from now on finds it.
        let place = state.grants.places.take(viewer, conversation);
        let stored = state.store.conversation_for(viewer, conversation).await?;
        let (access, names, since) = (Some(stored.access), stored.names, stored.since);
        Ok(Self { viewer, conversation, place, access, names, since, is_unsure: false, company: None })
    }

    pub(super) fn is_public(&self) -> bool {
        matches!(self.viewer, Viewer::Public(_))
    }

    pub(super) fn names(&self) -> bool {
        self.names
    }

    /// For how long the viewer has been allowed to look; none where the conversation is their own. What was told before is
    /// not for them, also where they could look until it was taken back. A time that cannot be read is none at all.
    pub(super) fn age(&self) -> Option<Duration> {
        let since = self.since.as_ref()?.parse().ok().map(|since: Timestamp| Timestamp::now().duration_since(since));
        Some(since.and_then(|age| age.try_into().ok()).unwrap_or_default())
    }

    pub(super) fn is_withdrawn(&self) -> bool {
        self.access.is_none()
    }

    /// Whether a look may find something.
    pub(super) fn has_to_look(&self) -> bool {
        self.is_unsure || self.company.as_ref().is_some_and(|company| company.has_to_look())
    }

    /// Comes when there is something to look at. Dropping the future loses nothing.
    pub(super) async fn stirred(&mut self) {
        let Self { place, company, is_unsure, .. } = self;
        let Some(company) = company else {
            place.changed().await;
            *is_unsure = true;
            return;
        };
        tokio::select! {
            biased;
            () = place.changed() => *is_unsure = true,
            () = company.stirred() => {}
        }
    }

    pub(super) async fn look(&mut self, state: &State) -> Seen {
        if self.is_unsure {
            let before = (self.access, self.since.take());
            (self.access, self.since) = self.access_now(state).await;
            self.is_unsure = false;
            match self.access {
                None => return Seen::Withdrawn,
                now if (now, &self.since) != (before.0, &before.1) => return Seen::OtherAccess,
                _ => {}
            }
        }
        match &mut self.company {
            Some(company) => company.look(state).await.map_or(Seen::Nothing, Seen::Company),
            None => Seen::Nothing,
        }
    }

    async fn access_now(&self, state: &State) -> (Option<Access>, Option<String>) {
        match state.store.conversation_for(self.viewer, self.conversation).await {
            Ok(stored) => (Some(stored.access), stored.since),
            Err(sqlx::Error::RowNotFound) => (None, None),
            Err(error) => {
                tracing::warn!(%error, "Whether a viewer may go on could not be looked at");
                (None, None)
            }
        }
    }
}
