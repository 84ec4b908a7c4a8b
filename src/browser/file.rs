//! Files that the user gives to the page, and uploading them unchanged.

use super::window;
use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Event, File, HtmlInputElement, RequestInit, Response, Url};

/// The files that an event brings: chosen in the field `input`, pasted, dropped; empty while they are dragged over
/// the page. None if the event has no files. A copy from a document is text and often a picture of it as
/// well; then the text is used.
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
            // The default action inserts the file's name into the text, or leaves the page to show the file.
            event.prevent_default();
        }
    }
    Some(files)
}

/// A URL that only this page can load (`blob:`). It keeps the file in memory until it is revoked.
pub fn address_of(file: &File) -> String {
    Url::create_object_url_with_blob(file).unwrap_or_default()
}

pub fn revoke(address: &str) {
    let _ = Url::revoke_object_url(address);
}

/// Sends a request with a file as the body. Returns the status and the answer's text; none if the server could not be
/// reached.
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
