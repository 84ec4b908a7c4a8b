//! Stored images: decoded from an upload, regardless of its name and type, and encoded anew.
//!
//! Pure. The result is a picture and nothing else: no location, no thumbnail of what was cut away, no second file
//! behind its end. It is rotated as its metadata says, at most [`MAX_SIDE`] pixels long, the first frame of an
//! animation, and its colours are taken for sRGB. It is stored as a PNG where it has transparency or is a drawing or a
//! screenshot; as a JPEG where it came as one or would be large.

mod layout;

use super::secret::hex;
use crate::error::Problem;
use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use sha2::{Digest, Sha256};
use std::io::Cursor;

/// The longest stored side, in pixels: Anthropic scales down longer ones, and refuses more than 2,000 where a request
/// has many images; OpenAI and Google cut or scale to less.
pub const MAX_SIDE: u32 = 1_568;
/// The largest picture that is decoded, in pixels: the best of today's phones. Decoding it takes up to some 400 MB for
/// a moment, so [`super::images`] decodes one at a time.
pub const MAX_PIXELS: u64 = 50_000_000;
/// What decoding may allocate for one picture: four bytes a pixel.
const MAX_DECODED_BYTES: u64 = 4 * MAX_PIXELS;
/// The largest stored picture: a full request of them stays below every vendor's limit (Google's 20 MB are the
/// smallest).
pub const MAX_BYTES: usize = 1 << 20;
/// JPEG qualities, tried in this order until the picture is small enough. The first looks like the original.
const QUALITIES: [u8; 3] = [88, 75, 55];

/// An image, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// SHA-256 of the bytes, in hexadecimal.
    pub hash: String,
    /// `image/png` or `image/jpeg`, which every vendor takes.
    pub media_type: String,
    pub width: u32,
    pub height: u32,
    pub bytes: Bytes,
}

impl Picture {
    /// Decodes and encodes anew. Takes up to a second or two: for a blocking thread.
    ///
    /// # Errors
    /// 415 for a file that is not one of the four kinds of image, 422 for one that is damaged or too large.
    pub fn read(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.is_empty() {
            return Err(unreadable("The file is empty."));
        }
        let format = kind(bytes)?;
        if format == ImageFormat::Jpeg && layout::has_separate_scans(bytes) {
            return Err(unreadable(
                "This JPEG stores its colours one after the other, which cannot be read here. Open it somewhere else and \
                 save it anew.",
            ));
        }
        let (image, orientation) = decode(bytes, format)?;
        let mut image = fitted(image, MAX_SIDE);
        image.apply_orientation(orientation);
        Self::encode(image, format == ImageFormat::Jpeg)
    }

    fn encode(image: DynamicImage, as_jpeg: bool) -> Result<Self, Problem> {
        let (width, height) = image.dimensions();
        let (media_type, bytes) = match as_jpeg {
            false => match png(&image)? {
                bytes if bytes.len() <= MAX_BYTES => ("image/png", bytes),
                _ => ("image/jpeg", jpeg(&image)?),
            },
            true => ("image/jpeg", jpeg(&image)?),
        };
        if MAX_BYTES < bytes.len() {
            // Pure noise: half its size is a quarter of its bytes.
            return Self::encode(fitted(image, width.max(height) / 2), true);
        }
        let hash = hex(&Sha256::digest(&bytes));
        Ok(Self { hash, media_type: media_type.into(), width, height, bytes: bytes.into() })
    }
}

/// The format, recognised by the first bytes.
fn kind(bytes: &[u8]) -> Result<ImageFormat, Problem> {
    use ImageFormat::{Gif, Jpeg, Png, WebP};
    match image::guess_format(bytes) {
        Ok(format @ (Png | Jpeg | WebP | Gif)) => Ok(format),
        _ => Err(Problem::Unsupported("This is not a PNG, JPEG, WebP or GIF image. Save it as one of these.".into())),
    }
}

/// Its pixels as they are stored, and how to rotate them. Its size is known before any of it is decoded.
fn decode(bytes: &[u8], format: ImageFormat) -> Result<(DynamicImage, Orientation), Problem> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if MAX_PIXELS < u64::from(width) * u64::from(height) || MAX_DECODED_BYTES < decoder.total_bytes() {
        return Err(too_large());
    }
    // A picture with invalid metadata is shown as it is stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    Ok((image, orientation))
}

/// The picture with no side longer than `most`.
fn fitted(image: DynamicImage, most: u32) -> DynamicImage {
    let (width, height) = image.dimensions();
    let longest = width.max(height);
    if longest <= most {
        return image;
    }
    let scaled = |side: u32, most: u32| (u64::from(side) * u64::from(most) / u64::from(longest)).max(1) as u32;
    // By averages to twice the size first: the finer filter works in floating point, four numbers for each pixel.
    let image = match most * 2 {
        twice if twice < longest => image.thumbnail_exact(scaled(width, twice), scaled(height, twice)),
        _ => image,
    };
    image.resize_exact(scaled(width, most), scaled(height, most), FilterType::CatmullRom)
}

fn png(image: &DynamicImage) -> Result<Vec<u8>, Problem> {
    let is_opaque = !image.color().has_alpha() || image.to_rgba8().pixels().all(|pixel| pixel.0[3] == u8::MAX);
    let mut bytes = Cursor::new(Vec::new());
    let written = match is_opaque {
        true => image.to_rgb8().write_to(&mut bytes, ImageFormat::Png),
        false => image.to_rgba8().write_to(&mut bytes, ImageFormat::Png),
    };
    written.map_err(damaged)?;
    Ok(bytes.into_inner())
}

fn jpeg(image: &DynamicImage) -> Result<Vec<u8>, Problem> {
    let flat = on_white(image);
    let mut bytes = Vec::new();
    for quality in QUALITIES {
        bytes.clear();
        JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(&flat).map_err(damaged)?;
        if bytes.len() <= MAX_BYTES {
            break;
        }
    }
    Ok(bytes)
}

/// JPEG has no transparency; transparent parts get a white background.
fn on_white(image: &DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let rgba = image.to_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [red, green, blue, alpha] = rgba.get_pixel(x, y).0.map(u32::from);
        let blend = |colour: u32| ((colour * alpha + 255 * (255 - alpha)) / 255) as u8;
        image::Rgb([red, green, blue].map(blend))
    })
}

fn unreadable(sentence: &str) -> Problem {
    Problem::invalid("image", sentence)
}

/// The message for a picture whose decoder failed or panicked.
pub(super) fn broken() -> Problem {
    unreadable("This image is damaged or was cut off. Open it somewhere else and save it anew.")
}

fn too_large() -> Problem {
    let megapixels = MAX_PIXELS / 1_000_000;
    unreadable(&format!(
        "This image has too many pixels: at most {megapixels} megapixels are taken. Scale it down first."
    ))
}

fn damaged(error: ImageError) -> Problem {
    tracing::debug!(%error, "An image cannot be read");
    match error {
        ImageError::Limits(_) => too_large(),
        _ => broken(),
    }
}
