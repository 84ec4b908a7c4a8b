//! The Pusher HTTP API, for a trusted backend: which channels are occupied, and events to add to them. Signed with the
//! app's secret, which authorises all of it.

use super::table::Table;
use crate::error::Problem;
use crate::server::State;
use crate::server::channels::ChannelMessage;
use crate::server::channels::{Channel, Name, Occupied, SocketId};
use crate::server::secret::hex;
use crate::server::transport::pusher::MAX_BYTES_OUT;
use crate::server::transport::pusher::client_events::may_be_added;
use crate::server::transport::pusher::message::{self, Data};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, OriginalUri, Path, Request, State as Extract};
use axum::http::Method;
use axum::routing::{get, post};
use md5::Md5;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sha2::Digest;
use std::collections::{BTreeMap, HashMap};

/// How far a backend's clock may be off, in seconds: an older request may be a replay.
const MAX_SECONDS_OFF: i64 = 600;
/// The protocol's limit on an event's data.
const MAX_DATA_BYTES: usize = 10_000;
/// The protocol's limits on one request.
const MAX_CHANNELS: usize = 100;
const MAX_IN_BATCH: usize = 10;

pub(super) fn routes() -> Table {
    Table::default()
        .route("/apps/{id}/events", post(add))
        .route("/apps/{id}/batch_events", post(add_batch))
        .route("/apps/{id}/channels", get(channels))
        .route("/apps/{id}/channels/{channel}", get(channel))
        .route("/apps/{id}/channels/{channel}/users", get(users))
        .route("/apps/{id}/connections", get(connections))
}

/// A request with a valid signature: its query and its body.
struct Signed {
    query: BTreeMap<String, String>,
    body: Bytes,
}

impl FromRequest<State> for Signed {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let method = request.method().clone();
        // The path as it was sent: the prefix that a router has removed belongs to what was signed.
        let uri = request.extensions().get::<OriginalUri>().map_or_else(|| request.uri().clone(), |uri| uri.0.clone());
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|_| Problem::TooLarge("The request is too large. Send less at once.".into()))?;
        let address = reqwest::Url::parse(&format!("http://app{uri}")).map_err(|_| unsigned())?;
        let query = address.query_pairs().map(|(name, value)| (name.to_lowercase(), value.into_owned())).collect();
        let signed = Self { query, body };
        match signed.holds(state, &method, uri.path()) {
            true => Ok(signed),
            false => Err(unsigned()),
        }
    }
}

fn unsigned() -> Problem {
    Problem::Unauthorized(
        "The request is not signed as Pusher's HTTP API asks. Check the app's id, key and secret, and this machine's clock."
            .into(),
    )
}

impl Signed {
    fn holds(&self, state: &State, method: &Method, path: &str) -> bool {
        let app = &state.sockets.app;
        let is = |name: &str, value: &str| self.query.get(name).is_some_and(|given| given == value);
        let named = path.strip_prefix("/apps/").and_then(|rest| rest.split('/').next()) == Some(&app.id);
        let now = jiff::Timestamp::now().as_second();
        let time = self.query.get("auth_timestamp").and_then(|time| time.parse::<i64>().ok());
        let fresh = time.is_some_and(|time| now.saturating_sub(time).saturating_abs() <= MAX_SECONDS_OFF);
        let whole = self.body.is_empty() && !self.query.contains_key("body_md5")
            || is("body_md5", &hex(&Md5::digest(&self.body)));
        let signature = self.query.get("auth_signature").map_or("", String::as_str);
        let others = self.query.iter().filter(|(name, _)| *name != "auth_signature");
        let pairs: Vec<_> = others.map(|(name, value)| format!("{name}={value}")).collect();
        let text = format!("{method}\n{path}\n{}", pairs.join("&"));
        named && fresh && whole && is("auth_key", &app.key) && is("auth_version", "1.0") && app.verify(&text, signature)
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Problem::Malformed(format!("The request's JSON cannot be read: {error}.")))
    }

    /// The query about channels.
    fn info(&self) -> &str {
        self.query.get("info").map_or("", String::as_str)
    }
}

#[derive(Deserialize)]
struct New {
    name: String,
    channel: Option<String>,
    #[serde(default)]
    channels: Vec<String>,
    data: String,
    /// The socket that caused the event, and needs no copy.
    socket_id: Option<String>,
    /// The attributes of its channels that the answer is to contain.
    info: Option<String>,
}

#[derive(Deserialize)]
struct Batch {
    batch: Vec<New>,
}

impl New {
    /// The event's channels, without duplicates, and the messages for them.
    fn checked(&self) -> Result<HashMap<Name, String>, Problem> {
        if MAX_DATA_BYTES < self.data.len() {
            return Err(Problem::TooLarge(format!("The data of an event has at most {MAX_DATA_BYTES} bytes.")));
        }
        if MAX_CHANNELS < self.channels.len() {
            let message = format!("An event goes to {MAX_CHANNELS} channels at most.");
            return Err(Problem::invalid("channels", message));
        }
        let wrong = || Problem::invalid("channels", "This is not the name of a channel.");
        let names = self.channels.iter().chain(&self.channel);
        let names: Vec<_> = names.map(|name| Name::parse(name).ok_or_else(wrong)).collect::<Result<_, _>>()?;
        if names.is_empty() {
            return Err(Problem::invalid("channels", "Say which channels the event is for."));
        }
        names.iter().try_for_each(|name| may_be_added(name, &self.name))?;
        let with_message = |name: Name| (name.clone(), message::on(&name, &self.name, Data::Text(&self.data)));
        let said: HashMap<_, _> = names.into_iter().map(with_message).collect();
        if said.values().any(|message| MAX_BYTES_OUT < message.len()) {
            let message =
                "The event is longer than 10 KB as clients get it, with its name and each \" as \\\". Send less.";
            return Err(Problem::TooLarge(message.into()));
        }
        Ok(said)
    }

