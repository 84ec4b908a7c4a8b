//! The server functions: the browser's whole view of the server.
//!
//! Each is a public URL and does three things: name the caller, parse, call one function in `server`.

use crate::contract::{
    Changes, Earlier, Fork, FoundList, Home, Later, Offer, Page, Placement, PreferencesChange, Sent, Spent,
};
use crate::error::Problem;
use crate::event::{Cursor, List};
use crate::json::Json;
use crate::model::{Conversation, ConversationId, ImageId, MessageId, Preferences, Queued};
use leptos::prelude::*;
use server_fn::codec::{ByteStream, Streaming};

/// The conversation's snapshot with the cursor that it covers.
#[server(endpoint = "chat/open", input = Json, output = Json)]
pub async fn open(conversation: ConversationId) -> Result<Page, Problem> {
    let (state, viewer) = crate::server::session::viewer().await?;
    crate::server::page_data::open(&state, viewer.id(), conversation).await
}

/// The messages before `before`, the oldest that the page shows.
#[server(name = FetchEarlier, endpoint = "chat/earlier", input = Json, output = Json)]
pub async fn earlier(conversation: ConversationId, before: MessageId) -> Result<Earlier, Problem> {
    let (state, viewer) = crate::server::session::viewer().await?;
    crate::server::page_data::earlier(&state, viewer.id(), conversation, before).await
}

/// A finished message as HTML with highlighted code.
#[server(endpoint = "chat/highlighted", input = Json, output = Json)]
pub async fn highlighted(message: MessageId) -> Result<String, Problem> {
    let (state, viewer) = crate::server::session::viewer().await?;
    crate::server::page_data::highlighted(&state, viewer.id(), message).await
}

/// The caller's conversations, newest first; `after` is the last page's `next`.
#[server(endpoint = "list", input = Json, output = Json)]
pub async fn conversations(after: Option<String>) -> Result<List, Problem> {
    let (state, who) = crate::server::session::reader().await?;
    crate::server::lists::page(&state, who.account, after.as_deref()).await
}

/// The first places where all the words are, in titles and messages.
#[server(name = FindWords, endpoint = "search", input = Json, output = Json)]
pub async fn search(#[server(default)] query: String) -> Result<FoundList, Problem> {
    let (state, who) = crate::server::session::reader().await?;
    crate::server::search::first(&state, who.account, &query).await
}

/// What every page of the app shows around the conversation.
#[server(name = FetchHome, endpoint = "home", input = Json, output = Json)]
pub async fn home() -> Result<Home, Problem> {
    let (state, who) = crate::server::session::reader().await?;
    Ok(crate::server::page_data::home(&state, who.account).await)
}

/// What is known of the models that can be chosen.
#[server(name = FetchOffers, endpoint = "offers", input = Json, output = Json)]
pub async fn offers() -> Result<Vec<Offer>, Problem> {
    let (state, _) = crate::server::session::reader().await?;
    Ok(crate::server::page_data::offers(&state))
}

/// Changes what the account has chosen for its browsers.
#[server(name = Prefer, endpoint = "settings", input = Json, output = Json)]
pub async fn prefer(#[server(default)] change: PreferencesChange) -> Result<Preferences, Problem> {
    let (state, account) = crate::server::session::required().await?;
    crate::server::preferences::change(&state, account, change).await
}

/// What the conversation, and today the account, has used.
#[server(name = FetchSpent, endpoint = "usage", input = Json, output = Json)]
pub async fn spent(conversation: Option<ConversationId>) -> Result<Spent, Problem> {
    let (state, who) = crate::server::session::reader().await?;
    crate::server::usage::spent(&state, who.account, conversation).await
}

/// Adds a message, with uploaded images, and starts its reply, by `model` or else the conversation's.
/// `start` also makes the conversation, with these settings.
///
/// The browser makes both ids, so that a send is idempotent.
#[server(name = SendMessage, endpoint = "chat/send", input = Json, output = Json)]
pub async fn send(
    conversation: ConversationId,
    message: MessageId,
    text: String,
    #[server(default)] images: Vec<ImageId>,
    #[server(default)] model: Option<String>,
    start: Option<Changes>,
) -> Result<Sent, Problem> {
    use crate::server::engine::NewMessage;
    let (state, account) = crate::server::session::required().await?;
    let text = crate::server::prompt::Prompt::parse(text)?;
    let new = NewMessage { images, model, start, ..NewMessage::new(message, text) };
    state.engine.send(account, conversation, new).await
}

/// Keeps a message until the open reply is done, and sends it then.
#[server(name = QueueMessage, endpoint = "chat/queue", input = Json, output = Json)]
pub async fn queue(conversation: ConversationId, later: Later) -> Result<Queued, Problem> {
    let (state, account) = crate::server::session::required().await?;
    crate::server::queue::queue(&state, account, conversation, later).await
}

/// Takes a waiting message back.
#[server(name = TakeBack, endpoint = "chat/unqueue", input = Json, output = Json)]
pub async fn take_back(conversation: ConversationId, message: MessageId) -> Result<(), Problem> {
    let (state, account) = crate::server::session::required().await?;
    crate::server::queue::take_back(&state, account, conversation, message).await
}

