//! Copying text.

use super::{document, window};
use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, HtmlTextAreaElement};

/// Copies the text, and returns whether it succeeded. To be called from a click.
pub async fn copy(text: &str) -> bool {
    let navigator = window().navigator();
    // Missing on plain http, such as for a server in a home network.
    if !Reflect::has(&navigator, &"clipboard".into()).unwrap_or(false) {
        return copy_selected(text).unwrap_or(false);
    }
    JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok()
}

/// Copies the text, and `html` for where it is pasted into what shows formatting.
pub async fn copy_formatted(text: &str, html: &str) -> bool {
    match written(text, html) {
        Some(written) => JsFuture::from(written).await.is_ok(),
        None => copy(text).await,
    }
}

/// None where the browser copies nothing but text.
fn written(text: &str, html: &str) -> Option<Promise> {
    let make = Reflect::get(&window(), &"ClipboardItem".into()).ok()?.dyn_into::<Function>().ok()?;
    let forms = Object::new();
    for (kind, content) in [("text/plain", text), ("text/html", html)] {
        Reflect::set(&forms, &kind.into(), &blob(content, kind)?.into()).ok()?;
    }
    let item = Reflect::construct(&make, &Array::of1(&forms)).ok()?;
    let clipboard = window().navigator().clipboard();
    let write = Reflect::get(&clipboard, &"write".into()).ok()?.dyn_into::<Function>().ok()?;
    write.call1(&clipboard, &Array::of1(&item)).ok()?.dyn_into().ok()
}

fn blob(content: &str, kind: &str) -> Option<Blob> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    Blob::new_with_str_sequence_and_options(&Array::of1(&JsValue::from(content)), &options).ok()
}

/// The fallback: a text field that is not visible.
fn copy_selected(text: &str) -> Option<bool> {
    let document = document();
    let body = document.body()?;
    let field = document.create_element("textarea").ok()?.dyn_into::<HtmlTextAreaElement>().ok()?;
    field.set_value(text);
    // By the DOM, which a content security policy against inline styles allows.
    for (name, value) in [("position", "fixed"), ("opacity", "0")] {
        let _ = Reflect::set(&Reflect::get(&field, &"style".into()).ok()?, &name.into(), &value.into());
    }
    let focused = document.active_element();
    body.append_child(&field).ok()?;
    field.select();
    let copied = exec_copy(&document);
    field.remove();
    if let Some(before) = focused {
        super::focus(&before);
    }
    copied
}

fn exec_copy(document: &JsValue) -> Option<bool> {
    let command = Reflect::get(document, &"execCommand".into()).ok()?.dyn_into::<Function>().ok()?;
    command.apply(document, &Array::of1(&"copy".into())).ok()?.as_bool()
}
