//! Who may read the files, and how many the server may open.

use super::Machine;
use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A viewer is an open file, and an open reply another.
const FEW_FILES: u64 = 4_096;

pub(super) fn findings(machine: &Machine, database: &Path, backups: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    let copies = backups.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    for path in [database.to_owned()].into_iter().chain(copies) {
        findings.extend(std::fs::metadata(&path).ok().and_then(|file| readable(&path, &file)));
    }
    findings.extend(beside(database));
    findings.extend(machine.limits.as_deref().and_then(few));
    findings
}

fn readable(path: &Path, file: &Metadata) -> Option<String> {
    let shown = path.display();
    let is_open = file.is_file() && file.permissions().mode() & 0o077 != 0;
    is_open.then(|| format!("Other users of this machine may open {shown}, with every conversation: chmod 600 {shown}"))
}

/// Files beside the database that belong to another user, who ran a command.
fn beside(database: &Path) -> Option<String> {
    let owner = std::fs::metadata(database).ok()?.uid();
    let beside = |ending: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let foreign = ["-wal", "-shm", "-lock"].map(beside).into_iter().find(|path| {
        let file = std::fs::metadata(path);
        file.is_ok_and(|file| file.uid() != owner)
    })?;
    Some(format!(
        "{} does not belong to the owner of the database, who cannot write to it: chown it to the user that runs Rivulet.",
        foreign.display()
    ))
}

fn few(limits: &str) -> Option<String> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let files: u64 = line.split_whitespace().next()?.parse().ok()?;
    (files < FEW_FILES).then(|| {
        format!(
            "The server may open {files} files, and each viewer is one: raise the limit (LimitNOFILE=65536 for systemd, \
             ulimit -n 65536 in a shell) and start it again."
        )
    })
}
