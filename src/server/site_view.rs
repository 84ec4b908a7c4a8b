//! A conversation of a site as its visitor and its agents see it.
//!
//! What is not for a viewer is replaced, never dropped: ids run without gaps, and a follower who misses one follows again.
//! Each event and each field is named, so that a new one does not compile before somebody has decided who sees it.

use super::secret::{Hash, hex};
use super::store::Store;
use super::store::desk::sites::StoredSite;
use super::store::desk::{Assigned, visitor_name};
use crate::contract::site::{AgentNames, Said};
use crate::event::{Draft, Event, List, Snapshot, TAKEN_OVER};
use crate::model::{
    AccountId, Assignment, AssignmentState, Conversation, Image, Message, Named, Parameters, ReplyError, Role, SiteId,
    Standing,
};
use crate::server::principal::ViewerId;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

/// The reasons of an end that a visitor may know. The provider's words tell who the provider is.
const TOLD_REASONS: [&str; 2] = ["handoff", TAKEN_OVER];
/// What a visitor is told of every failure.
const FAILED: &str = "failed";

/// With whose eyes a conversation of a site is seen.
#[derive(Clone, Debug)]
pub enum Eyes {
    Visitor(Arc<StoredSite>),
    Agent,
}

impl Eyes {
    /// None: it is no viewer of a site's conversation.
    pub async fn of(store: &Store, viewer: ViewerId, site: Option<SiteId>) -> sqlx::Result<Option<Self>> {
        let Some(site) = site else { return Ok(None) };
        Ok(match viewer {
            ViewerId::Visitor(_) => Some(Self::Visitor(Arc::new(store.site(site).await?))),
            // Nobody else finds such a conversation; they would see no more than an agent.
            ViewerId::Agent(_) | ViewerId::Account(_) | ViewerId::Public(_) => Some(Self::Agent),
        })
    }

    /// An event as they see it; none where it needs no change.
    pub fn event(&self, told: &Event) -> Option<Event> {
        match self {
            Self::Visitor(site) => event_for_visitor(site, told),
            Self::Agent => event_for_agent(told),
        }
    }

    pub fn snapshot(&self, snapshot: &mut Snapshot) {
        self.conversation(&mut snapshot.conversation);
        snapshot.messages.iter_mut().for_each(|message| self.message(message));
        if let Self::Visitor(site) = self {
            snapshot.draft.iter_mut().for_each(|draft| draft_for_visitor(site, draft));
        }
    }

    /// Who answers.
    pub fn assigned(&self, assigned: &Assigned) -> Assignment {
        match self {
            Self::Visitor(site) => assignment_for_visitor(site, &assigned.shown()),
            Self::Agent => assigned.shown(),
        }
    }

    pub fn conversation(&self, conversation: &mut Conversation) {
        // By name, so that a new field has to be decided on here.
        let Conversation {
            id,
            title,
            model,
            system: _,
            parameters: _,
            owner,
            created_at,
            updated_at,
            queued: _,
            standing: _,
        } = conversation.clone();
        let (model, owner) = match self {
            Self::Visitor(_) => (String::new(), None),
            Self::Agent => (model, owner.map(|owner| called(owner.id))),
        };
        *conversation = Conversation {
            id,
            title,
            model,
            system: String::new(),
            parameters: Parameters::default(),
            owner,
            created_at,
            updated_at,
            queued: None,
            standing: Standing::default(),
        };
    }

    pub fn message(&self, message: &mut Message) {
        match self {
            Self::Visitor(site) => message_for_visitor(site, message),
            Self::Agent if message.role == Role::User => {
                message.author = message.author.take().map(|author| called(author.id));
            }
            Self::Agent => {}
        }
    }

    /// The answer to a send.
    pub fn said(&self, mut said: Said) -> Said {
        self.message(&mut said.message);
        said.reply.iter_mut().for_each(|reply| self.message(reply));
        said
    }
}

/// A visitor before agents.
fn called(account: AccountId) -> Named {
    Named { id: account, name: visitor_name(account) }
}

