//! Bytes as they are on the wire, for many connections at once.

use bytes::{BufMut, Bytes, BytesMut};

/// A frame with text that is not masked, as a server sends it (RFC 6455, 5.2).
const TEXT: u8 = 0x81;
/// A length that is written in two bytes behind this mark ...
const TWO_BYTES: u8 = 126;
/// ... or in eight behind this one.
const EIGHT_BYTES: u8 = 127;

/// A chunk of a body of unknown length (RFC 9112, 7.1).
pub fn chunk(pieces: &[Bytes]) -> Bytes {
    let length: usize = pieces.iter().map(Bytes::len).sum();
    // An empty chunk would be the end of the body.
    if length == 0 {
        return Bytes::new();
    }
    let mut chunk = BytesMut::from(format!("{length:x}\r\n").as_bytes());
    chunk.reserve(length + 2);
    pieces.iter().for_each(|piece| chunk.put_slice(piece));
    chunk.put_slice(b"\r\n");
    chunk.freeze()
}

/// WebSocket messages, each in one frame.
pub fn messages<'a>(texts: impl IntoIterator<Item = &'a str>) -> Bytes {
    let mut frames = BytesMut::new();
    for text in texts {
        frames.put_u8(TEXT);
        match text.len() {
            length @ ..126 => frames.put_u8(length as u8),
            length @ ..0x1_0000 => {
                frames.put_u8(TWO_BYTES);
                frames.put_u16(length as u16);
            }
            length => {
                frames.put_u8(EIGHT_BYTES);
                frames.put_u64(length as u64);
            }
        }
        frames.put_slice(text.as_bytes());
    }
    frames.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_says_its_length() {
        assert_eq!(&chunk(&["0123456789".into(), "abcdef".into()])[..], b"10\r\n0123456789abcdef\r\n");
        assert_eq!(chunk(&[Bytes::new()]).len(), 0);
    }

    #[test]
    fn a_message_says_its_length() {
        for (length, head) in [(0, vec![]), (125, vec![125]), (126, vec![126, 0, 126]), (0xffff, vec![126, 255, 255])] {
            let frame = messages([&*"x".repeat(length)]);
            let head = if length == 0 { vec![0] } else { head };
            assert_eq!(frame[0], TEXT);
            assert_eq!(frame[1..=head.len()], head);
            assert_eq!(frame.len(), 1 + head.len() + length);
        }
        assert_eq!(messages([&*"x".repeat(0x1_0000)])[..10], [TEXT, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
