//! The engine: runs replies, one owned task each.
//!
//! It does not know who is watching. A reply starts by a request, ends by itself, by a stop, by a newer message or by
//! the server's end, and nothing that a viewer does or does not do changes that.

mod admission;
mod anew;
mod checkpoint;
mod context;
pub mod desk;
mod ending;
mod estimate;
mod open;
mod opening;
mod other_process;
mod outcome;
mod pieces;
mod reply;
mod sending;
mod stateless;
mod stop;
mod takeover;
mod telling;
mod title;
mod vision;
mod ways;

pub use super::engine::stateless::Stateless;
pub use estimate::tokens as estimated_tokens;
pub use sending::{NewMessage, Parent};
pub use stop::Stop;

use super::audience::Audience;
use super::backplane::redis::{Kind, Redis};
use super::drain::Drain;
use super::sync::lock;
use super::task::owned;
use crate::contract::{Changes, Sent};
use crate::error::Problem;
use crate::event::{Cursor, Event};
use crate::model::{Access, AccountId, ConversationId, Message, MessageId};
use crate::server::announce;
use crate::server::bounds::Bounds;
use crate::server::journal::{self, HeldTurn, Journals, Topic};
use crate::server::limits::{Counts, Limits};
use crate::server::metrics::Metrics;
use crate::server::prompt;
use crate::server::provider::Providers;
use crate::server::quota::{Everybody, MostWritten, Writer};
use crate::server::store::conversations::Stored;
use crate::server::store::messages::Opening;
use crate::server::store::{Store, is_full};
use admission::Admission;
use futures::FutureExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use telling::Asked;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Runs replies. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    journals: Arc<Journals>,
    providers: Arc<Providers>,
    audience: Arc<Audience>,
    limits: Arc<Limits>,
    metrics: Arc<Metrics>,
    drain: Drain,
    everybody: Everybody,
    most_written: MostWritten,
    whole_reply: Duration,
    title_model: Option<String>,
    bounds: Bounds,
    pictures: vision::PictureBudget,
    open: Mutex<open::OpenReplies>,
    other_replies: Mutex<other_process::Known>,
    ways: ways::Ways,
    tasks: TaskTracker,
    visits: TaskTracker,
    /// Stateless answers by account: they are open replies of it as well.
    visiting: Arc<Counts>,
    /// The open replies of sites.
    on_sites: Arc<Counts>,
    redis: Option<Redis>,
    interrupt: CancellationToken,
    /// A reply has ended since this was last waited for.
    ended: Notify,
}

/// A reply that is being generated.
struct Open {
    reply: MessageId,
    conversation: ConversationId,
    owner: AccountId,
    /// Who asked for it, and pays.
    account: AccountId,
    /// Who this process was when it was opened: another one since, if it was declared dead.
    process: Box<str>,
    journal: journal::Writer,
    stop: CancellationToken,
    ended: CancellationToken,
    /// The site that it is written for, and pays.
    site: Option<desk::Paying>,
    /// The writer's mark at the last checkpoint.
    saved: AtomicU64,
}

/// The conversation that a reply is opened in.
struct Target {
    /// The conversation as stored, or as it will be stored.
    stored: Stored,
    /// The settings it is created with; none where it exists.
    start: Option<Changes>,
    /// In a conversation of a site, what comes with it.
    site: Option<Box<desk::Coming>>,
}

impl From<Stored> for Target {
    fn from(stored: Stored) -> Self {
        Self { stored, start: None, site: None }
    }
}

/// What an engine works with.
pub struct Parts {
    pub store: Store,
    pub journals: Arc<Journals>,
    pub providers: Arc<Providers>,
    /// Is told that a sender no longer types.
    pub audience: Arc<Audience>,
    pub limits: Arc<Limits>,
    /// What joins this process with others.
    pub redis: Option<Redis>,
    pub metrics: Arc<Metrics>,
    pub drain: Drain,
    /// What an account may use.
    pub everybody: Everybody,
    /// Limits on what an account creates besides messages: a first message creates its conversation.
    pub most_written: MostWritten,
    /// The longest that one reply may take.
    pub whole_reply: Duration,
    /// Who gives conversations their titles; none: a title is how the first message begins.
    pub title_model: Option<String>,
    pub bounds: Bounds,
}