/// An agent before visitors: the same person is the same id here, and nobody elsewhere.
pub fn agent(site: &StoredSite, agent: &Named) -> Named {
    let hash = Sha256::digest(format!("{}:{}:{}", site.author_key, site.site.id, agent.id).as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    let name = match site.site.agent_names {
        AgentNames::Name => agent.name.clone(),
        AgentNames::First => agent.name.split_whitespace().next().unwrap_or_default().to_owned(),
        AgentNames::Team => site.site.title.clone(),
    };
    Named { id: AccountId(Uuid::from_bytes(bytes)), name }
}

fn message_for_visitor(site: &StoredSite, message: &mut Message) {
    // By name, so that a new field has to be decided on here.
    let Message {
        id,
        parent,
        role,
        author,
        text,
        thinking: _,
        thinking_ms,
        thinking_since,
        status,
        model: _,
        asked: _,
        images,
        left_out: _,
        images_left_out: _,
        usage: _,
        stop_reason,
        error,
        created_at,
        finished_at,
        versions: _,
    } = message.clone();
    let author = match role {
        Role::Agent => author.map(|author| agent(site, &author)),
        Role::User | Role::Assistant => None,
    };
    *message = Message {
        id,
        parent,
        role,
        author,
        text,
        thinking: String::new(),
        thinking_ms,
        thinking_since,
        status,
        model: None,
        asked: None,
        images: images.into_iter().map(image_for_visitor).collect(),
        left_out: 0,
        images_left_out: 0,
        usage: None,
        stop_reason: told_reason(stop_reason),
        error: error.map(|error| failed(site, &error)),
        created_at,
        finished_at,
        versions: None,
    };
}

fn image_for_visitor(image: Image) -> Image {
    let Image { id, name, width, height } = image;
    Image { id, name, width, height }
}

fn told_reason(reason: Option<String>) -> Option<String> {
    reason.filter(|reason| TOLD_REASONS.contains(&reason.as_str()))
}

fn failed(site: &StoredSite, error: &ReplyError) -> ReplyError {
    let ReplyError { kind: _, message: _, retryable, retry_after_ms } = error;
    ReplyError {
        kind: FAILED.into(),
        message: site.site.texts.failed.clone(),
        retryable: *retryable,
        retry_after_ms: *retry_after_ms,
    }
}

fn draft_for_visitor(site: &StoredSite, draft: &mut Draft) {
    draft.thinking = String::new();
    draft.waiting = draft.waiting.take().map(|_| site.site.texts.busy.clone());
}

fn assignment_for_visitor(site: &StoredSite, assignment: &Assignment) -> Assignment {
    let Assignment { state, agent: answering, since, number, text: _, inside: _ } = assignment;
    let answering = answering.as_ref().filter(|_| *state == AssignmentState::Agent).map(|it| agent(site, it));
    let texts = &site.site.texts;
    let text = match state {
        AssignmentState::Assistant => texts.back.clone(),
        AssignmentState::Waiting => texts.waiting.clone(),
        AssignmentState::Agent => {
            texts.joined.replace("{name}", answering.as_ref().map_or("", |agent| agent.name.as_str()))
        }
        AssignmentState::Closed => texts.closed.clone(),
    };
    Assignment {
        state: *state,
        agent: answering,
        since: since.clone(),
        number: *number,
        text: Some(text),
        inside: None,
    }
}

fn event_for_visitor(site: &Arc<StoredSite>, told: &Event) -> Option<Event> {
    let eyes = || Eyes::Visitor(Arc::clone(site));
    Some(match told {
        Event::Token { .. } | Event::Interrupted { .. } | Event::Resumed { .. } | Event::Deleted { .. } => return None,
        Event::Snapshot(snapshot) => {
            let mut snapshot = snapshot.clone();
            eyes().snapshot(&mut snapshot);
            snapshot.assignment = snapshot.assignment.as_ref().map(|known| assignment_for_visitor(site, known));
            Event::Snapshot(snapshot)
        }
        Event::List(list) => {
            Event::List(Box::new(List { items: Vec::new(), next: None, cursor: list.cursor, preferences: None }))
        }
        Event::Message { message } => {
            let mut message = message.clone();
            message_for_visitor(site, &mut message);
            Event::Message { message }
        }
        Event::Reply { reply, model: _, parent, created_at, left_out: _, images_left_out: _ } => Event::Reply {
            reply: *reply,
            model: String::new(),
            parent: *parent,
            created_at: created_at.clone(),
            left_out: 0,
            images_left_out: 0,
        },
        Event::Waiting { reply, message: _, model: _ } => {
            Event::Waiting { reply: *reply, message: site.site.texts.busy.clone(), model: None }
        }
        Event::Thinking { reply, text: _, since, ms } => {
            Event::Thinking { reply: *reply, text: String::new(), since: since.clone(), ms: *ms }
        }
        Event::Done { reply, usage: _, stop_reason } => {
            Event::Done { reply: *reply, usage: None, stop_reason: told_reason(stop_reason.clone()) }
        }
        Event::Stopped { reply, usage: _ } => Event::Stopped { reply: *reply, usage: None },
        Event::Error { reply, usage: _, error } => {
            Event::Error { reply: *reply, usage: None, error: Box::new(failed(site, error)) }
        }
        Event::Conversation { conversation } => {
            let mut conversation = conversation.clone();
            eyes().conversation(&mut conversation);
            Event::Conversation { conversation }
        }
        Event::Preferences { .. } => Event::Preferences { preferences: Box::default() },
        Event::Assignment { assignment, ended } => {
            let assignment = Box::new(assignment_for_visitor(site, assignment));
            Event::Assignment { assignment, ended: *ended }
        }
    })
}

fn event_for_agent(told: &Event) -> Option<Event> {
    let eyes = Eyes::Agent;
    Some(match told {
        Event::Snapshot(snapshot) => {
            let mut snapshot = snapshot.clone();
            eyes.snapshot(&mut snapshot);
            Event::Snapshot(snapshot)
        }
        Event::Message { message } => {
            let mut message = message.clone();
            eyes.message(&mut message);
            Event::Message { message }
        }
        Event::Conversation { conversation } => {
            let mut conversation = conversation.clone();
            eyes.conversation(&mut conversation);
            Event::Conversation { conversation }
        }
        Event::List(list) => {
            Event::List(Box::new(List { items: Vec::new(), next: None, cursor: list.cursor, preferences: None }))
        }
        Event::Preferences { .. } => Event::Preferences { preferences: Box::default() },
        Event::Resumed { .. }
        | Event::Reply { .. }
        | Event::Waiting { .. }
        | Event::Thinking { .. }
        | Event::Token { .. }
        | Event::Done { .. }
        | Event::Stopped { .. }
        | Event::Interrupted { .. }
        | Event::Error { .. }
        | Event::Deleted { .. }
        | Event::Assignment { .. } => return None,
    })
}

/// The hash that a visitor is recognised by: of the site too, so that one secret is two visitors on two sites.
pub fn token(site: SiteId, secret: &str) -> Hash {
    Hash::of(&format!("{site}:{secret}"))
}

/// The name of a site's cookie ends with these letters.
pub fn short(site: SiteId) -> String {
    hex(&site.0.as_bytes()[12..])
}
