//! The app's files on the disk, where cargo-leptos puts them.

use super::File;
use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

/// The site's folder: cargo-leptos passes it to the server that it starts. Otherwise it is `site-root` of Cargo.toml.
static ROOT: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::var_os("LEPTOS_SITE_ROOT").map_or_else(|| "target/site".into(), PathBuf::from));

pub(super) fn get(name: &str) -> Option<File> {
    read(&ROOT, name)
}

/// A file inside `root`. The name comes from a URL, so it may try to leave `root`.
fn read(root: &Path, name: &str) -> Option<File> {
    let is_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let path = is_inside.then(|| root.join(name))?;
    let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    // Hashing megabytes for every request takes an unoptimized build a second.
    let tag = format!("{:x}-{:x}", changed.as_nanos(), metadata.len());
    Some(File { tag, bytes: Cow::Owned(std::fs::read(path).ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_served_from_inside_the_site_and_from_nowhere_else() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let public = root.join("public");
        assert_eq!(read(&public, "robots.txt").unwrap().bytes, std::fs::read(public.join("robots.txt")).unwrap());
        for outside in ["../Cargo.toml", "/etc/hostname", "pkg/../../Cargo.toml", ".", "", "no such file"] {
            assert!(read(&public, outside).is_none(), "{outside}");
        }
        assert!(read(root, "src").is_none(), "a folder is no file");
    }
}
