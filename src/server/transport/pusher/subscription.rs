//! A subscription: one channel of one socket. It holds a cursor into a journal, a position in the channel's messages,
//! or the members that it has announced; the socket asks it for the next messages only when the last ones are written,
//! which is the back-pressure.

use super::access;
use super::grantee;
use super::message::{self, Data, From, Subscribe};
use super::presence::Presence;
use super::split;
use crate::error::Problem;
use crate::event::Event;
use crate::server::State;
use crate::server::channels::Member;
use crate::server::channels::PusherApp;
use crate::server::channels::{Channel, Listener, Name, Open};
use crate::server::journal::Topic;
use crate::server::principal::Principal;
use crate::server::principal::ViewerId;
use crate::server::transport::access::AccessWatch;
use crate::server::transport::access::Change;
use crate::server::transport::direct::{Direct, messages};
use crate::server::transport::pusher::split::PartialCursor;
use crate::server::transport::{Follower, Frame, Permit};
use crate::server::waiting::Rarely;
use axum::extract::ws::Utf8Bytes;
use serde_json::Value;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The right that a subscriber listens by.
#[derive(Clone, Default)]
pub(super) struct Right {
    /// None: a public channel, or a signature by a backend that has the secret.
    pub who: Option<Principal>,
    /// The member that a backend's signature names.
    pub person: Option<Member>,
}

/// Checks the signature, and returns the right that it gives.
///
/// # Errors
/// 401: the signature is invalid, the credential that it was given for has ended, or the data is not what a presence
/// channel needs.
pub(super) async fn verify(state: &State, open: &Open, name: &Name, asked: &Subscribe) -> Result<Right, Problem> {
    if !name.is_private() {
        return Ok(Right::default());
    }
    let (app, socket) = (&state.sockets.app, open.id.to_string());
    let signed = asked.auth.as_deref().and_then(|auth| auth.split_once(':'));
    let (_, signature) = signed.filter(|(key, _)| *key == app.key).ok_or(Problem::Unknown)?;
    if let Some(grantee) = app.granted(&socket, name, signature) {
        let who = grantee::find(state, &grantee).await?;
        return Ok(Right { who: Some(who), person: None });
    }
    if !is_backends(app, &socket, name, asked, signature) {
        return Err(Problem::Unknown);
    }
    let person = name.is_presence().then(|| person(asked)).transpose()?;
    Ok(Right { who: None, person })
}

/// Whether a backend that has the secret has signed this.
fn is_backends(app: &PusherApp, socket: &str, name: &Name, asked: &Subscribe, signature: &str) -> bool {
    let text = format!("{socket}:{}", name.as_str());
    let with_data = asked.channel_data.as_ref().is_some_and(|data| app.verify(&format!("{text}:{data}"), signature));
    // The data of a private channel is only a start position, which any client may choose.
    with_data || !name.is_presence() && app.verify(&text, signature)
}

fn person(asked: &Subscribe) -> Result<Member, Problem> {
    let data = asked.channel_data.as_deref().unwrap_or_default();
    let person: Option<message::Person> = serde_json::from_str(data).ok();
    let (id, info) = match person {
        Some(message::Person { user_id: Value::String(id), user_info }) => (id, user_info),
        Some(message::Person { user_id: Value::Number(id), user_info }) => (id.to_string(), user_info),
        _ => return Err(Problem::invalid("channel_data", "user_id is required: a string or a number.")),
    };
    Ok(Member { id, info })
}

/// The position that a client wants to start from, if it names one.
pub(super) fn place(asked: &Subscribe) -> Option<PartialCursor> {
    let from: From = serde_json::from_str(asked.channel_data.as_deref()?).ok()?;
    from.cursor?.parse().ok()
}

pub(super) struct Subscription {
    pub name: Name,
    /// Cancelled: the client has unsubscribed.
    pub cancel: CancellationToken,
    state: State,
    socket: crate::server::channels::SocketId,
    listener: Listener,
    follower: Option<Follower>,
    presence: Option<Presence>,
    /// The access check where there is no follower that makes it.
    stay: Option<Box<AccessWatch>>,
    _permit: Option<Arc<Permit>>,
    /// What ends it besides the journal.
    ended: Rarely<'static, Outcome>,
    /// How the journal is written directly, once nothing of it has to be cut off.
    direct: Option<Direct>,
    /// Bytes of the next piece's text that the client has already.
    seen: usize,
}

