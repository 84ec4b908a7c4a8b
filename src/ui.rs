//! What a person sees. Components draw: props in, view out.
//!
//! [`frame`] loads the first page and lays it out: [`sidebar`] beside [`conversation`] (or [`start`]), with the
//! [`composer`] below. [`live`] holds the signals that all of them read; [`desk`] what belongs to the page alone.

pub mod actions;
pub mod address;
pub mod advanced;
pub mod company;
pub mod composer;
pub mod conversation;
pub mod copy;
pub mod current;
pub mod desk;
pub mod edit;
pub mod ending;
pub mod entry;
pub mod esc;
pub mod field;
pub mod first;
pub mod frame;
pub mod giving;
pub mod icon;
pub mod images;
pub mod instructions;
pub mod keys;
pub mod live;
pub mod message;
pub mod missing;
pub mod notice;
pub mod outbox;
pub mod picker;
pub mod pictures;
pub mod place;
pub mod prose;
pub mod reading;
pub mod reply;
pub mod settings;
pub mod sidebar;
pub mod start;
pub mod thinking;
pub mod thread;
pub mod topbar;
pub mod versions;
pub mod when;
pub mod words;
