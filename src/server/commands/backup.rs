//! `rivulet backup` and `rivulet restore`.

use super::Terminal;
use crate::server::settings::{Backup, Settings};
use crate::server::store::backup;
use anyhow::ensure;
use std::io::Write;
use std::path::Path;

/// The file name that means the standard output.
const STDOUT: &str = "-";

pub(super) async fn backup(what: &Backup, settings: &Settings, terminal: &mut Terminal<'_>) -> anyhow::Result<bool> {
    let database = settings.database()?;
    if what.file == Path::new(STDOUT) {
        ensure!(!terminal.is_screen, "A backup is not for the screen. Write it to a file, or into a pipe");
        let contents = backup::write_to(&database, terminal.out).await?;
        writeln!(terminal.messages, "Copied {} and checked: {contents}.", database.display())?;
        return Ok(true);
    }
    let contents = backup::copy(&database, &what.file, what.force).await?;
    writeln!(terminal.out, "Copied {} to {} and checked: {contents}.", database.display(), what.file.display())?;
    Ok(true)
}

pub(super) async fn restore(file: &Path, settings: &Settings, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
    let database = settings.database()?;
    let restored = backup::restore(file, &database).await?;
    writeln!(out, "Restored {} to {}: {}.", file.display(), database.display(), restored.contents)?;
    if let Some(kept) = restored.kept {
        writeln!(out, "The database that was there is kept as {}.", kept.display())?;
    }
    writeln!(out, "Start Rivulet. Replies that were open in the backup are marked as interrupted.")?;
    Ok(true)
}
