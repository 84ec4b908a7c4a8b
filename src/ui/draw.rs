//! The functions that draw a conversation. Their code is loaded on demand by `lazy`, so their callers know only these types.

use super::unsent_images::UnsentImages;
use crate::contract::{Changes, Later};
use crate::error::Problem;
use crate::model::{ConversationId, Image, Parameters};
use crate::ui::route::Route;
use futures::future::LocalBoxFuture;
use js_sys::Array;
use leptos::prelude::*;

/// What the server is asked to do.
pub type Request = LocalBoxFuture<'static, Result<(), Problem>>;

/// The functions of the lazy code.
#[derive(Clone, Copy)]
pub struct Draw {
    pub conversation: fn(ConversationId) -> AnyView,
    /// The settings in the instructions panel; takes the form's id and how often the panel was opened.
    pub settings: fn(&'static str, ReadSignal<u32>) -> AnyView,
    /// The values of the settings' fields; none where they are not rendered.
    pub parameters: fn() -> Option<Parameters>,
    /// The messages that wait for the end of the open reply.
    pub waiting: fn() -> AnyView,
    /// Keeps a message until the open reply is done.
    pub queue: fn(ConversationId, Later) -> Request,
    /// Changes a conversation: its title, model or settings.
    pub change: fn(ConversationId, Changes) -> Request,
}

/// The functions for images of the next message. Their code is loaded when the first one is added.
#[derive(Clone, Copy)]
pub struct Pictures {
    /// The images of the next message.
    pub tray: fn() -> AnyView,
    /// Uploads files for the message that is being written on the route. The function is called when the message that
    /// was to be sent can be.
    pub attach: fn(UnsentImages, Route, Array, Box<dyn Fn()>),
    /// Hands over the images of a message that is being sent from the route; none while they are being uploaded.
    pub take: fn(UnsentImages, Route) -> Option<Vec<Image>>,
    /// Moves attachments from one route to another.
    pub moved: fn(UnsentImages, Route, Route),
    /// Puts back the images of a message that could not be sent.
    pub put_back: fn(UnsentImages, Route, Vec<Image>),
}
