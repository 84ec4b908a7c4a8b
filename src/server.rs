//! The server: its rooms, and [`State`], which joins their parts and goes with every request.
//!
//! The rooms below the state (`store`, `journal`, `provider`, `engine`, `grants`, `limits` and others) do not know it. Those above
//! (`session`, `conversations`, `accounts`, `transport`, `routes` and others) work on the whole of it. `start` makes it.

pub mod accounts;
pub mod address;
pub mod admin;
pub mod announce;
pub mod assets;
pub mod audience;
pub mod backplane;
mod backups;
pub mod bounds;
pub mod branches;
pub mod channels;
pub mod commands;
pub mod conversations;
pub mod decoding;
pub mod desk;
pub mod drain;
pub mod drawing;
pub mod engine;
pub mod export;
pub mod formula;
pub mod grants;
pub mod highlight;
mod housekeeping;
pub mod html;
pub mod images;
pub mod journal;
pub mod limits;
pub mod lists;
pub mod logging;
pub mod messages;
pub mod metrics;
mod news;
pub mod node;
pub mod nul;
pub mod oidc;
pub mod outlet;
pub mod page_data;
pub mod passwords;
pub mod peer;
pub mod picture;
pub mod preferences;
pub mod principal;
pub mod problem;
pub mod prompt;
pub mod provider;
pub mod public;
pub mod queue;
pub mod quota;
pub mod readiness;
pub mod revocation;
pub mod routes;
pub mod search;
pub mod secret;
pub mod serve;
pub mod session;
pub mod settings;
pub mod sharing;
pub mod signal;
pub mod site_view;
pub mod standing;
pub mod start;
pub mod status;
pub mod store;
pub mod sync;
pub mod task;
pub mod throttle;
pub mod times;
pub mod traces;
pub mod transport;
pub mod usage;
pub mod versions;
pub mod waiting;

use crate::model::AccountId;
use audience::Audience;
use axum::extract::FromRef;
use backplane::redis::Redis;
use bounds::Bounds;
use channels::Sockets;
use decoding::Images;
use drain::Drain;
use drawing::Drawing;
use engine::Engine;
use grants::Grants;
use journal::Journals;
use leptos::config::LeptosOptions;
use limits::Limits;
use metrics::Metrics;
use oidc::Oidc;
use passwords::Passwords;
use provider::Providers;
use quota::Writer;
use readiness::Readiness;
use settings::Settings;
use status::Status;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use throttle::Throttle;

/// Everything a request needs. A pointer: every follower holds one.
#[derive(Clone)]
pub struct State(Arc<Shared>);

impl Deref for State {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// What [`State`] points at.
pub struct Shared {
    pub settings: Arc<Settings>,
    pub store: Store,
    pub journals: Arc<Journals>,
    pub engine: Engine,
    pub providers: Arc<Providers>,
    pub limits: Arc<Limits>,
    pub images: Images,
    pub drawing: Arc<Drawing>,
    pub passwords: Passwords,
    pub throttle: Throttle,
    /// None: people sign in with a password only.
    pub oidc: Option<Arc<Oidc>>,
    pub grants: Arc<Grants>,
    pub audience: Arc<Audience>,
    pub sockets: Arc<Sockets>,
    pub metrics: Arc<Metrics>,
    /// None: this node alone is the server, or what nodes share is the database.
    pub redis: Option<Redis>,
    pub drain: Drain,
    pub readiness: Readiness,
    pub status: Status,
    pub bounds: Bounds,
    pub leptos: LeptosOptions,
}

impl FromRef<State> for LeptosOptions {
    fn from_ref(state: &State) -> Self {
        state.leptos.clone()
    }
}

impl State {
    /// The account as one that writes, with what it may.
    pub fn writer(&self, account: AccountId) -> Writer {
        Writer { account, most: self.settings.most_written() }
    }

    /// How long a socket stays after the drain has begun: each another time, so that not all clients come back at once.
    pub fn spread(&self) -> Duration {
        self.longest_spread().mul_f64((uuid::Uuid::new_v4().as_u128() % 1_000) as f64 / 1_000.0)
    }

    /// A server that has little time leaves the most of it to open replies.
    pub fn longest_spread(&self) -> Duration {
        bounds::SPREAD.min(self.settings.drain() / 4)
    }

    /// Reads the providers anew. A file that is wrong changes nothing; open replies go on with what they had.
    pub fn reload(&self) {
        match self.settings.providers().and_then(|settings| self.providers.replace(settings)) {
            Ok(()) => tracing::info!(providers = self.providers.names().join(", "), "The providers were read anew"),
            Err(error) => tracing::error!(error, "The providers stay as they were"),
        }
    }
}
