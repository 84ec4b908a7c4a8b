//! One conversation as Markdown, for everybody who may read it.

use super::{MESSAGES, TEXT_BYTES, markdown, names};
use crate::error::Problem;
use crate::model::ConversationId;
use crate::server::State;
use crate::server::grants::Grant;
use crate::server::limits::Counted;
use crate::server::principal::Principal;
use crate::server::revocation;
use crate::server::store::export::Placed;
use bytes::Bytes;
use futures::{Stream, stream};
use std::io;

/// A conversation that is being exported.
struct Export {
    state: State,
    who: Principal,
    conversation: ConversationId,
    /// The position of the last message that was written.
    after: i64,
    /// Ends the export with the caller's credential.
    grant: Grant,
    _place: Counted,
}

/// The file's name, and its text as a stream, read from the store while it is sent.
///
/// # Errors
/// 404 for a conversation that the caller may not read, 429 and 503 while there are too many exports.
pub async fn one(
    state: &State,
    who: Principal,
    conversation: ConversationId,
) -> Result<(String, impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<>), Problem> {
    let stored = state.store.conversation(who.account, conversation).await?;
    let place = state.limits.export(who.account)?;
    let grant = revocation::grant(state, who).await?;
    let path = names::conversation(&stored.created_at, &stored.title, conversation);
    let name = format!("{}.md", path.rsplit('/').next().unwrap_or_default());
    let head = markdown::head(&stored);
    let export = Export { state: state.clone(), who, conversation, after: 0, grant, _place: place };
    let pieces = stream::try_unfold((Some(head), export), async |(head, mut export)| {
        let text = match head {
            Some(head) => Some(head),
            None => export.next().await?,
        };
        Ok::<_, io::Error>(text.map(|text| (Bytes::from(text), (None, export))))
    });
    Ok((name, pieces))
}

impl Export {
    /// The next messages; none at the end.
    async fn next(&mut self) -> io::Result<Option<String>> {
        tokio::select! {
            biased;
            () = self.grant.withdrawn() => Err(io::Error::other("what let the caller in was withdrawn")),
            page = page(&self.state, self.who, self.conversation, self.after) => {
                let Some((text, last)) = page.map_err(io::Error::other)? else { return Ok(None) };
                self.after = last;
                Ok(Some(text))
            }
        }
    }
}

/// The messages after a position as Markdown, and the last one's position. The right to read is checked each time: it may
/// be taken back meanwhile.
async fn page(
    state: &State,
    who: Principal,
    conversation: ConversationId,
    after: i64,
) -> sqlx::Result<Option<(String, i64)>> {
    state.store.conversation(who.account, conversation).await?;
    let page = state.store.messages_after(conversation, after, (MESSAGES, TEXT_BYTES)).await?;
    let Some(last) = page.last().map(|last| last.position) else { return Ok(None) };
    let text = page.iter().map(|Placed { position, parent, message }| {
        let place = markdown::Numbered { number: *position, answers: *parent };
        let images: Vec<_> = message.images.iter().map(|image| (image, None)).collect();
        markdown::message(who.account, place, message, &images)
    });
    Ok(Some((text.collect(), last)))
}
