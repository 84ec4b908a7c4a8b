//! Whether a disk has room for a copy. One that fills the disk would fail in the end, and until then so would everything
//! that the server writes there.

use crate::server::store::lock::with;
use crate::server::store::owner::folder;
use anyhow::{Context, ensure};
use rustix::fs::statvfs;
use std::path::Path;

/// Free space beside a copy that was made on a schedule: the log (up to 64 MiB) and some days of use.
pub const RESERVE: u64 = 512 << 20;

/// How much a folder's disk has to take, and can.
#[derive(Clone, Copy, Debug)]
struct Room {
    free: u64,
    copy: u64,
    reserve: u64,
}

/// Refuses a copy of the database at `to` that would leave less than `reserve` free.
///
/// # Errors
/// A sentence with the numbers.
pub(super) fn ensure(database: &Path, to: &Path, reserve: u64) -> anyhow::Result<()> {
    let shown = folder(to).display();
    let disk = statvfs(folder(to)).with_context(|| format!("The free space at {shown} cannot be told"))?;
    let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    // What is in the log alone will be in the copy.
    let copy = bytes(database) + bytes(&with(database, "-wal"));
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    Room { free, copy, reserve }.ensure().with_context(|| format!("There is no room for a backup at {shown}"))
}

impl Room {
    fn ensure(self) -> anyhow::Result<()> {
        let Self { free, copy, reserve } = self;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        ensure!(
            copy.saturating_add(reserve) <= free,
            "{:.1} MiB are free, and it takes up to {:.1} MiB, beside which {:.1} MiB are to stay free",
            mib(free),
            mib(copy),
            mib(reserve)
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_leaves_the_reserve_free() {
        let room = |mib: u64| Room { free: mib << 20, copy: 100 << 20, reserve: RESERVE };
        assert!(room(612).ensure().is_ok());
        let told = room(611).ensure().unwrap_err().to_string();
        assert_eq!(told, "611.0 MiB are free, and it takes up to 100.0 MiB, beside which 512.0 MiB are to stay free");
        assert!(Room { free: 1 << 20, copy: 2 << 20, reserve: 0 }.ensure().is_err());
    }

    #[test]
    fn a_copy_has_what_is_in_the_log() {
        let folder = std::env::temp_dir().join(format!("rivulet-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let database = folder.join("rivulet.db");
        std::fs::File::create(&database).unwrap().set_len(1 << 20).unwrap();
        // Sparse: it takes no room here.
        std::fs::File::create(with(&database, "-wal")).unwrap().set_len(8 << 40).unwrap();
        let told = format!("{:#}", ensure(&database, &folder.join("copy.db"), 0).unwrap_err());
        assert!(told.starts_with("There is no room for a backup at ") && told.contains("8388609.0 MiB"), "{told}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