/// Sends a waiting message of the caller's now.
#[server(name = SendQueued, endpoint = "chat/send-queued", input = Json, output = Json)]
pub async fn send_queued(conversation: ConversationId, message: MessageId) -> Result<(), Problem> {
    let (state, account) = crate::server::session::required().await?;
    crate::server::queue::send_now(&state, account, conversation, message).await.map(|_| ())
}

/// Stops the reply. Idempotent, also after the end.
#[server(endpoint = "chat/stop", input = Json, output = Json)]
pub async fn stop(reply: MessageId) -> Result<(), Problem> {
    let (state, account) = crate::server::session::required().await?;
    state.engine.stop(account, reply).await.map(|_| ())
}

/// Starts another reply to the same message. The former reply is kept as another version.
#[server(endpoint = "chat/retry", input = Json, output = Json)]
pub async fn retry(reply: MessageId) -> Result<Sent, Problem> {
    let (state, account) = crate::server::session::required().await?;
    state.engine.retry(account, reply).await
}

/// Continues the text of a reply that ended too early.
#[server(endpoint = "chat/continue", input = Json, output = Json)]
pub async fn resume(reply: MessageId) -> Result<Sent, Problem> {
    let (state, account) = crate::server::session::required().await?;
    state.engine.resume(account, reply).await
}

/// Replaces the caller's `message` by `text`, with the same images. The former message and its replies are kept as
/// another version.
#[server(name = EditMessage, endpoint = "chat/edit", input = Json, output = Json)]
pub async fn edit(message: MessageId, new: MessageId, text: String, model: Option<String>) -> Result<Sent, Problem> {
    let (state, account) = crate::server::session::required().await?;
    let text = crate::server::prompt::Prompt::parse(text)?;
    crate::server::branches::edit(&state, account, message, new, text, model).await
}

/// Shows the `number`th of the versions that `message` is one of, for everyone in the conversation.
#[server(endpoint = "chat/version", input = Json, output = Json)]
pub async fn show_version(message: MessageId, number: u32) -> Result<(), Problem> {
    let (state, account) = crate::server::session::required().await?;
    crate::server::branches::show_version(&state, account, message, number).await.map(|_| ())
}

/// Changes a conversation's title, model, system prompt or parameters.
#[server(endpoint = "chat/change", input = Json, output = Json)]
pub async fn change(conversation: ConversationId, changes: Changes) -> Result<Conversation, Problem> {
    let (state, account) = crate::server::session::required().await?;
    crate::server::conversations::change(&state, account, conversation, changes).await
}

/// Pins a conversation in the caller's list, or puts it away.
#[server(name = PlaceConversation, endpoint = "chat/place", input = Json, output = Json)]
pub async fn place(conversation: ConversationId, placement: Placement) -> Result<Conversation, Problem> {
    let (state, account) = crate::server::session::required().await?;
    crate::server::standing::place(&state, account, conversation, placement).await
}

/// Says that the caller has seen the end of a reply.
#[server(name = ReadReply, endpoint = "chat/read", input = Json, output = Json)]
pub async fn read(conversation: ConversationId, reply: MessageId) -> Result<(), Problem> {
    let (state, account) = crate::server::session::required().await?;
    crate::server::standing::read(&state, account, conversation, reply).await
}

/// Deletes a conversation with everything in it, after some seconds in which it can be brought back. From now on it is
/// gone for everybody. An open reply is stopped first.
#[server(endpoint = "chat/delete", input = Json, output = Json)]
pub async fn delete(conversation: ConversationId) -> Result<(), Problem> {
    let (state, account) = crate::server::session::required().await?;
    crate::server::conversations::leaving::delete(&state, account, conversation).await
}

/// Makes a conversation of the caller's own that begins with what was said in this one.
#[server(name = ForkConversation, endpoint = "chat/fork", input = Json, output = Json)]
pub async fn fork(conversation: ConversationId, fork: Fork) -> Result<Conversation, Problem> {
    let (state, account) = crate::server::session::required().await?;
    crate::server::conversations::forking::fork(&state, account, conversation, fork).await.map(|(made, _)| made)
}

/// Brings a conversation back that the caller has just deleted.
#[server(endpoint = "chat/bring-back", input = Json, output = Json)]
pub async fn bring_back(conversation: ConversationId) -> Result<Conversation, Problem> {
    let (state, account) = crate::server::session::required().await?;
    crate::server::conversations::leaving::bring_back(&state, account, conversation).await
}

/// Follows events, as one stream of lines (`wire::Line`): the conversation's journal after
/// `cursor`, and the list's after `list`. Without a conversation only the list's.
///
/// Each of the two begins with `resumed`, or with a snapshot if this server does not know the cursor.
/// An empty line is a keep-alive.
#[server(endpoint = "follow", input = Json, output = Streaming)]
pub async fn follow(
    conversation: Option<ConversationId>,
    cursor: Option<Cursor>,
    list: Option<Cursor>,
) -> Result<ByteStream<Problem>, Problem> {
    let (state, viewer) = crate::server::session::viewer().await?;
    crate::server::transport::stream::follow(&state, viewer, conversation, cursor, list).await
}
