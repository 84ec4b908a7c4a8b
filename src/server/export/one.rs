//! One conversation in one of several formats, for everybody who may read it.

use super::{Format, MESSAGES, TEXT_BYTES, names};
use crate::error::Problem;
use crate::model::ConversationId;
use crate::server::State;
use crate::server::grants::Grant;
use crate::server::limits::Counted;
use crate::server::principal::Principal;
use crate::server::revocation;
use bytes::Bytes;
use futures::{Stream, stream};
use std::io;
use tokio::task::spawn_blocking;

/// A conversation that is being exported.
struct Export {
    state: State,
    who: Principal,
    conversation: ConversationId,
    format: Format,
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
    format: Format,
) -> Result<(String, impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<>), Problem> {
    let stored = state.store.conversation(who.account, conversation).await?;
    let place = state.limits.export(who.account)?;
    let grant = revocation::grant(state, who).await?;
    let path = names::conversation(&stored.created_at, &stored.title, conversation);
    let name = format!("{}.{}", path.rsplit('/').next().unwrap_or_default(), format.ending());
    let head = format.head(&stored);
    let export = Export { state: state.clone(), who, conversation, format, after: 0, grant, _place: place };
    let pieces = stream::try_unfold(Some((Some(head), export)), async |state| {
        let Some((head, mut export)) = state else { return Ok(None) };
        if let Some(head) = head {
            return Ok(Some((Bytes::from(head), Some((None, export)))));
        }
        Ok::<_, io::Error>(Some(match export.next().await? {
            Some(text) => (Bytes::from(text), Some((None, export))),
            None => (Bytes::from(export.format.end()), None),
        }))
    });
    Ok((name, pieces))
}

impl Export {
    /// The next messages; none at the end.
    async fn next(&mut self) -> io::Result<Option<String>> {
        tokio::select! {
            biased;
            () = self.grant.withdrawn() => Err(io::Error::other("what let the caller in was withdrawn")),
            page = page(self) => {
                let Some((text, last)) = page.map_err(io::Error::other)? else { return Ok(None) };
                self.after = last;
                Ok(Some(text))
            }
        }
    }
}

/// The messages after those that were written, and the last one's position. The right to read is checked each time: it may be
/// taken back meanwhile.
async fn page(export: &Export) -> anyhow::Result<Option<(String, i64)>> {
    let Export { state, who, conversation, format, after, .. } = export;
    let (account, format, is_first) = (who.account, *format, *after == 0);
    state.store.conversation(account, *conversation).await?;
    let page = state.store.messages_after(*conversation, *after, (MESSAGES, TEXT_BYTES)).await?;
    let Some(last) = page.last().map(|last| last.position) else { return Ok(None) };
    // To set formulas and to colour code takes a while.
    let text = spawn_blocking(move || format.messages(account, &page, is_first)).await??;
    Ok(Some((text, last)))
}