/// The result of waiting on a subscription.
pub(super) enum Outcome {
    Messages(Vec<Utf8Bytes>),
    /// The journal has no more entries: its conversation is deleted, or the server ends. Channel messages still arrive.
    Followed,
    /// The subscriber's access was withdrawn.
    Withdrawn,
    Cancelled,
}

impl Subscription {
    /// Subscribes, and returns the first messages.
    ///
    /// # Errors
    /// 403: the caller may not listen. 429: too many.
    pub async fn open(
        state: &State,
        open: &Open,
        name: Name,
        right: Right,
        permit: Option<Arc<Permit>>,
        place: Option<PartialCursor>,
    ) -> Result<(Box<Self>, Vec<String>), Problem> {
        let channel = name.channel();
        if let Some(who) = right.who {
            access::may_listen(state, who, channel).await?;
        }
        let mut listener = state.sockets.enter(&name, right.person).ok_or_else(|| Problem::TooMany {
            message: "The server has too many channels.".into(),
            retry_after_seconds: 60,
        })?;
        state.sockets.hear_others(&name).await;
        let (follower, first) = follow(state, channel, right.who, place).await?;
        let cancel = CancellationToken::new();
        let ended = Rarely::new(ended(&cancel, permit.as_deref()));
        let ends = || permit.iter().filter_map(|permit| permit.cut()).chain([cancel.clone()]).collect::<Vec<_>>();
        let direct = open.outlet.as_ref().filter(|_| !name.is_presence()).map(|outlet| {
            let ends_it = ends();
            listener.go_direct(outlet.clone(), Box::new(move || !ends_it.iter().any(CancellationToken::is_cancelled)));
            Direct::pusher(outlet.clone(), &name, ends())
        });
        let (state, socket, presence) = (state.clone(), open.id, None);
        let (stay, _permit, seen) = (None, permit, 0);
        let mut it =
            Self { name, cancel, state, socket, listener, follower, presence, stay, _permit, ended, direct, seen };
        let messages = it.begin(right.who, first, place).await?;
        Ok((Box::new(it), messages))
    }

    async fn begin(
        &mut self,
        who: Option<Principal>,
        first: Option<Frame>,
        place: Option<PartialCursor>,
    ) -> Result<Vec<String>, Problem> {
        if self.name.is_presence() {
            if let (Channel::Audience(id), Some(who)) = (self.name.channel(), who) {
                self.stay = Some(Box::new(AccessWatch::begin(&self.state, who.account.into(), id).await?));
            }
            let presence = self.presence.insert(presence(&self.state, self.name.channel()));
            return Ok(presence.welcome(&self.state, &self.name, &self.listener).await);
        }
        let mut messages = vec![message::on(&self.name, super::SUCCEEDED, Data::Text("{}"))];
        if let Some(first) = first {
            if let (Frame::Start { event: Event::Resumed { .. }, .. }, Some(place)) = (&first, place) {
                self.seen = place.bytes;
            }
            messages.extend(split::messages(&self.name, &first, self.seen));
        }
        Ok(messages)
    }

    pub fn follows(&self) -> bool {
        self.follower.is_some()
    }

    /// Waits for the next messages.
    pub async fn next(mut self: Box<Self>) -> (Box<Self>, Outcome) {
        let outcome = self.outcome().await;
        (self, outcome)
    }

    async fn outcome(&mut self) -> Outcome {
        loop {
            if let (0, Some(follower)) = (self.seen, &mut self.follower)
                && let Some(direct) = self.direct.take()
            {
                follower.write_to(direct);
            }
            let messages = tokio::select! {
                biased;
                ended = &mut self.ended => return ended,
                () = stirred(&mut self.stay), if self.stay.is_some() => match look(&mut self.stay, &self.state).await {
                    Change::Withdrawn => return Outcome::Withdrawn,
                    _ => continue,
                },
                frames = frames(&mut self.follower), if self.follower.is_some() => match frames {
                    Some(frames) => self.split(&frames),
                    None => return self.end(),
                },
                () = self.listener.changed() => self.said().await,
                () = audience(&mut self.presence), if self.presence.is_some() => self.people().await,
            };
            if !messages.is_empty() {
                return Outcome::Messages(messages);
            }
        }
    }

