//! The app's files: in the program, or on the disk where cargo-leptos puts them.

/// In the program with the feature `embed`, which `make build` turns on: one binary is all there is to install then.
#[cfg_attr(feature = "embed", path = "assets/embedded.rs")]
#[cfg_attr(not(feature = "embed"), path = "assets/on_disk.rs")]
mod site;

pub use site::{CACHING, get};
use std::borrow::Cow;
use std::sync::LazyLock;

/// A file of the site.
pub struct File {
    pub bytes: Cow<'static, [u8]>,
    /// Differs from that of any other contents under the name.
    pub tag: String,
}

/// A name that stays while its contents change: browsers ask each time, and mostly hear "as you have it".
pub const CHANGING: &str = "no-cache";

/// The folder of the app's own files, as addresses name it.
static FOLDER: LazyLock<String> = LazyLock::new(site::folder);

pub fn folder() -> &'static str {
    &FOLDER
}

/// Whether the browser's half is there. Without it pages are drawn and forms work, but nothing is live.
pub fn is_complete() -> bool {
    get("pkg/rivulet.wasm").is_some()
}
