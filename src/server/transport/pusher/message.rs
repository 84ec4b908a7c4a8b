//! The protocol's envelope: text on the wire, each message one JSON object.

use crate::server::channels::Name;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a connection is closed, or what is wrong with a message. A stock client stays away after 4000-4099 and after
/// 4300 and more, comes back after a second for 4100-4199, and at once for 4200-4299.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Code {
    /// RFC 6455: the message cannot be read.
    Malformed = 1002,
    NoSuchApp = 4001,
    OverQuota = 4004,
    Version = 4007,
    Unauthorized = 4009,
    /// Reconnect in a second.
    Later = 4100,
    Invalid = 4200,
    NoPong = 4201,
    Rejected = 4301,
}

#[derive(Serialize)]
struct Out<'a> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    data: Data<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
}

/// The data of an event: JSON in a string, as the protocol writes its own; or as a client has sent it.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum Data<'a> {
    Text(&'a str),
    Json(&'a Value),
}

/// A message of the connection's own.
pub fn plain(event: &str, data: &Value) -> String {
    encode(&Out { event, channel: None, data: Data::Text(&data.to_string()), user_id: None })
}

/// An event of a channel.
pub fn on(channel: &Name, event: &str, data: Data<'_>) -> String {
    encode(&Out { event, channel: Some(channel.as_str()), data, user_id: None })
}

/// An event that one subscriber sends to the others.
pub fn whisper(channel: &Name, event: &str, data: &Value, user_id: Option<&str>) -> String {
    encode(&Out { event, channel: Some(channel.as_str()), data: Data::Json(data), user_id })
}

fn encode(out: &Out<'_>) -> String {
    serde_json::to_string(out).expect("an envelope is always valid JSON")
}

pub fn error(code: Code, message: &str) -> String {
    plain("pusher:error", &serde_json::json!({ "code": code as u16, "message": message }))
}

/// A message from a client.
#[derive(Deserialize)]
pub struct In {
    pub event: String,
    pub channel: Option<String>,
    #[serde(default)]
    pub data: Value,
}

impl In {
    /// The data as the expected type: an object, or one in a string.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        match &self.data {
            Value::String(text) => serde_json::from_str(text).ok(),
            value => serde_json::from_value(value.clone()).ok(),
        }
    }
}

/// `pusher:subscribe`.
#[derive(Deserialize)]
pub struct Subscribe {
    pub channel: String,
    #[serde(default)]
    pub auth: Option<String>,
    /// A string, as it was signed.
    #[serde(default)]
    pub channel_data: Option<String>,
}

/// `pusher:unsubscribe`.
#[derive(Deserialize)]
pub struct Unsubscribe {
    pub channel: String,
}

/// `client-resume`, and the `channel_data` of a private channel.
#[derive(Deserialize)]
pub struct From {
    pub cursor: Option<String>,
}

/// The `channel_data` of a presence channel.
#[derive(Deserialize)]
pub struct Person {
    /// A number or a string.
    pub user_id: Value,
    #[serde(default)]
    pub user_info: Value,
}