impl Engine {
    /// Marks what processes left open that are gone as interrupted, and starts the checkpoints.
    pub async fn start(parts: Parts) -> sqlx::Result<Self> {
        let shared = Arc::new(Shared {
            store: parts.store,
            journals: parts.journals,
            providers: parts.providers,
            audience: parts.audience,
            limits: parts.limits,
            metrics: parts.metrics,
            drain: parts.drain,
            everybody: parts.everybody,
            most_written: parts.most_written,
            whole_reply: parts.whole_reply,
            title_model: parts.title_model,
            bounds: parts.bounds,
            pictures: vision::PictureBudget::default(),
            open: Mutex::default(),
            other_replies: Mutex::default(),
            ways: ways::Ways::default(),
            tasks: TaskTracker::new(),
            visits: TaskTracker::new(),
            visiting: Counts::of_all(parts.redis.as_ref(), "v"),
            on_sites: Arc::default(),
            redis: parts.redis,
            interrupt: CancellationToken::new(),
            ended: Notify::new(),
        });
        takeover::begin(&shared);
        match other_process::begin(&shared).await {
            // It is looked again every second.
            Err(error) if is_full(&error) => {
                tracing::error!(%error, "Replies of a process that is gone stay open for now")
            }
            looked => looked?,
        }
        tokio::spawn(other_process::run(Arc::downgrade(&shared)));
        tokio::spawn(checkpoint::run(Arc::downgrade(&shared)));
        if let Some(redis) = &shared.redis {
            tokio::spawn(stop::hear(Arc::downgrade(&shared), redis.listen(Kind::Stop)));
            tokio::spawn(other_process::tell_standing(Arc::downgrade(&shared), redis.standing()));
        }
        Ok(Self { shared })
    }

    /// Waits until a reply has ended.
    pub async fn reply_ended(&self) {
        self.shared.ended.notified().await;
    }

    /// How many replies are open.
    pub fn open_replies(&self) -> usize {
        lock(&self.shared.open).len()
    }

    /// Adds a user's message and starts its reply. With `start` the message also creates its conversation, in one
    /// transaction. A retry with an unchanged id, text, images and parent gets the first answer again. Typing ends here,
    /// whether the message is accepted or refused.
    pub async fn send(
        &self,
        account: AccountId,
        conversation: ConversationId,
        new: NewMessage,
    ) -> Result<Sent, Problem> {
        let shared = Arc::clone(&self.shared);
        owned(async move {
            let sent = shared.send(account, conversation, new).await;
            shared.audience.not_typing(conversation, account);
            sent
        })
        .await
    }

    /// Stops the conversation's open reply, if there is one, and waits until it is written. Hold the journal's turn, and ask
    /// before whether the caller still may.
    ///
    /// # Errors
    /// The reply has ended, and the store does not take its end.
    pub async fn settle(&self, conversation: ConversationId) -> Result<(), Problem> {
        self.shared.end_open(conversation).await
    }

    /// Lets the open replies end by themselves until `deadline`, then interrupts the rest and waits until all are
    /// written (promise S13).
    pub async fn drain(&self, deadline: Instant) {
        let Shared { tasks, visits, .. } = &*self.shared;
        tasks.close();
        visits.close();
        let all = async { tokio::join!(tasks.wait(), visits.wait()) };
        if tokio::time::timeout_at(deadline, all).await.is_err() {
            self.shared.interrupt.cancel();
            // Not for the visits: they end as soon as their clients read, and nothing of them is to be written.
            tasks.wait().await;
        }
    }
}

