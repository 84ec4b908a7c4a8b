//! Detects a JPEG's colour layout. The decoder reads one layout wrongly: green stripes in place of a picture, and no
//! error. Such a file is refused with a message until the decoder can read it (zune-image#419, #422).

/// Markers of sequential frames: baseline, and extended sequential.
const SEQUENTIAL: [u8; 2] = [0xc0, 0xc1];
const START_OF_SCAN: u8 = 0xda;
/// Markers without a length: the start of the image, and restarts.
const ALONE: std::ops::RangeInclusive<u8> = 0xd0..=0xd8;

/// Whether the file is not progressive, has a scan of its own for each colour or for some of them, and stores some
/// colours at a lower resolution than others.
pub(super) fn has_separate_scans(bytes: &[u8]) -> bool {
    let mut frame = None;
    for (marker, segment) in segments(bytes) {
        match marker {
            marker if SEQUENTIAL.contains(&marker) => frame = Some(segment),
            START_OF_SCAN => {
                let Some((&count, components)) = frame.and_then(|frame| frame.get(5..)?.split_first()) else {
                    return false;
                };
                let scanned = segment.first().copied().unwrap_or_default();
                let mut samplings = components.chunks_exact(3).map(|component| component[1]);
                return scanned < count && samplings.any(|sampling| sampling != 0x11);
            }
            _ => {}
        }
    }
    false
}

/// The marker segments up to the first scan, each without its length.
fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let start = rest.iter().position(|byte| *byte == 0xff)?;
            let marker = *rest.get(start + 1)?;
            if matches!(marker, 0x00 | 0x01) || ALONE.contains(&marker) {
                rest = &rest[start + 2..];
                continue;
            }
            if marker == 0xff {
                rest = &rest[start + 1..];
                continue;
            }
            let length = usize::from(u16::from_be_bytes(rest.get(start + 2..start + 4)?.try_into().ok()?));
            let segment = rest.get(start + 4..start + 2 + length)?;
            rest = &rest[start + 2 + length..];
            return Some((marker, segment));
        }
    })
}
