//! The images of the next messages. `outbox` sends them, `attachments` uploads and shows them.

use crate::model::Image;
use crate::ui::route::Route;
use leptos::prelude::*;
use uuid::Uuid;

/// One per page, provided as context by the layout.
#[derive(Clone, Copy)]
pub struct UnsentImages {
    /// The images of all routes. They do not survive a reload.
    pub list: RwSignal<Vec<Attachment>>,
    /// The user pressed Enter, and the message is to be sent as soon as its images are uploaded.
    pub asked: RwSignal<bool>,
    /// The page's notice.
    pub notice: RwSignal<String>,
    /// The page's text for screen readers.
    pub whisper: RwSignal<String>,
}

/// An image for the next message.
#[derive(Clone)]
pub struct Attachment {
    pub key: Uuid,
    pub place: Route,
    /// The file's name.
    pub name: String,
    /// The browser's own URL of the file (`blob:`).
    pub address: String,
    /// None while it is being uploaded.
    pub image: Option<Image>,
}

impl UnsentImages {
    pub fn new(notice: RwSignal<String>, whisper: RwSignal<String>) -> Self {
        Self { list: RwSignal::new(Vec::new()), asked: RwSignal::new(false), notice, whisper }
    }
}
