//! Client events: messages from one subscriber to the others, and the one that is for the server.

use super::message::{self, Code, From, In};
use super::{Connection, MAX_BYTES_OUT, access, refused};
use crate::error::Problem;
use crate::server::channels::ChannelMessage;
use crate::server::channels::{Channel, Name};

/// Asks for what comes after a cursor.
const RESUME: &str = "client-resume";
/// The event that Echo's users whisper while they type. Viewers of the page see it, too.
const TYPING: &str = "client-typing";

impl Connection {
    /// Passes a client event on to all subscribers except its sender.
    pub(super) async fn speak(&mut self, said: In) -> Vec<String> {
        if self.whispered.check().is_err() {
            return vec![message::error(Code::Rejected, "Client events are limited to 10 a second")];
        }
        let Some(name) = said.channel.as_deref().and_then(Name::parse) else {
            return vec![message::error(Code::Rejected, "A client event needs a channel")];
        };
        let Some(held) = self.channels.get(&name) else {
            return vec![message::error(Code::Rejected, "Subscribe to the channel before you send to it")];
        };
        if said.event == RESUME {
            return self.resume(name, &said).await;
        }
        if !held.may_speak {
            return vec![message::error(Code::Rejected, "You may not send events to this channel")];
        }
        let (who, person) = (held.right.who, &held.right.person);
        // A backend's subscriber to a conversation only listens to it; its client events still go to the others.
        if let (Channel::Conversation(id) | Channel::Audience(id), Some(who)) = (name.channel(), who) {
            if !access::may_speak(&self.state, who, name.channel()).await {
                return vec![message::error(Code::Rejected, "You may not send events to this channel")];
            }
            if said.event == TYPING {
                self.state.audience.typing(id, who.account);
            }
        }
        let own = who.map(|who| who.account.to_string()).or_else(|| person.as_ref().map(|person| person.id.clone()));
        let user_id = own.filter(|_| name.is_presence());
        let message = message::whisper(&name, &said.event, &said.data, user_id.as_deref());
        if MAX_BYTES_OUT < message.len() {
            return vec![message::error(
                Code::Rejected,
                "A client event is too long: 10 KB at most, its name included",
            )];
        }
        self.state.sockets.say(&name, ChannelMessage { except: Some(self.open.id), message: message.into() });
        Vec::new()
    }

    /// Follows again from the client's cursor: `resumed` and the rest, or a snapshot where that is not possible.
    async fn resume(&mut self, name: Name, said: &In) -> Vec<String> {
        if !matches!(name.channel(), Channel::Conversation(_) | Channel::Account(_)) {
            return vec![message::error(Code::Rejected, "There is nothing to resume on this channel")];
        }
        let place = said.read::<From>().and_then(|from| from.cursor?.parse().ok());
        let Some(held) = self.channels.get(&name) else { return Vec::new() };
        let right = held.right.clone();
        match self.open(name.clone(), right, place).await {
            // It was subscribed all the time.
            Ok(messages) => messages.into_iter().skip(1).collect(),
            Err(problem) => {
                self.leave(&name);
                refused(&name, &problem)
            }
        }
    }
}

/// Checks that a backend may use this event name: the names of the server's own events are reserved.
///
/// # Errors
/// 422, naming what is wrong.
pub fn may_be_added(channel: &Name, event: &str) -> Result<(), Problem> {
    let wrong = |message: String| Err(Problem::invalid("name", message));
    if event.is_empty() || LONGEST_NAME < event.len() {
        return wrong(format!("An event's name has 1 to {LONGEST_NAME} bytes."));
    }
    if event.starts_with("pusher:") || event.starts_with("pusher_internal:") {
        return wrong("Names that begin with pusher: are the protocol's own.".into());
    }
    if channel.channel() != Channel::Other && (OWN.contains(&event) || event == RESUME) {
        return wrong(format!("On this channel {event} is an event of Rivulet's own. Choose another name."));
    }
    Ok(())
}

/// The protocol's limit.
const LONGEST_NAME: usize = 200;
/// The events of the contract.
const OWN: [&str; 15] = [
    "snapshot",
    "presence",
    "list",
    "resumed",
    "message",
    "reply",
    "waiting",
    "thinking",
    "token",
    "done",
    "stopped",
    "interrupted",
    "error",
    "conversation",
    "deleted",
];