    /// The journal has no more entries: in order, or because the follower's access was withdrawn.
    fn end(&mut self) -> Outcome {
        let in_order = self.follower.take().is_some_and(|follower| follower.is_deleted());
        if in_order || self.state.drain.has_begun() { Outcome::Followed } else { Outcome::Withdrawn }
    }

    fn split(&mut self, frames: &[Frame]) -> Vec<Utf8Bytes> {
        let name = &self.name;
        let split = |frame: &Frame| match (frame, std::mem::take(&mut self.seen)) {
            (Frame::Entry { entry, epoch }, 0) => messages(name, entry, *epoch),
            (_, seen) => texts(split::messages(name, frame, seen)),
        };
        frames.iter().flat_map(split).collect()
    }

    async fn said(&mut self) -> Vec<Utf8Bytes> {
        let said = self.listener.said();
        let others = said.iter().filter(|said| said.except != Some(self.socket));
        let mut messages: Vec<_> = others.map(|said| said.message.clone()).collect();
        if self.presence.is_some() {
            messages.extend(self.people().await);
        }
        messages
    }

    async fn people(&mut self) -> Vec<Utf8Bytes> {
        match &mut self.presence {
            // In a box, as what follows: only a presence channel has it, and every subscription would reserve the space.
            Some(presence) => texts(Box::pin(presence.news(&self.state, &self.name, &self.listener)).await),
            None => Vec::new(),
        }
    }
}

fn presence(state: &State, channel: Channel) -> Presence {
    match channel {
        Channel::Audience(id) => Presence::of(state.audience.watch(id)),
        _ => Presence::default(),
    }
}

async fn follow(
    state: &State,
    channel: Channel,
    who: Option<Principal>,
    place: Option<PartialCursor>,
) -> Result<(Option<Follower>, Option<Frame>), Problem> {
    let cursor = place.map(|place| place.cursor);
    let (follower, first) = match (channel, who) {
        (Channel::Conversation(id), Some(who)) => {
            let begin = |viewer: ViewerId| Follower::start(state, viewer, Topic::Conversation(id), cursor);
            match begin(who.account.into()).await {
                Err(Problem::NotFound) if who.role.may_answer() => begin(ViewerId::Agent(who.account)).await?,
                begun => begun?,
            }
        }
        (Channel::Conversation(id), None) => {
            let owner = access::owner(state, id).await?;
            Follower::unseen(state, owner, id, cursor).await?
        }
        (Channel::Account(id), _) => Follower::start(state, id, Topic::Account(id), cursor).await?,
        (Channel::Audience(_) | Channel::Other, _) => return Ok((None, None)),
    };
    Ok((Some(follower), Some(first)))
}

async fn frames(follower: &mut Option<Follower>) -> Option<Vec<Frame>> {
    follower.as_mut()?.next().await
}

async fn audience(presence: &mut Option<Presence>) {
    if let Some(presence) = presence {
        Box::pin(presence.changed()).await;
    }
}

/// Completes when the client has unsubscribed, or the subscriber's access was withdrawn.
fn ended(cancel: &CancellationToken, permit: Option<&Permit>) -> impl Future<Output = Outcome> + Send + use<> {
    let (cancel, cut) = (cancel.clone(), permit.and_then(Permit::cut));
    async move {
        let withdrawn = async {
            match &cut {
                Some(cut) => cut.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => Outcome::Cancelled,
            () = withdrawn => Outcome::Withdrawn,
        }
    }
}

/// Messages as they are sent.
pub(super) fn texts(messages: Vec<String>) -> Vec<Utf8Bytes> {
    messages.into_iter().map(Utf8Bytes::from).collect()
}

async fn stirred(stay: &mut Option<Box<AccessWatch>>) {
    if let Some(stay) = stay {
        Box::pin(stay.stirred()).await;
    }
}

async fn look(stay: &mut Option<Box<AccessWatch>>, state: &State) -> Change {
    match stay {
        Some(stay) => Box::pin(stay.look(state)).await,
        None => Change::Nothing,
    }
}