    fn say(&self, state: &State, said: HashMap<Name, String>) {
        let except = self.socket_id.as_deref().and_then(|id| SocketId::parse(id, &state.sockets.app));
        for (name, message) in said {
            state.sockets.say(&name, ChannelMessage { except, message: message.into() });
        }
    }
}

/// The requested attributes of these channels, by name; empty where none were requested.
async fn told<'a>(state: &State, info: &str, names: impl Iterator<Item = &'a Name>) -> Map<String, Value> {
    let mut told = Map::new();
    for name in names.filter(|_| !info.is_empty()) {
        let channel = Occupied { name: name.clone(), subscriptions: state.sockets.subscriptions(name) };
        told.insert(name.as_str().to_owned(), attributes(state, info, &channel).await);
    }
    told
}

async fn add(Extract(state): Extract<State>, signed: Signed) -> Result<Json<Value>, Problem> {
    let new: New = signed.read()?;
    let said = new.checked()?;
    let channels = told(&state, new.info.as_deref().unwrap_or_default(), said.keys()).await;
    new.say(&state, said);
    Ok(Json(if channels.is_empty() { json!({}) } else { json!({ "channels": channels }) }))
}

async fn add_batch(Extract(state): Extract<State>, signed: Signed) -> Result<Json<Value>, Problem> {
    let Batch { batch } = signed.read()?;
    if MAX_IN_BATCH < batch.len() {
        return Err(Problem::invalid("batch", format!("A batch has at most {MAX_IN_BATCH} events.")));
    }
    // All or none.
    let said = batch.iter().map(New::checked).collect::<Result<Vec<_>, _>>()?;
    let mut told_of = Vec::new();
    for (new, said) in batch.iter().zip(said) {
        told_of.push(in_batch(told(&state, new.info.as_deref().unwrap_or_default(), said.keys()).await));
        new.say(&state, said);
    }
    let is_silent = told_of.iter().all(Map::is_empty);
    Ok(Json(if is_silent { json!({}) } else { json!({ "batch": told_of }) }))
}

/// The attributes of an event's channel. In a batch an event has one channel, so the answer does not name it; for an
/// event with several it does, as the answer for a single event.
fn in_batch(mut channels: Map<String, Value>) -> Map<String, Value> {
    if channels.len() < 2 {
        let only = channels.values_mut().next().map(Value::take);
        return only.and_then(|about| about.as_object().cloned()).unwrap_or_default();
    }
    Map::from_iter([("channels".to_owned(), Value::Object(channels))])
}

/// The ids of a presence channel's members, at whichever nodes they are.
async fn ids(state: &State, name: &Name) -> Vec<String> {
    let mut ids: Vec<_> = state.sockets.people_anywhere(name).await.into_iter().map(|person| person.id).collect();
    if let Channel::Audience(id) = name.channel() {
        ids.extend(state.audience.members_anywhere(id).await.iter().map(|member| member.account.to_string()));
    }
    ids
}

async fn attributes(state: &State, info: &str, channel: &Occupied) -> Value {
    let asks_for = |attribute: &str| info.split(',').any(|name| name.trim() == attribute);
    let mut told = Map::new();
    if asks_for("user_count") && channel.name.is_presence() {
        told.insert("user_count".into(), ids(state, &channel.name).await.len().into());
    }
    if asks_for("subscription_count") {
        told.insert("subscription_count".into(), channel.subscriptions.into());
    }
    told.into()
}

async fn channels(Extract(state): Extract<State>, signed: Signed) -> Json<Value> {
    let prefix = signed.query.get("filter_by_prefix").map_or("", String::as_str);
    let occupied = state.sockets.occupied().into_iter().filter(|channel| channel.name.as_str().starts_with(prefix));
    let mut channels = Map::new();
    for channel in occupied {
        let told = attributes(&state, signed.info(), &channel).await;
        channels.insert(channel.name.as_str().to_owned(), told);
    }
    Json(json!({ "channels": channels }))
}

async fn channel(
    Extract(state): Extract<State>,
    Path((_, channel)): Path<(String, String)>,
    signed: Signed,
) -> Result<Json<Value>, Problem> {
    let name = Name::parse(&channel).ok_or(Problem::NotFound)?;
    let subscriptions = state.sockets.subscriptions(&name);
    let mut told = attributes(&state, signed.info(), &Occupied { name, subscriptions }).await;
    told["occupied"] = (subscriptions != 0).into();
    Ok(Json(told))
}

async fn users(
    Extract(state): Extract<State>,
    Path((_, channel)): Path<(String, String)>,
    _: Signed,
) -> Result<Json<Value>, Problem> {
    let name = Name::parse(&channel).ok_or(Problem::NotFound)?;
    if !name.is_presence() {
        return Err(Problem::Malformed("Users are known of presence channels only.".into()));
    }
    let users: Vec<_> = ids(&state, &name).await.into_iter().map(|id| json!({ "id": id })).collect();
    Ok(Json(json!({ "users": users })))
}

async fn connections(Extract(state): Extract<State>, _: Signed) -> Json<Value> {
    Json(json!({ "connections": state.sockets.count() }))
}
