//! The disk that the database is on: its kind, its speed, its room.

use super::Machine;
use crate::server::store::backup::{RESERVE, Series};
use crate::server::times::span;
use std::path::Path;
use std::time::Duration;

/// File systems of other machines: SQLite's locks and its shared memory do not work on all of them.
const REMOTE: [&str; 12] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "ceph",
    "glusterfs",
    "fuse.glusterfs",
    "fuse.sshfs",
    "fuse.rclone",
    "fuse.s3fs",
];
/// File systems that are gone with the container, or when the machine is switched off.
const LAYERS: [&str; 3] = ["overlay", "aufs", "fuse-overlayfs"];
const MEMORY: [&str; 2] = ["tmpfs", "ramfs"];
/// A disk takes a few milliseconds, and a solid one less than one. Folding the log syncs twice, beside the messages.
const SLOW: Duration = Duration::from_millis(50);

pub(super) fn findings(machine: &Machine, database: &Path) -> Vec<String> {
    let shown = machine.folder.display();
    let mut findings: Vec<String> = kind(machine).into_iter().collect();
    match &machine.sync {
        Ok(time) if SLOW < *time => findings.push(format!(
            "Writing a page to the disk at {shown} takes {} ms, so messages wait for it: put the database on a faster disk.",
            time.as_millis()
        )),
        Ok(_) => {}
        Err(why) => findings.push(format!(
            "Nothing can be written in {shown} ({why}): make the user that runs Rivulet its owner, or name another place \
             in DATABASE_URL."
        )),
    }
    let bytes = std::fs::metadata(database).map_or(0, |file| file.len());
    if let Some(free) = machine.free.filter(|free| *free < bytes + RESERVE) {
        findings.push(format!(
            "Only {} MiB are free at {shown}, and a backup takes {} MiB: make room before the disk is full.",
            free >> 20,
            bytes.div_ceil(1 << 20)
        ));
    }
    findings
}

/// A schedule that is not kept.
pub(super) fn late(machine: &Machine, series: &Series, every: Duration) -> Option<String> {
    let patience = every.saturating_mul(2);
    let due = span(every.as_secs());
    match series.age() {
        Some(age) => (patience < age).then(|| {
            let age = span(age.as_secs());
            format!("The newest backup is {age} old, and one is due every {due}: look for the reason in Rivulet's log.")
        }),
        None => machine.age.is_none_or(|age| patience < age).then(|| {
            format!(
                "No scheduled backup was ever made, and one is due every {due}: look for the reason in Rivulet's log."
            )
        }),
    }
}

fn kind(machine: &Machine) -> Option<String> {
    let kind = file_system(&machine.mounts, &machine.folder)?;
    let shown = machine.folder.display();
    if REMOTE.contains(&kind) {
        return Some(format!(
            "The database is on a network file system ({kind} at {shown}), whose locks SQLite cannot rely on: move it to \
             a local disk."
        ));
    }
    if LAYERS.contains(&kind) {
        return Some(format!(
            "The database is in the container's own layer ({kind} at {shown}), which is deleted with the container: mount \
             a volume there."
        ));
    }
    MEMORY.contains(&kind).then(|| {
        format!("The database is in memory ({kind} at {shown}) and gone after the next boot: move it to a disk.")
    })
}

/// The kind of the file system that a folder is on, from `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
fn file_system<'a>(mounts: &'a str, folder: &Path) -> Option<&'a str> {
    let mount = |line: &'a str| {
        let (head, tail) = line.split_once(" - ")?;
        let point = head.split(' ').nth(4)?.replace("\\040", " ");
        Some((point, tail.split(' ').next()?))
    };
    let around = mounts.lines().filter_map(mount).filter(|(point, _)| folder.starts_with(point));
    // The last of those that hide each other.
    around.max_by_key(|(point, _)| point.len()).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
35 22 0:31 / /srv/a\\040folder rw shared:2 - nfs4 server:/ rw
36 22 8:2 / /srv/a rw - xfs /dev/sdb rw
37 36 0:40 / /srv/a rw - tmpfs tmpfs rw
";

    #[test]
    fn a_folder_is_on_the_file_system_that_was_mounted_nearest_to_it_and_last() {
        for (folder, kind) in
            [("/var/lib", "ext4"), ("/srv/a folder/x", "nfs4"), ("/srv/a/x", "tmpfs"), ("/srv/ab", "ext4")]
        {
            assert_eq!(file_system(MOUNTS, Path::new(folder)), Some(kind), "{folder}");
        }
        assert_eq!(file_system("", Path::new("/")), None);
    }
}
