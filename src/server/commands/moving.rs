//! `rivulet move`: to another database.

use super::Terminal;
use crate::server::settings::{DatabaseUrl, Settings};
use crate::server::store::{moving, postgres};
use anyhow::ensure;

pub(super) async fn run(to: &DatabaseUrl, settings: &Settings, terminal: &mut Terminal<'_>) -> anyhow::Result<bool> {
    ensure!(to.is_postgres(), "--to expects postgres://USER:PASSWORD@HOST/DATABASE");
    let options = postgres::options("--to", to)?;
    let database = settings.database()?;
    let moved = moving::copy(&database, &options).await?;
    let (from, there) = (database.display(), postgres::shown(&options));
    writeln!(
        terminal.out,
        "Copied {from} to {there} and compared: {} accounts, {} conversations, {} rows.",
        moved.accounts, moved.conversations, moved.rows
    )?;
    writeln!(terminal.out, "Start Rivulet with that DATABASE_URL. {from} is left as it is.")?;
    Ok(true)
}
