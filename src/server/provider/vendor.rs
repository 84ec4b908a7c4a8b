//! The differences between model APIs besides their decoders: addresses, headers, the shape of a request.

use super::framing::Framing;
use super::{Decoder, Origin, Request};
use crate::model;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Members of a request's JSON that the operator chose; they are passed through unchanged.
pub type Parameters = Map<String, Value>;

/// One model API.
pub(super) struct Vendor {
    /// The vendor's own address.
    pub(super) base_url: &'static str,
    /// The choices where the settings list none; the first is the default.
    pub(super) models: &'static [&'static str],
    pub(super) framing: Framing,
    /// The request's address, from the base URL without a trailing slash, and the model.
    pub(super) url: fn(base: &str, model: &str) -> String,
    /// The headers for authentication and for the API's version.
    pub(super) headers: fn(key: Option<&str>) -> Vec<(&'static str, String)>,
    /// The request's JSON.
    pub(super) body: fn(&Request) -> Value,
    /// Adds the conversation's parameters.
    pub(super) choose: fn(&mut Value, &model::Parameters),
    /// Its members that parameters cannot replace: what Rivulet reads depends on them.
    pub(super) reserved: &'static [&'static str],
    pub(super) decoder: fn(Arc<Origin>) -> Box<dyn Decoder>,
}

/// The header of most APIs.
pub(super) fn bearer(key: Option<&str>) -> Vec<(&'static str, String)> {
    key.map(|key| ("authorization", format!("Bearer {key}"))).into_iter().collect()
}

/// Puts a value where `path` leads, if there is one.
pub(super) fn set(body: &mut Value, path: &[&str], value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        *path.iter().fold(body, |place, name| &mut place[*name]) = value.into();
    }
}

/// Merges parameters into a request's JSON: objects are merged, anything else is replaced.
pub(super) fn overlay(request: &mut Value, parameters: &Parameters) {
    for (name, value) in parameters {
        let place = &mut request[name];
        match value {
            Value::Object(inner) if place.is_object() => overlay(place, inner),
            _ => place.clone_from(value),
        }
    }
}
