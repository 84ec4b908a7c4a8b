//! Commands besides serving: `rivulet models` and `rivulet check`. Neither opens the database.

mod check;
mod table;

use super::provider::ProviderLimits;
use crate::server::provider::{Choice, Price, Providers};
use crate::server::settings::{Command, Settings};
use std::io::Write;
use std::time::Duration;

/// A person waits at the terminal: a provider silent for this long is reported, even where a reply would wait longer.
const SILENCE: Duration = Duration::from_secs(60);

/// Runs a command and prints its findings. True when all is well.
///
/// # Errors
/// A wrong setting, or output that cannot be written.
pub async fn run(command: Command, settings: &Settings, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
    // Each provider is called once: what a retry would hide is what the person wants to see here.
    let limits = ProviderLimits { first_byte: SILENCE, silence: SILENCE, retries: 0, ..settings.provider_limits() };
    let named = settings.providers().map_err(anyhow::Error::msg)?;
    let providers = Providers::new(named, limits).map_err(anyhow::Error::msg)?;
    providers.discover().await;
    match command {
        Command::Models => models(&providers, out),
        Command::Check => check::run(&providers, out).await,
    }
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
