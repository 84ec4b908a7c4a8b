//! Pages of the server, shown within this one: fetched, and their forms sent, as the browser itself would.

use super::{document, window};
use js_sys::{Array, Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, HtmlTemplateElement, RequestInit, Response};

/// A page: where it is, and the HTML of its main part.
pub struct Fetched {
    pub address: String,
    /// None where it is not a page of forms.
    pub main: Option<String>,
}

/// Fetches the page at `path`; none where the server cannot be reached, or what it answers is not a page of its own.
pub async fn page(path: &str) -> Option<Fetched> {
    fetched(path, &RequestInit::new()).await
}

/// Sends a form as a press on its button does, and fetches the page that this leads to.
pub async fn send(form: &Element) -> Option<Fetched> {
    let address = form.get_attribute("action")?;
    let init = RequestInit::new();
    let fields = made("URLSearchParams", &made("FormData", form)?)?;
    if form.get_attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("post")) {
        init.set_method("POST");
        init.set_body(&fields);
        return fetched(&address, &init).await;
    }
    let query = fields.unchecked_ref::<js_sys::Object>().to_string();
    fetched(&[address, "?".into(), query.into()].concat(), &init).await
}

/// A new object of the class of this name.
fn made(class: &str, argument: &JsValue) -> Option<JsValue> {
    let class = Reflect::get(&window(), &class.into()).ok()?.dyn_into::<Function>().ok()?;
    Reflect::construct(&class, &Array::of1(argument)).ok()
}

async fn fetched(path: &str, init: &RequestInit) -> Option<Fetched> {
    let answer = JsFuture::from(window().fetch_with_str_and_init(path, init)).await.ok()?;
    let answer: Response = answer.dyn_into().ok()?;
    let text = JsFuture::from(answer.text().ok()?).await.ok()?.as_string()?;
    // In a template nothing loads and nothing runs.
    let template: HtmlTemplateElement = document().create_element("template").ok()?.unchecked_into();
    template.set_inner_html(&text);
    let main = template.content().query_selector("main.sheet").ok()?.map(|main| main.inner_html());
    Some(Fetched { address: answer.url(), main })
}
