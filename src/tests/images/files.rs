//! Image files, ordinary and malicious.

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{Delay, DynamicImage, Frame, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use std::io::Cursor;

pub(super) const RED: Rgb<u8> = Rgb([250, 10, 10]);
pub(super) const BLUE: Rgb<u8> = Rgb([10, 10, 250]);

/// Red on the left, blue on the right.
pub(super) fn drawing(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { RED } else { BLUE }).into()
}

pub(super) fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    written(&drawing(width, height), ImageFormat::Png)
}

/// A PNG that differs by its number, and is small.
pub(super) fn numbered(number: u8) -> Vec<u8> {
    written(&RgbImage::from_pixel(8, 8, Rgb([number, 0, 0])).into(), ImageFormat::Png)
}

/// Nothing repeats in it, so no format makes it small.
pub(super) fn noise(side: u32, alpha: bool) -> DynamicImage {
    let mut state = 1_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    match alpha {
        true => RgbaImage::from_fn(side, side, |_, _| Rgba([next(), next(), next(), next()])).into(),
        false => RgbImage::from_fn(side, side, |_, _| Rgb([next(), next(), next()])).into(),
    }
}

/// Two frames, the first red, the second blue.
pub(super) fn animation() -> Vec<u8> {
    let mut bytes = Vec::new();
    let frame = |colour: Rgb<u8>| {
        let [red, green, blue] = colour.0;
        let image = RgbaImage::from_pixel(20, 10, Rgba([red, green, blue, 255]));
        Frame::from_parts(image, 0, 0, Delay::from_numer_denom_ms(100, 1))
    };
    GifEncoder::new(&mut bytes).encode_frames([frame(RED), frame(BLUE)]).unwrap();
    bytes
}

/// A JPEG that its camera took lying on its side, and that says where.
pub(super) fn turned_jpeg() -> Vec<u8> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 95).encode_image(&drawing(40, 20)).unwrap();
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08".to_vec();
    // Two entries: the orientation (turn by 90 degrees), and where the GPS's own are.
    exif.extend(b"\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x88\x25\0\x04\0\0\0\x01\0\0\0\x26\0\0\0\0");
    // One entry: the latitude's reference, then words that can be looked for.
    exif.extend(b"\0\x01\0\x01\0\x02\0\0\0\x02N\0\0\0\0\0\0\0 at 52.5200 N 13.4050 E");
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], b"\xff\xe1", &length[..], &exif[..], &jpeg[2..]].concat()
}

/// 8 by 8 pixels of one colour in four inks, as printers have it: the smallest tables that say so.
pub(super) fn cmyk_jpeg() -> Vec<u8> {
    let quantization = [b"\xff\xdb\0\x43\0".as_slice(), &[1; 64]].concat();
    let adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0";
    let frame = b"\xff\xc0\0\x14\x08\0\x08\0\x08\x04\x01\x11\0\x02\x11\0\x03\x11\0\x04\x11\0";
    // One code of one bit each: no difference, and the end of the block.
    let table = |class: u8| [b"\xff\xc4\0\x14".as_slice(), &[class, 1], &[0; 15], &[0]].concat();
    let scan = b"\xff\xda\0\x0e\x04\x01\0\x02\0\x03\0\x04\0\0\x3f\0";
    let parts: [&[u8]; 9] =
        [b"\xff\xd8", adobe, &quantization, frame, &table(0x00), &table(0x10), scan, b"\0\0", b"\xff\xd9"];
    parts.concat()
}

/// A PNG whose header claims this size, with little data.
pub(super) fn claiming(width: u32, height: u32) -> Vec<u8> {
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let pixels = [0x78, 0x9c, 0x63, 0, 0, 0, 1, 0, 1];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &head), chunk(b"IDAT", &pixels), chunk(b"IEND", &[])].concat()
}

/// A PNG with words in it, and a page behind its end.
pub(super) fn polyglot() -> Vec<u8> {
    let plain = png(20, 10);
    // Behind the signature and the header.
    let (head, rest) = plain.split_at(33);
    let words = chunk(b"tEXt", b"Comment\0<script>alert('inside')</script>");
    [head, &words, rest, b"<html><script>alert('behind')</script></html>"].concat()
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [kind.as_slice(), data].concat();
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length[..], &named, &crc32(&named).to_be_bytes()].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    };
    !bytes.iter().fold(u32::MAX, step)
}
