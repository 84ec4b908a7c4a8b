//! Stopping replies on request: one, or all of an account.

use super::{Engine, Shared};
use crate::error::Problem;
use crate::model::{AccountId, ConversationId, Message, MessageId, Role};
use crate::server::backplane::redis::{Wake, Wakes};
use crate::server::sync::lock;
use crate::server::task::owned;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::timeout;

/// How often it is looked whether the engine is still there.
const LOOK: Duration = Duration::from_secs(60);

/// The result of a stop.
pub enum Stop {
    /// The reply is open and ends now.
    Accepted,
    /// It had ended before.
    Ended(Box<Message>),
}

impl Engine {
    /// Ends a reply of this process; its text stays. Idempotent.
    pub async fn stop(&self, account: AccountId, reply: MessageId) -> Result<Stop, Problem> {
        let shared = Arc::clone(&self.shared);
        owned(async move { shared.stop(account, reply).await }).await
    }

    /// Ends the replies that the account has requested in this conversation, in whichever process; their text stays.
    pub async fn stop_in(&self, conversation: ConversationId, account: AccountId) -> Result<(), Problem> {
        for reply in self.shared.store.open_replies_in(conversation, account).await? {
            match self.shared.find(reply) {
                Some(open) => open.stop.cancel(),
                None => {
                    self.shared.pass_on_stop(reply, None).await?;
                }
            }
        }
        Ok(())
    }

    /// Ends all open replies that the account has requested and that this process writes; their text stays.
    pub async fn stop_all(&self, account: AccountId) {
        // They may have been requested by a guest that has since become this account: the store knows.
        let theirs = self.shared.store.open_replies_of(account).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "The open replies of an account could not be looked up");
            Vec::new()
        });
        let open = lock(&self.shared.open);
        for open in open.values().filter(|open| open.account == account || theirs.contains(&open.reply)) {
            open.stop.cancel();
        }
    }
}

/// Ends replies of this process that other processes were asked to stop, as soon as those say so. Runs until the engine is
/// dropped. What is missed here is read from the store.
pub(super) async fn hear(shared: Weak<Shared>, mut stops: Wakes) {
    while shared.strong_count() != 0 {
        let Ok(Wake::Message { payload, .. }) = timeout(LOOK, stops.next()).await else { continue };
        let Some(shared) = shared.upgrade() else { return };
        let reply = std::str::from_utf8(&payload).ok().and_then(|id| id.parse().ok());
        if let Some(open) = reply.and_then(|reply| shared.find(reply)) {
            open.stop.cancel();
        }
    }
}

impl Shared {
    async fn stop(&self, account: AccountId, reply: MessageId) -> Result<Stop, Problem> {
        if let Some(open) = self.find(reply) {
            // Nothing is written here that would ask, and the caller may have been recognised a second ago.
            self.store.ask_again().await?;
            if open.owner != account {
                // A user it is shared with; or a guest requested it whose conversations now belong to this account.
                self.message_to_use(account, reply).await?;
            }
            open.stop.cancel();
            return Ok(Stop::Accepted);
        }
        let (message, ..) = self.message_to_use(account, reply).await?;
        if message.role != Role::Assistant {
            return Err(Problem::NotFound);
        }
        if message.status.is_open() && self.pass_on_stop(reply, Some(account)).await? {
            // Where the right was withdrawn meanwhile, nothing was passed on.
            self.message_to_use(account, reply).await?;
            return Ok(Stop::Accepted);
        }
        let (message, ..) = self.message_to_use(account, reply).await?;
        Ok(Stop::Ended(Box::new(message)))
    }
}
