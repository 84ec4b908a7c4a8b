//! Start-up: settings, store, router, listen, stop cleanly.

use anyhow::Context;
use leptos_axum::LeptosRoutes;
use rivulet::app::shell;
use rivulet::server::commands::Terminal;
use rivulet::server::settings::{Command, Settings};
use rivulet::server::{State, accounts, assets, commands, logging, routes, serve, traces};
use std::io::{BufReader, IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tikv_jemallocator::Jemalloc;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Returns memory to the system after many viewers have left. The C library's allocator keeps it, because the
/// allocations of viewers are interleaved. .cargo/config.toml says how soon.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// The app's files. They become a part of the program with the feature `embed`, which `make build` turns on: one binary is then all
/// there is to install. A debug build with it reads the folder that it was built beside.
#[cfg(feature = "embed")]
mod site {
    use rivulet::server::assets::{self, Embedded};
    use rust_embed::RustEmbed;

    #[derive(RustEmbed)]
    #[folder = "target/site"]
    #[allow_missing = true]
    struct Site;

    pub fn embed() {
        let get = |name: &str| Site::get(name).map(|file| (file.data, file.metadata.sha256_hash()));
        assets::embed(Embedded { names: || Site::iter().collect(), get });
    }
}

fn main() -> ExitCode {
    #[cfg(feature = "embed")]
    site::embed();
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    match run(settings) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tell(&format!("rivulet: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes a line for the operator. Nobody may read it (`rivulet 2>&1 | head -1`), which is no reason to end: `eprintln!`
/// would panic.
fn tell(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

/// Work on a blocking thread (a name look-up, say) must not hold up the exit for longer than this.
const LEFTOVERS: Duration = Duration::from_millis(100);

/// Serves, or runs another command. True on success.
fn run(settings: Settings) -> anyhow::Result<bool> {
    let runtime = Runtime::new()?;
    let result = match settings.command {
        // Without a log: the command prints its own messages.
        Some(ref command) => runtime.block_on(run_command(command.clone(), &settings)),
        None => runtime.block_on(start(settings)).map(|()| true),
    };
    runtime.shutdown_timeout(LEFTOVERS);
    result
}

async fn run_command(command: Command, settings: &Settings) -> anyhow::Result<bool> {
    let (mut input, mut out, mut messages) = (BufReader::new(std::io::stdin()), std::io::stdout(), std::io::stderr());
    let is_screen = out.is_terminal();
    let mut terminal = Terminal { input: &mut input, out: &mut out, messages: &mut messages, is_screen };
    commands::run(command, settings, &mut terminal).await
}

async fn start(settings: Settings) -> anyhow::Result<()> {
    let traces = logging::start(&settings)?;
    let stop = stop_signal()?;
    let listener = serve::listen(settings.listen)
        .with_context(|| format!("RIVULET_LISTEN: {} cannot be listened on", settings.listen))?;
    let address = listener.local_addr()?;
    let state = State::start(settings).await?;
    reload_at_signal(state.clone())?;
    let options = state.leptos.clone();
    let router = routes::router(state.clone(), |router| {
        let draw = move || shell(options.clone());
        router.leptos_routes_with_context(&state, routes::page_routes(), routes::page_policy, draw)
    });
    tracing::info!(model = state.providers.default_model(), "Rivulet listens on http://{address}");
    tracing::info!("{}", state.settings.mode());
    if state.settings.is_exposed() {
        tracing::warn!(
            "Others can reach this server, and passwords and cookies travel unencrypted as far as it knows: put a proxy \
             with HTTPS in front and set RIVULET_PUBLIC_URL to its https:// address"
        );
    }
    if !assets::is_complete() {
        tracing::warn!("The browser's half is missing, so nothing is live: `cargo leptos build` makes both");
    }
    welcome_first_admin(&state, address).await;
    serve::run(listener, router, state, stop).await;
    if let Some(traces) = traces {
        traces.finish(traces::LAST).await;
    }
    tracing::info!("Stopped");
    Ok(())
}

/// Prints the link that makes the first admin to standard error only, not into the log.
async fn welcome_first_admin(state: &State, address: SocketAddr) {
    let invitation = match accounts::first_admin(state).await {
        Ok(invitation) => invitation,
        // Users who have an account can read meanwhile.
        Err(problem) => {
            tracing::error!(%problem, "There is no admin yet, and the link that makes one could not be written: start again");
            return;
        }
    };
    if let Some(invitation) = invitation {
        let site = state.settings.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        tell("There is no admin yet. Who opens this link becomes it, once, within a week:");
        tell(&format!("  {site}/sign-up?invitation={invitation}"));
    }
}

/// Reloads the providers at every SIGHUP, for as long as the runtime lives.
fn reload_at_signal(state: State) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // Reads files, among them the system's certificates.
            let state = state.clone();
            if let Err(error) = tokio::task::spawn_blocking(move || state.reload()).await {
                tracing::error!(%error, "The providers stay as they were");
            }
        }
    });
    Ok(())
}

/// Cancelled by SIGTERM and SIGINT. Listened for from the beginning, so that none is missed.
fn stop_signal() -> anyhow::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopped.cancel();
    });
    Ok(stop)
}
