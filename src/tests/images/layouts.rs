//! JPEGs whose colour planes are stored one after the other: the right picture, or a refusal with a message.

use super::files::{BLUE, RED};
use crate::server::picture::Picture;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, GenericImageView, Rgb};

const SIDE: u16 = 64;

/// One colour's plane as a JPEG of its own: red on the left, blue on the right. `place` is 0 for luma, then Cb and Cr.
fn plane(place: usize, width: u16, height: u16) -> Vec<u8> {
    let value = |Rgb([red, green, blue]): Rgb<u8>| {
        let [red, green, blue] = [red, green, blue].map(f64::from);
        let y = 0.299 * red + 0.587 * green + 0.114 * blue;
        [y, 128.0 + 0.564 * (blue - y), 128.0 + 0.713 * (red - y)][place] as u8
    };
    let left = |at: usize| at % usize::from(width) < usize::from(width) / 2;
    let pixels: Vec<u8> =
        (0..usize::from(width) * usize::from(height)).map(|at| value(if left(at) { RED } else { BLUE })).collect();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.encode(&pixels, width.into(), height.into(), ExtendedColorType::L8).unwrap();
    bytes
}

/// The segments of one kind, whole.
fn segments(jpeg: &[u8], wanted: u8) -> Vec<u8> {
    let (mut at, mut found) = (2, Vec::new());
    while jpeg[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] == wanted {
            found.extend_from_slice(&jpeg[at..end]);
        }
        at = end;
    }
    found
}

/// What is behind the header of the only scan, without the end of the image.
fn scan(jpeg: &[u8]) -> &[u8] {
    let start = jpeg.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    let header = usize::from(u16::from_be_bytes([jpeg[start + 2], jpeg[start + 3]]));
    &jpeg[start + 2 + header..jpeg.len() - 2]
}

/// A baseline JPEG with a scan for each colour; luma has `across` times `down` the resolution of the others.
fn separate(across: u16, down: u16) -> Vec<u8> {
    let planes = [plane(0, SIDE, SIDE), plane(1, SIDE / across, SIDE / down), plane(2, SIDE / across, SIDE / down)];
    let [high, low] = SIDE.to_be_bytes();
    let sampling = (across << 4 | down) as u8;
    let mut jpeg = vec![0xff, 0xd8];
    jpeg.extend(segments(&planes[0], 0xdb));
    jpeg.extend([0xff, 0xc0, 0, 17, 8, high, low, high, low, 3, 1, sampling, 0, 2, 0x11, 0, 3, 0x11, 0]);
    for (place, plane) in (1..).zip(&planes) {
        jpeg.extend(segments(plane, 0xc4));
        jpeg.extend([0xff, 0xda, 0, 8, 1, place, 0, 0, 63, 0]);
        jpeg.extend(scan(plane));
    }
    jpeg.extend([0xff, 0xd9]);
    jpeg
}

#[test]
fn z09_a_jpeg_with_separate_scans_is_the_right_picture_or_is_refused_in_words() {
    for (across, down) in [(1, 1), (2, 2), (2, 1), (1, 2), (4, 1)] {
        match Picture::read(&separate(across, down)) {
            Ok(picture) => {
                let shown = image::load_from_memory(&picture.bytes).unwrap();
                for (x, colour) in [(8, RED), (24, RED), (40, BLUE), (56, BLUE)] {
                    for y in [4, 20, 36, 60] {
                        let seen = shown.get_pixel(x, y).0;
                        let is_near = (0..3).all(|at| seen[at].abs_diff(colour.0[at]) < 40);
                        assert!(is_near, "{across}x{down} at {x},{y}: {seen:?}");
                    }
                }
            }
            Err(problem) => {
                assert!(problem.to_string().contains("one after the other"), "{problem}");
                assert_ne!((across, down), (1, 1), "this one can be read");
            }
        }
    }
}

#[test]
fn z09_the_reported_file_is_refused_and_a_usual_one_is_not() {
    let reported = include_bytes!("../cases/image-separate-scans-420.jpg");
    let told = Picture::read(reported).unwrap_err().to_string();
    assert!(told.contains("one after the other") && told.contains("save it anew"), "{told}");
    assert!(Picture::read(&super::files::turned_jpeg()).is_ok());
    for end in 0..reported.len() {
        assert!(Picture::read(&reported[..end]).is_err(), "cut at {end}");
    }
}
