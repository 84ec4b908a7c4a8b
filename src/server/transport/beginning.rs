//! The first frames of a stream: where they hold a long conversation, they take a slot (`server/drawing`) until they are
//! read, as pages do.

use super::Frame;
use crate::error::Problem;
use crate::event::Event;
use crate::server::State;
use crate::server::drawing::{Place, Senders, text_bytes};
use bytes::Bytes;
use futures::{Stream, stream};
use std::sync::Arc;

/// The size of a chunk: what the connection has not taken yet is counted.
const CHUNK_BYTES: usize = 16 << 10;
/// Shorter snapshots take no slot: thousands of viewers may come back at the same time.
const SMALL_TEXT_BYTES: usize = 16 << 10;

/// A slot for a stream that begins with this frame, and room to encode it; none where it is short.
///
/// # Errors
/// 503 where there is no slot or no room in time.
pub(super) async fn place(state: &State, of: Option<&Senders>, first: &Frame) -> Result<Option<Arc<Place>>, Problem> {
    let (Some(Senders(of)), bytes @ SMALL_TEXT_BYTES..) = (of, length(first)) else { return Ok(None) };
    let place = state.drawing.place(of.clone()).await?;
    place.weigh(bytes).await?;
    Ok(Some(place))
}

/// The text in the frame.
fn length(first: &Frame) -> usize {
    let Frame::Start { event: Event::Snapshot(snapshot), .. } = first else { return 0 };
    let draft = snapshot.draft.as_ref().map_or(0, |draft| draft.text.len() + draft.thinking.len());
    text_bytes(&snapshot.messages) + draft
}

/// The encoded first frames, in chunks. The slot is free when the last chunk was taken.
///
/// # Errors
/// 503 where they have become longer than there is room for.
pub(super) fn chunks(
    start: Bytes,
    place: Option<Arc<Place>>,
) -> Result<impl Stream<Item = Bytes> + Send + use<>, Problem> {
    if let Some(place) = &place {
        place.drawn(start.len())?;
    }
    Ok(stream::unfold((start, place), async |(mut rest, place)| {
        let length = rest.len().min(CHUNK_BYTES);
        let chunk = rest.split_to(length);
        (!chunk.is_empty()).then_some((chunk, (rest, place)))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::drawing::Drawing;
    use futures::StreamExt;

    #[tokio::test]
    async fn z34_the_slot_is_free_when_the_beginning_was_read() {
        let drawing = Drawing::new(Arc::default());
        let place = drawing.place(Vec::new()).await.unwrap();
        let mut chunks = Box::pin(chunks(vec![0; 2 * CHUNK_BYTES + 1].into(), Some(place)).unwrap());
        for length in [CHUNK_BYTES, CHUNK_BYTES, 1] {
            assert_eq!(chunks.next().await.unwrap().len(), length);
            assert_eq!(drawing.bytes(), 2 * CHUNK_BYTES + 1);
        }
        assert_eq!(chunks.next().await, None);
        assert_eq!(drawing.bytes(), 0);
    }
}
