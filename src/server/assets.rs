//! The app's files: embedded in the binary, or on the disk where cargo-leptos puts them.

/// Embedded with the feature `embed`, which `make build` turns on: one binary is then all there is to install.
#[cfg_attr(feature = "embed", path = "assets/embedded.rs")]
#[cfg_attr(not(feature = "embed"), path = "assets/on_disk.rs")]
mod site;

pub use site::{CACHING, get};
use std::borrow::Cow;
use std::sync::LazyLock;

/// A file of the site.
pub struct File {
    pub bytes: Cow<'static, [u8]>,
    /// A value that differs for other contents under the same name.
    pub tag: String,
}

/// A name whose contents change: browsers revalidate each time, and usually get 304.
pub const CHANGING: &str = "no-cache";

/// The folder of the app's own files in URLs.
static FOLDER: LazyLock<String> = LazyLock::new(site::folder);

pub fn folder() -> &'static str {
    &FOLDER
}

/// Whether the browser's half exists. Without it pages are drawn and forms work, but nothing is live.
pub fn is_complete() -> bool {
    get("pkg/rivulet.wasm").is_some()
}
