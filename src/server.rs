//! The server's side: its state, and what its parts share.

pub mod accounts;
pub mod address;
pub mod admin;
pub mod audience;
pub mod bounds;
pub mod branches;
pub mod commands;
pub mod conversations;
pub mod engine;
pub mod export;
pub mod grants;
pub mod highlight;
mod housekeeping;
pub mod images;
pub mod journal;
pub mod limits;
pub mod lists;
pub mod messages;
pub mod metrics;
pub mod oidc;
pub mod pages;
pub mod passwords;
pub mod picture;
pub mod plain;
pub mod problem;
pub mod provider;
pub mod public;
pub mod quota;
pub mod readiness;
pub mod routes;
pub mod search;
pub mod secret;
pub mod serve;
pub mod session;
pub mod settings;
pub mod sharing;
pub mod store;
pub mod throttle;
pub mod times;
pub mod transport;
pub mod usage;
pub mod viewer;

use crate::error::Problem;
use audience::Audience;
use axum::extract::FromRef;
use bounds::Bounds;
use engine::{Engine, Parts};
use grants::Grants;
use images::Images;
use journal::Journals;
use leptos::config::LeptosOptions;
use limits::Limits;
use metrics::Metrics;
use oidc::Oidc;
use passwords::Passwords;
use provider::Providers;
use quota::Everybody;
use readiness::Readiness;
use settings::Settings;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use throttle::Throttle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use transport::socket::sign::App;
use transport::socket::{self, Sockets};

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
    pub passwords: Passwords,
    pub throttle: Throttle,
    /// None: people sign in with a password only.
    pub oidc: Option<Arc<Oidc>>,
    pub grants: Arc<Grants>,
    pub audience: Arc<Audience>,
    pub sockets: Arc<Sockets>,
    pub metrics: Arc<Metrics>,
    pub drain: Drain,
    pub readiness: Readiness,
    pub bounds: Bounds,
    pub leptos: LeptosOptions,
}

impl FromRef<State> for LeptosOptions {
    fn from_ref(state: &State) -> Self {
        state.leptos.clone()
    }
}

impl State {
    /// Opens the store and starts the engine.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        Self::start_with(settings, Bounds::default()).await
    }

    /// The same with other limits in time.
    pub async fn start_with(settings: Settings, bounds: Bounds) -> anyhow::Result<Self> {
        let settings = Arc::new(settings);
        let oidc = oidc(&settings, &bounds).map_err(anyhow::Error::msg)?;
        let store = Store::open(&settings.database_url).await?;
        let journals = Arc::new(Journals::new(settings.window(), settings.journal_bytes()));
        let named = settings.providers().map_err(anyhow::Error::msg)?;
        let providers = Providers::new(named, settings.provider_limits());
        let providers = Arc::new(providers.map_err(anyhow::Error::msg)?);
        if let Some(model) = &settings.title_model {
            providers.resolve(model).map_err(|why| anyhow::anyhow!("RIVULET_TITLE_MODEL: {why}"))?;
        }
        let metrics = Arc::new(Metrics::default());
        let limits = Limits::new(settings.streams, Arc::clone(&metrics));
        let limits = Arc::new(limits);
        let drain = Drain::default();
        let parts = Parts {
            store: store.clone(),
            journals: Arc::clone(&journals),
            providers: Arc::clone(&providers),
            limits: Arc::clone(&limits),
            metrics: Arc::clone(&metrics),
            drain: drain.clone(),
            everybody: Everybody::of(&settings),
            whole_reply: settings.whole_reply(),
            title_model: settings.title_model.clone(),
            bounds,
        };
        let engine = Engine::start(parts).await?;
        let app = App::load(&settings, &store).await?;
        let seen = store.last_revocation().await?;
        let leptos = LeptosOptions::builder().output_name("rivulet").site_pkg_dir(routes::site_folder()).build();
        let (passwords, throttle, grants) = (Passwords::new()?, Throttle::default(), Arc::default());
        let shared = Shared {
            settings,
            store,
            journals,
            engine,
            providers,
            limits,
            images: Images::default(),
            passwords,
            throttle,
            oidc,
            grants,
            audience: Arc::default(),
            sockets: Arc::new(Sockets::new(app)),
            metrics,
            drain,
            readiness: Readiness::default(),
            bounds,
            leptos,
        };
        let state = Self(Arc::new(shared));
        tokio::spawn(housekeeping::discover(Arc::downgrade(&state.0), state.drain.clone()));
        tokio::spawn(housekeeping::sweep(Arc::downgrade(&state.0), state.drain.clone()));
        tokio::spawn(housekeeping::make_room(Arc::downgrade(&state.0), state.drain.clone()));
        tokio::spawn(grants::watch(Arc::downgrade(&state.0), seen));
        let deleting = state.clone();
        tokio::spawn(async move { accounts::resume_deletions(&deleting).await });
        Ok(state)
    }
}

impl State {
    /// How long a socket stays after the drain has begun: each another time, so that not all clients come back at once.
    pub fn spread(&self) -> Duration {
        self.longest_spread().mul_f64((uuid::Uuid::new_v4().as_u128() % 1_000) as f64 / 1_000.0)
    }

    /// A server that has little time leaves the most of it to open replies.
    pub fn longest_spread(&self) -> Duration {
        socket::SPREAD.min(self.settings.drain() / 4)
    }

    /// Reads the providers anew. A file that is wrong changes nothing; open replies go on with what they had.
    pub fn reload(&self) {
        match self.settings.providers().and_then(|settings| self.providers.replace(settings)) {
            Ok(()) => tracing::info!(providers = self.providers.names().join(", "), "The providers were read anew"),
            Err(error) => tracing::error!(error, "The providers stay as they were"),
        }
    }
}

/// Who people can sign in with. Its first answer is waited for by nobody: the server starts without.
fn oidc(settings: &Settings, bounds: &Bounds) -> Result<Option<Arc<Oidc>>, String> {
    let Some(registration) = settings.oidc()? else { return Ok(None) };
    let oidc = Arc::new(Oidc::new(registration, bounds.issuer_again)?);
    let first = Arc::clone(&oidc);
    tokio::spawn(async move { first.is_reachable().await });
    Ok(Some(oidc))
}

/// Whether the server is on its way out (promise S13).
#[derive(Clone, Default)]
pub struct Drain {
    begun: CancellationToken,
}

impl Drain {
    /// From here on: not ready, no new replies; viewers are sent away as soon as their reply has ended.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Refuses new work during a drain.
    pub fn admit(&self) -> Result<(), Problem> {
        if !self.has_begun() {
            return Ok(());
        }
        let message = "The server is restarting. What you wrote is not lost; send it again in a moment.".into();
        Err(Problem::Unavailable { message, retry_after_seconds: 2 })
    }
}

/// Runs a write to its end in a task of its own, also when the caller's request is dropped half-way, and in the same name. A
/// panic in it is the request's own.
pub async fn owned<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    owned_by(store::asking::current(), work).await
}

/// The same for what is not done in the name of the session that asks: it ends here, and another begins.
pub async fn owned_by_server<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    owned_by(None, work).await
}

async fn owned_by<T: Send + 'static>(
    asking: Option<store::asking::Asking>,
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(store::asking::with(asking, work).in_current_span()).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and the process with it.
            Err(_) => Err(Problem::Internal),
        },
    }
}
