//! What the first page shows, as one piece of data, so that server and browser draw the same.

use super::place::Place;
use crate::api;
use crate::contract::{Me, Page};
use crate::error::Problem;
use crate::event::List;
use crate::model::{MessageId, Model};
use leptos::server::codee::{Decoder, Encoder};
use serde::{Deserialize, Serialize};
use serde_json::Error;

/// Whatever fails is shown in its place; the rest is there all the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct First {
    /// None on the start page.
    pub page: Option<Result<Page, Problem>>,
    pub list: Result<List, Problem>,
    pub models: Result<Vec<Model>, Problem>,
    /// Whose page it is. None for somebody who only reads along by a public link.
    pub me: Option<Me>,
    /// The id of what is sent before the browser runs our code: pressing twice then sends once as well.
    pub message: MessageId,
}

/// How it gets from the server's page to the browser: as JSON, read as bytes like all other JSON here. leptos' own way
/// reads text, and serde compiles a type once for each source.
pub struct InPage;

impl Encoder<First> for InPage {
    type Error = Error;
    type Encoded = String;

    fn encode(first: &First) -> Result<String, Error> {
        serde_json::to_string(first)
    }
}

impl Decoder<First> for InPage {
    type Error = Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<First, Error> {
        serde_json::from_slice(text.as_bytes())
    }
}

impl First {
    pub async fn fetch(place: Place) -> Self {
        let page = async {
            match place {
                Place::Start => None,
                Place::Conversation(id) => Some(api::open(id).await),
            }
        };
        let (page, list, models, me) = futures::join!(page, api::conversations(None), api::models(), api::me());
        Self { page, list, models, me: me.ok(), message: MessageId::new() }
    }
}
