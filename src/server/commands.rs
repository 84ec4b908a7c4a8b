//! Commands besides serving. Only `account` opens the store as a server does; `backup`, `restore`, `move` and `doctor` look
//! at its file, and the others need no database.

mod account;
mod backup;
mod check;
pub mod doctor;
mod health;
mod moving;
mod table;

use super::provider::ProviderLimits;
use crate::server::provider::{Choice, Price, Providers};
use crate::server::settings::{Command, Settings};
use std::io::{BufRead, Write};
use std::time::Duration;

/// A person waits at the terminal: a provider silent for this long is reported, even where a reply would wait longer.
const SILENCE: Duration = Duration::from_secs(60);

/// What a command reads and writes.
pub struct Terminal<'a> {
    pub input: &'a mut (dyn BufRead + Send),
    pub out: &'a mut (dyn Write + Send),
    /// For messages where `out` is data.
    pub messages: &'a mut (dyn Write + Send),
    /// Whether `out` is a screen, to which no data is written.
    pub is_screen: bool,
}

/// Runs a command and prints its findings. True when all is well.
///
/// # Errors
/// A wrong setting, or output that cannot be written.
pub async fn run(command: Command, settings: &Settings, terminal: &mut Terminal<'_>) -> anyhow::Result<bool> {
    match command {
        Command::Models => models(&providers(settings).await?, terminal.out),
        Command::Check => check::run(&providers(settings).await?, terminal.out).await,
        Command::Backup(what) => backup::backup(&what, settings, terminal).await,
        Command::Restore { file } => backup::restore(&file, settings, terminal.out).await,
        Command::Account(what) => account::run(what, settings, terminal).await,
        Command::Health { ready } => health::run(settings, ready, terminal.out).await,
        Command::Move { to } => moving::run(&to, settings, terminal).await,
        Command::Doctor => doctor::run(settings, terminal.out).await,
    }
}

async fn providers(settings: &Settings) -> anyhow::Result<Providers> {
    // Each provider is called once: what a retry would hide is what the person wants to see here.
    let limits = ProviderLimits { first_byte: SILENCE, silence: SILENCE, retries: 0, ..settings.provider_limits() };
    let named = settings.providers().map_err(anyhow::Error::msg)?;
    let providers = Providers::new(named, limits).map_err(anyhow::Error::msg)?;
    providers.discover().await;
    Ok(providers)
}

fn models(providers: &Providers, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
    let heading = ["ID", "NAME", "PROVIDER", "CONTEXT", "PRICE IN/OUT"].map(str::to_owned);
    let rows = std::iter::once(heading).chain(providers.choices().into_iter().map(row));
    table::write(out, &rows.collect::<Vec<_>>())?;
    Ok(true)
}

fn row(choice: Choice) -> [String; 5] {
    let unknown = || "-".to_owned();
    let default = if choice.model.default { " (default)" } else { "" };
    let context = choice.context.map_or_else(unknown, |tokens| tokens.to_string());
    let price = choice.price.map_or_else(unknown, |Price { input, output }| format!("{input} / {output}"));
    [choice.model.id, choice.model.name + default, choice.model.provider, context, price]
}
