//! Start-up: creates and connects the parts, and starts the loops.

use super::audience::Audience;
use super::backplane::redis::{Logs, Redis};
use super::bounds::Bounds;
use super::channels::PusherApp;
use super::channels::Sockets;
use super::decoding::Images;
use super::drain::Drain;
use super::drawing::Drawing;
use super::engine::{Engine, Parts};
use super::journal::Journals;
use super::limits::Limits;
use super::metrics::Metrics;
use super::oidc::Oidc;
use super::passwords::Passwords;
use super::provider::Providers;
use super::readiness::Readiness;
use super::settings::Settings;
use super::status::Status;
use super::store::Store;
use super::throttle::Throttle;
use super::{Shared, State, assets, backups, housekeeping, revocation};
use leptos::config::LeptosOptions;
use std::sync::Arc;

impl State {
    /// Opens the store and starts the engine.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        Self::start_with(settings, Bounds::default()).await
    }

    /// [`State::start`] with other time limits: for tests.
    pub async fn start_with(settings: Settings, bounds: Bounds) -> anyhow::Result<Self> {
        let settings = Arc::new(settings);
        let oidc = oidc(&settings, &bounds).map_err(anyhow::Error::msg)?;
        let store = Store::open_with(&settings.database_url, settings.backups_before_update()?.as_deref()).await?;
        let named = settings.providers().map_err(anyhow::Error::msg)?;
        let providers = Providers::new(named, settings.provider_limits());
        let providers = Arc::new(providers.map_err(anyhow::Error::msg)?);
        if let Some(model) = &settings.title_model {
            providers.resolve(model).map_err(|why| anyhow::anyhow!("RIVULET_TITLE_MODEL: {why}"))?;
        }
        let metrics = Arc::new(Metrics::default());
        let redis = redis(&settings, &store, &metrics).await?;
        let journals = journals(&settings, redis.as_ref());
        let limits = Limits::new(settings.streams, Arc::clone(&metrics), redis.clone());
        let limits = Arc::new(limits);
        let (drain, audience) = (Drain::default(), Audience::new(redis.as_ref()));
        let parts = Parts {
            store: store.clone(),
            journals: Arc::clone(&journals),
            providers: Arc::clone(&providers),
            audience: Arc::clone(&audience),
            limits: Arc::clone(&limits),
            redis: redis.clone(),
            metrics: Arc::clone(&metrics),
            drain: drain.clone(),
            everybody: settings.everybody(),
            most_written: settings.most_written(),
            whole_reply: settings.whole_reply(),
            title_model: settings.title_model.clone(),
            bounds,
        };
        store.is_set_up_with(settings.hash());
        // Before anything is in a journal.
        let seen = store.watch_from_now().await?;
        let engine = Engine::start(parts).await?;
        let app = PusherApp::load(&settings, &store).await?;
        let leptos = LeptosOptions::builder().output_name("rivulet").site_pkg_dir(assets::folder()).build();
        let (passwords, throttle, grants) = (Passwords::new()?, Throttle::new(redis.clone()), Arc::default());
        let shared = Shared {
            settings,
            store,
            journals,
            engine,
            providers,
            limits,
            images: Images::default(),
            drawing: Drawing::new(Arc::clone(&metrics)),
            passwords,
            throttle,
            oidc,
            grants,
            audience,
            sockets: Sockets::shared(app, redis.as_ref()),
            metrics,
            drain,
            redis,
            readiness: Readiness::default(),
            status: Status::default(),
            bounds,
            leptos,
        };
        let state = Self(Arc::new(shared));
        tokio::spawn(housekeeping::discover(Arc::downgrade(&state.0), state.drain.clone()));
        tokio::spawn(housekeeping::sweep(Arc::downgrade(&state.0), state.drain.clone()));
        tokio::spawn(housekeeping::send_queued(Arc::downgrade(&state.0), state.drain.clone()));
        tokio::spawn(housekeeping::let_leave(Arc::downgrade(&state.0), state.drain.clone()));
        tokio::spawn(housekeeping::index(Arc::downgrade(&state.0), state.drain.clone()));
        tokio::spawn(housekeeping::make_room(Arc::downgrade(&state.0), state.drain.clone()));
        tokio::spawn(housekeeping::tend_log(Arc::downgrade(&state.0)));
        if let Some((series, every)) = state.settings.schedule()? {
            tokio::spawn(backups::make(Arc::downgrade(&state.0), state.drain.clone(), series, every));
        }
        tokio::spawn(revocation::watch(Arc::downgrade(&state.0), seen));
        let deleting = state.clone();
        tokio::spawn(async move { housekeeping::resume_deletions(&deleting).await });
        Ok(state)
    }
}

/// The journals, joined to those of other processes where there is a Redis.
fn journals(settings: &Settings, redis: Option<&Redis>) -> Arc<Journals> {
    let (window, most_bytes) = (settings.window(), settings.journal_bytes());
    match redis {
        None => Arc::new(Journals::new(window, most_bytes)),
        Some(redis) => Journals::joined(window, most_bytes, Logs::new(redis.clone(), window)),
    }
}

/// What joins this node with others, where it is set.
async fn redis(settings: &Settings, store: &Store, metrics: &Arc<Metrics>) -> anyhow::Result<Option<Redis>> {
    let Some(options) = settings.redis().map_err(anyhow::Error::msg)? else { return Ok(None) };
    let store = store.clone();
    let process = Arc::new(move || store.process().to_owned());
    Ok(Some(Redis::start(options, process, Arc::clone(metrics)).await?))
}

/// The issuer that users can sign in with. Its first answer is not awaited: the server starts without.
fn oidc(settings: &Settings, bounds: &Bounds) -> Result<Option<Arc<Oidc>>, String> {
    let Some(registration) = settings.oidc()? else { return Ok(None) };
    let oidc = Arc::new(Oidc::new(registration, bounds.issuer_again)?);
    let first = Arc::clone(&oidc);
    tokio::spawn(async move { first.is_reachable().await });
    Ok(Some(oidc))
}
