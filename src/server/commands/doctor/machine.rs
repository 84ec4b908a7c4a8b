//! What is read and measured of the machine, apart from its judgement: tests plant the faults here.

use rustix::fs::statvfs;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Writes that are synced to the disk, of which the middle one counts: the first may wait for others.
const SYNCS: usize = 7;
/// A page of the database.
const PAGE: [u8; 4_096] = [0; 4_096];

/// The machine as the database on it meets it.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The folder of the database; while that is not made, the nearest one above it that is.
    pub folder: PathBuf,
    /// `/proc/self/mountinfo`.
    pub mounts: String,
    /// How long it takes to write a page to the disk, or why nothing can be written there.
    pub sync: Result<Duration, String>,
    /// Bytes that are free; none where that cannot be told.
    pub free: Option<u64>,
    /// How long ago the database was made; none where the file system does not tell.
    pub age: Option<Duration>,
    /// `/proc/PID/limits` of the server that has the database open; none where there is none that may be looked at.
    pub limits: Option<String>,
}

impl Machine {
    pub fn read(database: &Path) -> Self {
        let folder = folder(database);
        let sync = sync_time(&folder).map_err(|error| error.to_string());
        let free = statvfs(&folder).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        // No database is a new one.
        let age = std::fs::metadata(database).map_or(Some(Duration::ZERO), |file| file.created().ok()?.elapsed().ok());
        Self { mounts, sync, free, age, limits: limits_of_server(database), folder }
    }
}

fn folder(database: &Path) -> PathBuf {
    let absolute = std::path::absolute(database).unwrap_or_else(|_| database.to_owned());
    let there = absolute.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    there.canonicalize().unwrap_or_else(|_| there.to_owned())
}

fn sync_time(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(format!(".rivulet-doctor-{}", std::process::id()));
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
    let measured = (0..SYNCS).map(|_| sync_once(&mut file)).collect::<io::Result<Vec<_>>>();
    std::fs::remove_file(&path)?;
    let mut times = measured?;
    times.sort_unstable();
    Ok(times[SYNCS / 2])
}

fn sync_once(file: &mut File) -> io::Result<Duration> {
    let began = Instant::now();
    file.write_all(&PAGE)?;
    file.sync_data()?;
    Ok(began.elapsed())
}

/// The limits of the process that has the database open, which is not this one.
fn limits_of_server(database: &Path) -> Option<String> {
    let database = database.canonicalize().ok()?;
    let own = std::process::id().to_string();
    let processes = Path::new("/proc").read_dir().ok()?.flatten().map(|entry| entry.path());
    let mut others = processes.filter(|path| path.file_name() != Some(OsStr::new(&own)));
    let server = others.find(|process| has_open(process, &database))?;
    std::fs::read_to_string(server.join("limits")).ok()
}

fn has_open(process: &Path, file: &Path) -> bool {
    let Ok(open) = process.join("fd").read_dir() else { return false };
    open.flatten().any(|entry| std::fs::read_link(entry.path()).is_ok_and(|target| target == file))
}
