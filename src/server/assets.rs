//! The app's files, embedded in the program: one binary is all there is to install.
//!
//! A debug build reads them from the disk instead.

use super::secret::hex;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

#[derive(RustEmbed)]
#[folder = "target/site"]
#[allow_missing = true]
pub struct Site;

/// The folder of the app's own files, as addresses name it: it says which build they are of. A page that is still open
/// when another build is started is then refused what would not fit it, and browsers need never ask twice for a file.
static FOLDER: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Site::iter().collect();
    names.sort();
    let hashes = names.iter().filter_map(|name| Site::get(name)).map(|file| file.metadata.sha256_hash());
    let build = hashes.fold(Sha256::new(), |all, hash| all.chain_update(hash)).finalize();
    format!("pkg/{}", hex(&build[..8]))
});

pub fn folder() -> &'static str {
    &FOLDER
}
