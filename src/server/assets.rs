//! The app's files: in the program, where [`embed`] was called, or else on the disk where cargo-leptos puts them.

mod on_disk;

use super::secret::hex;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::sync::{LazyLock, OnceLock};

/// A file of the site.
pub struct File {
    pub bytes: Cow<'static, [u8]>,
    /// A value that differs for other contents under the same name.
    pub tag: String,
}

/// The files in the program. They are in `main`, so that a change of the browser's half compiles that small file again and not
/// the library.
pub struct Embedded {
    pub names: fn() -> Vec<Cow<'static, str>>,
    pub get: fn(&str) -> Option<Hashed>,
}

/// The bytes of a file and their SHA-256.
pub type Hashed = (Cow<'static, [u8]>, [u8; 32]);

/// A name whose contents change: browsers revalidate each time, and usually get 304.
pub const CHANGING: &str = "no-cache";
/// The files in the program never change while it runs, and another build has them in another folder.
const FIXED: &str = "public, max-age=31536000, immutable";

static EMBEDDED: OnceLock<Embedded> = OnceLock::new();
/// The folder of the app's own files in URLs.
static FOLDER: LazyLock<String> = LazyLock::new(|| match EMBEDDED.get() {
    Some(site) => named_by(site),
    // As cargo-leptos names it: it reloads a changed style sheet by that name.
    None => "pkg".into(),
});

/// From now on the files are those in the program. Called before anything else.
pub fn embed(site: Embedded) {
    EMBEDDED.get_or_init(|| site);
}

pub fn folder() -> &'static str {
    &FOLDER
}

/// How long browsers may keep a file of [`folder`].
pub fn caching() -> &'static str {
    // `cargo leptos watch` replaces the files on the disk while the program runs.
    EMBEDDED.get().map_or(CHANGING, |_| FIXED)
}

pub fn get(name: &str) -> Option<File> {
    match EMBEDDED.get() {
        Some(site) => (site.get)(name).map(|(bytes, hash)| File { bytes, tag: hex(&hash[..16]) }),
        None => on_disk::get(name),
    }
}

/// Whether the browser's half exists. Without it pages are drawn and forms work, but nothing is live.
pub fn is_complete() -> bool {
    get("pkg/rivulet.wasm").is_some()
}

/// A folder that names the build: a page left open across an update is refused files that would not fit it, and browsers can cache
/// each file for ever.
fn named_by(site: &Embedded) -> String {
    let mut names = (site.names)();
    names.sort();
    let hashes = names.iter().filter_map(|name| (site.get)(name)).map(|(_, hash)| hash);
    let build = hashes.fold(Sha256::new(), |all, hash| all.chain_update(hash)).finalize();
    format!("pkg/{}", hex(&build[..8]))
}
