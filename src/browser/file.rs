//! Files that somebody gives to the page, and sending them as they are.

use super::window;
use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Event, File, HtmlInputElement, RequestInit, Response, Url};

/// The files that an event brings: chosen in the field `input`, pasted, dropped; none of them yet while they are held over
/// the page. None where it is about something else. What is copied from a document is text and often a picture of it as
/// well; then the text is meant.
pub fn given(event: &Event, input: &str) -> Option<Array> {
    let member = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).ok();
    let source: JsValue = match event.type_().as_str() {
        "change" => event.target()?.dyn_into::<HtmlInputElement>().ok().filter(|it| it.id() == input)?.into(),
        "paste" => member(event, "clipboardData")?,
        "dragleave" => return None,
        _ => member(event, "dataTransfer")?,
    };
    let files = Array::from(&member(&source, "files")?);
    match source.dyn_ref::<HtmlInputElement>() {
        // Choosing the same file once more is a choice as well.
        Some(input) => input.set_value(""),
        None => {
            let types = Array::from(&member(&source, "types")?);
            if !types.includes(&"Files".into(), 0) || types.includes(&"text/plain".into(), 0) {
                return None;
            }
            // Which is to put the file's name into the text, or to leave the page for it.
            event.prevent_default();
        }
    }
    Some(files)
}

/// An address under which this page alone can show the file. It holds the file until it is revoked.
pub fn address_of(file: &File) -> String {
    Url::create_object_url_with_blob(file).unwrap_or_default()
}

pub fn revoke(address: &str) {
    let _ = Url::revoke_object_url(address);
}

/// Asks the server, with a file as the body. The status and the answer's text; none where it could not be reached.
pub async fn fetch(method: &str, path: &str, body: Option<&Blob>) -> Option<(u16, String)> {
    let init = RequestInit::new();
    init.set_method(method);
    if let Some(body) = body {
        init.set_body(body);
    }
    let answer = JsFuture::from(window().fetch_with_str_and_init(path, &init)).await.ok()?;
    let answer: Response = answer.dyn_into().ok()?;
    let text = JsFuture::from(answer.text().ok()?).await.ok()?;
    Some((answer.status(), text.as_string()?))
}
