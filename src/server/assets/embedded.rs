//! The app's files, embedded in the binary: one binary is all there is to install.
//!
//! A debug build with `embed` reads the folder that it was built beside.

use super::File;
use crate::server::secret::hex;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "target/site"]
#[allow_missing = true]
struct Site;

/// The files never change while the program runs, and another build has them in another folder.
pub const CACHING: &str = "public, max-age=31536000, immutable";

/// The folder of the app's own files in URLs. It names the build: a page left open across an update is refused files
/// that would not fit it, and browsers can cache each file for ever.
pub fn folder() -> String {
    let mut names: Vec<_> = Site::iter().collect();
    names.sort();
    let hashes = names.iter().filter_map(|name| Site::get(name)).map(|file| file.metadata.sha256_hash());
    let build = hashes.fold(Sha256::new(), |all, hash| all.chain_update(hash)).finalize();
    format!("pkg/{}", hex(&build[..8]))
}

pub fn get(name: &str) -> Option<File> {
    let file = Site::get(name)?;
    Some(File { tag: hex(&file.metadata.sha256_hash()[..16]), bytes: file.data })
}
