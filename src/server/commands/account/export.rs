//! An account's data as a file.

use crate::model::AccountId;
use crate::server::export;
use crate::server::store::Store;
use anyhow::Context;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes the archive to a new file that only its owner can read. A file that is not whole does not stay.
pub(super) async fn write(store: &Store, account: AccountId, path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let made = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    let file = made.with_context(|| format!("{shown} cannot be made"))?;
    let written = fill(store, account, file).await;
    if written.is_err() {
        std::fs::remove_file(path).ok();
    }
    written.with_context(|| format!("{shown} could not be written"))
}

async fn fill(store: &Store, account: AccountId, mut file: File) -> anyhow::Result<()> {
    let mut pieces = export::archive(store.clone(), account);
    while let Some(piece) = pieces.recv().await {
        file.write_all(&piece?)?;
    }
    Ok(file.sync_all()?)
}