impl Shared {
    /// Writes the conversation, where it is new, the message and the reply's row, tells the viewers and starts the task.
    async fn open(
        self: &Arc<Self>,
        Target { mut stored, start, site }: Target,
        admission: &Admission,
        turn: &HeldTurn<'_>,
        message: Option<&Message>,
        reply: &Message,
        asked: Asked,
    ) -> Result<Cursor, Problem> {
        let title = message.map(|message| crate::markdown::plain_title(&message.text)).unwrap_or_default();
        let stop = CancellationToken::new();
        let topic = Topic::Conversation(stored.id);
        let account = admission.account();
        // At other nodes others may write here (of a site's conversation the assignment's row decides), and the account may have other replies open.
        let is_guarded = start.is_some() || site.is_some();
        let seen = (self.store.has_nodes() && !is_guarded).then(|| stored.updated_at.clone());
        let process: Box<str> = self.store.process().into();
        let (paying, coming) = desk::apart(site);
        let open = Arc::new(Open {
            reply: reply.id,
            conversation: stored.id,
            owner: stored.owner.id,
            account,
            journal: self.journals.writer(topic, reply.id, &process, &stop),
            process,
            stop,
            ended: CancellationToken::new(),
            site: paying,
            saved: AtomicU64::new(0),
        });
        // Registered before it is written, so that a viewer who sees the reply can also stop it.
        lock(&self.open).insert(Arc::clone(&open));
        if start.is_some() {
            // As it is written: when the conversation begins, so does its first reply.
            stored.created_at.clone_from(&reply.created_at);
        }
        let opening = Opening {
            start: start.map(|settings| (self.writer(account), settings)),
            conversation: stored.id,
            account: Some(account).filter(|account| *account != stored.owner.id),
            payer: account,
            message,
            reply,
            title: &title,
            process: &open.process,
            seen: seen.as_deref(),
            most_open: self.store.has_nodes().then_some(admission.most_open),
            site: coming.as_ref().map(|coming| &coming.on),
        };
        if let Err(problem) = self.store.open_reply(opening).await {
            lock(&self.open).remove(&reply.id);
            return Err(problem);
        }
        let cursor = self.tell_opening(&open, turn, coming.and_then(|coming| coming.event), message, reply).await;
        open.saved.store(open.journal.mark(), Ordering::Relaxed);
        self.announce_conversation(turn, stored, title, &reply.created_at).await;
        let model = reply.model.clone().unwrap_or_default();
        // Inside the span of the request that opened it: the log then joins the two.
        let span = tracing::info_span!("reply", id = %reply.id, model);
        let shared = Arc::clone(self);
        match asked {
            // In boxes: unboxed they would be copied on each step into their tasks.
            Asked::Now(request) => self.tasks.spawn(reply::run(shared, open, model, request).boxed().instrument(span)),
            Asked::Later(later) => self.tasks.spawn(telling::run(shared, open, model, later).boxed().instrument(span)),
        };
        Ok(cursor)
    }

    /// Tells the lists, and where the title is new the conversation, how it stands now.
    async fn announce_conversation(&self, turn: &HeldTurn<'_>, mut stored: Stored, title: String, updated_at: &str) {
        let renamed = stored.title.is_empty() && !title.is_empty();
        if renamed {
            stored.title = title;
        }
        updated_at.clone_into(&mut stored.updated_at);
        let mut conversation = Box::new(stored.clone().shown(&self.providers.default_model()));
        if renamed {
            let conversation = conversation.clone();
            self.journals.tell(Topic::Conversation(stored.id), Some(turn), Event::Conversation { conversation }).await;
        }
        conversation.standing.running = Some(true);
        let event = Event::Conversation { conversation };
        announce::tell(&self.store, &self.journals, &stored, Some(turn), event).await;
    }

    /// The model that answers: the one asked for, or the conversation's, or the default.
    fn choose(&self, asked: Option<String>, stored: &Stored) -> Result<String, Problem> {
        let asked = asked.or_else(|| stored.model.clone());
        let model = asked.unwrap_or_else(|| self.providers.default_model());
        prompt::model(&model)?;
        self.providers.resolve(&model).map_err(|message| Problem::invalid("model", message))?;
        Ok(model)
    }

    /// Stops the conversation's open reply and waits until its end is written: none of its text can come later (S10).
    async fn settle(&self, conversation: ConversationId) -> Result<(), Problem> {
        if lock(&self.open).in_conversation(conversation).is_some() {
            // Before what is refused in its own transaction has stopped a reply.
            self.store.ask_again().await?;
        }
        self.end_open(conversation).await
    }

    async fn end_open(&self, conversation: ConversationId) -> Result<(), Problem> {
        let open = lock(&self.open).in_conversation(conversation).cloned();
        if let Some(open) = open {
            open.stop.cancel();
            open.ended.cancelled().await;
        }
        ending::save_now(self, conversation).await?;
        self.settle_elsewhere(conversation).await
    }

    /// The account with its limits, for creating a conversation.
    fn writer(&self, account: AccountId) -> Writer {
        Writer { account, most: self.most_written }
    }

    fn find(&self, reply: MessageId) -> Option<Arc<Open>> {
        lock(&self.open).get(&reply).cloned()
    }

    /// A message in a conversation where the account may do more than read.
    async fn message_to_use(&self, account: AccountId, id: MessageId) -> Result<(Message, Stored), Problem> {
        let (message, stored) = self.store.message_for(account, id).await?;
        stored.allows(Access::Participant)?;
        Ok((message, stored))
    }
}
