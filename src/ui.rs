//! What a person sees. Components draw: props in, view out.
//!
//! [`frame`] loads the first page and lays it out: [`sidebar`] beside [`conversation`] (or [`start`]), with the
//! [`composer`] below. [`live`] holds the signals that all of them read; [`desk`] what belongs to the page alone.

pub mod live;

pub(crate) mod frame;
pub(crate) mod missing;

mod actions;
mod composer;
mod conversation;
mod copy;
mod current;
mod desk;
mod entry;
mod esc;
mod first;
mod icon;
mod instructions;
mod message;
mod notice;
mod outbox;
mod picker;
mod place;
mod prose;
mod reading;
mod reply;
mod sidebar;
mod start;
mod topbar;
mod words;
