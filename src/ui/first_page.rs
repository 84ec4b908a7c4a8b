//! What the first page shows, as one piece of data, so that server and browser draw the same.

use crate::api;
use crate::browser;
use crate::contract::{Home, Page};
use crate::error::Problem;
use crate::event::Snapshot;
use crate::json::{self, Unreadable};
use crate::markdown;
use crate::model::{MessageId, Role};
use crate::ui::route::{Route, anchor};
use leptos::server::codee::{Decoder, Encoder};
use serde::{Deserialize, Serialize};
use serde_json::Error;
use std::collections::BTreeMap;

/// A part that fails is replaced by its error; the other part is unaffected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct First {
    /// None on the start page.
    pub page: Option<Result<Page, Problem>>,
    pub home: Result<Home, Problem>,
    /// The id of a message that is sent before hydration, which makes a double click idempotent.
    pub message: MessageId,
}

/// Serializes the first page's data into the server's HTML: as JSON, read by `json` like all other JSON here.
///
/// What stands in the page's HTML already, coloured code many times as long as its text, is not sent again: the browser
/// reads it from the HTML.
pub struct InPage;

/// [`First`] without the HTML that the document holds.
#[derive(Serialize)]
struct Sent<'a> {
    page: Option<Result<Undrawn<'a>, &'a Problem>>,
    home: &'a Result<Home, Problem>,
    message: MessageId,
}

/// A [`Page`] whose HTML is in the document.
#[derive(Serialize)]
struct Undrawn<'a> {
    snapshot: &'a Snapshot,
    highlighted: BTreeMap<MessageId, String>,
}

impl Encoder<First> for InPage {
    type Error = Error;
    type Encoded = String;

    fn encode(first: &First) -> Result<String, Error> {
        let First { page, home, message } = first;
        let page = page.as_ref().map(|page| page.as_ref().map(Undrawn::from));
        serde_json::to_string(&Sent { page, home, message: *message })
    }
}

impl Decoder<First> for InPage {
    type Error = Unreadable;
    type Encoded = str;

    fn decode(text: &str) -> Result<First, Unreadable> {
        let mut first: First = json::read(text.as_bytes())?;
        if let Some(Ok(page)) = &mut first.page {
            take_from_document(page);
        }
        Ok(first)
    }
}

impl<'a> From<&'a Page> for Undrawn<'a> {
    fn from(page: &'a Page) -> Self {
        Self { snapshot: &page.snapshot, highlighted: BTreeMap::new() }
    }
}

/// The highlighted code in the server's HTML. Code that is missing there is shown without highlighting.
fn take_from_document(page: &mut Page) {
    if !cfg!(target_family = "wasm") {
        return;
    }
    let is_finished =
        |role: Role, is_open: bool, text: &str| role == Role::Assistant && !is_open && markdown::is_unfinished(text);
    for message in &page.snapshot.messages {
        if is_finished(message.role, message.status.is_open(), &message.text)
            && let Some(html) = browser::inner_html(&format!("#{} .reply > .prose", anchor(message.id)))
        {
            page.highlighted.insert(message.id, html);
        }
    }
}

impl First {
    pub async fn fetch(place: Route) -> Self {
        let page = async {
            match place {
                Route::Start => None,
                Route::Conversation(id) => Some(api::open(id).await),
            }
        };
        let (page, home) = futures::join!(page, api::home());
        Self { page, home, message: MessageId::new() }
    }
}
