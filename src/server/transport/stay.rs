//! A viewer's stay in a conversation: whether they still may look, and who else does. Neither is the journal's to know.

use crate::error::Problem;
use crate::event::{Looking, Presence};
use crate::model::{Access, AccountId, ConversationId};
use crate::server::State;
use crate::server::audience::{Member, Seat, Watch};
use crate::server::grants::Place;
use crate::server::viewer::Viewer;

pub(super) struct Stay {
    viewer: Viewer,
    conversation: ConversationId,
    place: Place,
    /// What the viewer may do, as it was told last. None: nothing any more.
    access: Option<Access>,
    /// Whether it is to look again what it may do.
    is_unsure: bool,
    /// None for whoever reads along by a public link: they are nobody, and are told of nobody.
    company: Option<Company>,
}

/// The others.
struct Company {
    account: AccountId,
    /// Whoever follows a conversation is seen to look at it.
    _seat: Seat,
    watch: Watch,
    /// Who was told to be there last.
    told: Vec<Member>,
    is_curious: bool,
}

/// What a look has found.
pub(super) enum Seen {
    Nothing,
    /// The viewer may do something else than before.
    OtherAccess,
    /// The viewer may look no more.
    Withdrawn,
    Company(Presence),
}

impl Stay {
    pub(super) async fn begin(state: &State, viewer: Viewer, conversation: ConversationId) -> Result<Self, Problem> {
        // Known here before it is asked: what is withdrawn from now on finds it.
        let place = state.grants.places.take(viewer, conversation);
        let access = Some(state.store.conversation_for(viewer, conversation).await?.access);
        let company = match viewer {
            Viewer::Account(account) => {
                let _seat = state.audience.enter(conversation, account);
                let watch = _seat.watch();
                Some(Company { account, _seat, watch, told: Vec::new(), is_curious: true })
            }
            Viewer::Public(_) => None,
        };
        Ok(Self { viewer, conversation, place, access, is_unsure: false, company })
    }

    pub(super) fn is_withdrawn(&self) -> bool {
        self.access.is_none()
    }

    /// Whether a look may find something.
    pub(super) fn has_to_look(&self) -> bool {
        self.is_unsure || self.company.as_ref().is_some_and(|company| company.is_curious)
    }

    /// Comes when there is something to look at. Dropping the future loses nothing.
    pub(super) async fn stirred(&mut self) {
        let others = async {
            match &mut self.company {
                Some(company) => {
                    company.watch.changed().await;
                    company.is_curious = true;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.place.changed() => self.is_unsure = true,
            () = others => {}
        }
    }

    pub(super) async fn look(&mut self, state: &State) -> Seen {
        if self.is_unsure {
            let before = self.access;
            self.access = self.access_now(state).await;
            self.is_unsure = false;
            match self.access {
                None => return Seen::Withdrawn,
                now if now != before => return Seen::OtherAccess,
                _ => {}
            }
        }
        match &mut self.company {
            Some(company) => company.look(state).await.map_or(Seen::Nothing, Seen::Company),
            None => Seen::Nothing,
        }
    }

    async fn access_now(&self, state: &State) -> Option<Access> {
        match state.store.conversation_for(self.viewer, self.conversation).await {
            Ok(stored) => Some(stored.access),
            Err(sqlx::Error::RowNotFound) => None,
            Err(error) => {
                tracing::warn!(%error, "Whether a viewer may go on could not be looked at");
                None
            }
        }
    }
}

impl Company {
    /// Who else is there, if that is news.
    async fn look(&mut self, state: &State) -> Option<Presence> {
        let others: Vec<_> = self.watch.members().into_iter().filter(|one| one.account != self.account).collect();
        if others == self.told {
            self.is_curious = false;
            return None;
        }
        let ids: Vec<_> = others.iter().map(|one| one.account).collect();
        let names = state.store.names(&ids).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "Who looks at a conversation could not be read");
            Vec::new()
        });
        let looking = |one: &Member| {
            let named = names.iter().find(|named| named.id == one.account)?.clone();
            Some(Looking { id: named.id, name: named.name, typing: one.typing })
        };
        let people = others.iter().filter_map(looking).collect();
        self.told = others;
        self.is_curious = false;
        Some(Presence { people })
    }
}
