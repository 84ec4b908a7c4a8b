//! Calls of tools, as several formats have them. Pure.

use super::lenient::{Object, Text};
use serde::Deserialize;

/// An entry of a list of calls.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Call {
    pub(super) function: Object<Called>,
}

/// The tool that is called.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Called {
    pub(super) name: Text,
}
