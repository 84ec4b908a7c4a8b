//! The user interface. Components draw: props in, view out.
//!
//! [`layout`] loads the first page and lays it out: [`sidebar`] beside [`thread`] (or [`start`]), with the
//! [`composer`] below. [`live`] holds the signals that all of them read; [`page`] the rest of the page's state.

pub mod actions;
pub mod advanced;
pub mod attachments;
pub mod autoscroll;
pub mod chosen_model;
pub mod composer;
pub mod copy;
pub mod cut;
pub mod days;
pub mod draw;
pub mod drawer;
pub mod edit;
pub mod ending;
pub mod escape_key;
pub mod field;
pub mod first_page;
pub mod highlight;
pub mod icon;
pub mod image_input;
pub mod instructions;
pub mod keys;
pub mod labels;
pub mod layout;
pub mod lazy;
pub mod live;
pub mod message;
pub mod message_images;
pub mod navigation;
pub mod not_found;
pub mod notice;
pub mod outbox;
pub mod page;
pub mod panel;
pub mod panels;
pub mod parts;
pub mod picker;
pub mod presence;
pub mod prose;
pub mod reply;
pub mod route;
pub mod settings;
pub mod shortcuts;
pub mod sidebar;
pub mod sidebar_entry;
pub mod start;
pub mod stream_line;
pub mod thinking;
pub mod thread;
pub mod too_long;
pub mod topbar;
pub mod unsent_images;
pub mod versions;
pub mod when;
