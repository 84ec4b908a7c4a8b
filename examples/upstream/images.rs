//! The images in a request, as each provider has them in it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;

use super::format::Format;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Image {
    /// Ollama looks at the bytes instead.
    pub(crate) media_type: Option<String>,
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
    /// How many bytes; none at all is an image that could not be read.
    pub(crate) length: usize,
}

/// All of them, in their order.
pub(super) fn of(format: Format, body: &Value) -> Vec<Image> {
    let (messages, content) = match format {
        Format::Responses => (&body["input"], "content"),
        Format::Gemini => (&body["contents"], "parts"),
        Format::Ollama => (&body["messages"], "images"),
        _ => (&body["messages"], "content"),
    };
    let parts = messages.as_array().into_iter().flatten().filter_map(|message| message[content].as_array()).flatten();
    parts.filter_map(|part| image(format, part)).collect()
}

fn image(format: Format, part: &Value) -> Option<Image> {
    match format {
        Format::Anthropic if part["type"] == "image" && part["source"]["type"] == "base64" => {
            Some(read(part["source"]["media_type"].as_str(), &part["source"]["data"]))
        }
        Format::OpenAi | Format::Mistral if part["type"] == "image_url" => Some(at(&part["image_url"]["url"])),
        Format::Responses if part["type"] == "input_image" => Some(at(&part["image_url"])),
        Format::Gemini if part["inline_data"].is_object() => {
            Some(read(part["inline_data"]["mime_type"].as_str(), &part["inline_data"]["data"]))
        }
        Format::Ollama => Some(read(None, part)),
        _ => None,
    }
}

/// An image in a data URL. A provider could not load another URL from a private server.
fn at(url: &Value) -> Image {
    let data = url.as_str().and_then(|url| url.strip_prefix("data:")?.split_once(";base64,"));
    let (media_type, data) = data.unwrap_or_default();
    read(Some(media_type), &data.into())
}

fn read(media_type: Option<&str>, data: &Value) -> Image {
    let bytes = data.as_str().and_then(|data| STANDARD.decode(data).ok()).unwrap_or_default();
    Image { media_type: media_type.map(str::to_owned), length: bytes.len(), bytes }
}

/// What the provider would say against it.
pub(super) fn objection(format: Format, image: &Image) -> Option<String> {
    if image.length == 0 {
        return Some("Could not process image".into());
    }
    let begins = |magic: &[u8]| image.bytes.starts_with(magic);
    let media_type = match () {
        () if begins(b"\x89PNG") => "image/png",
        () if begins(&[0xff, 0xd8]) => "image/jpeg",
        () => return Some("Unsupported image format".into()),
    };
    let fits = format == Format::Ollama || image.media_type.as_deref() == Some(media_type);
    (!fits).then(|| format!("the image is {media_type}, and not what the request says"))
}
