//! A way to PostgreSQL that is cut at a `commit`: before it has arrived, or before its answer comes back.

use super::{Database, Postgres};
use crate::tests::app::Folder;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{UnixListener, UnixStream};

const SOCKET: &str = ".s.PGSQL.5432";
const NEVER: usize = 0;
const BEFORE: usize = 1;
const BEHIND: usize = 2;

/// The way, from a socket of its own.
pub(crate) struct Cut {
    folder: Folder,
    next: Arc<AtomicUsize>,
}

impl Cut {
    /// Must be called within a runtime.
    pub(crate) fn new(server: &Postgres) -> Self {
        let way = Self { folder: Folder::new(), next: Arc::new(AtomicUsize::new(NEVER)) };
        let listener = UnixListener::bind(way.folder.0.join(SOCKET)).unwrap();
        let (server, next) = (server.folder().join(SOCKET), Arc::clone(&way.next));
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(client, server.clone(), Arc::clone(&next)));
            }
        });
        way
    }

    /// The URL of the database on it.
    pub(crate) fn url(&self, database: &Database) -> String {
        let (server, here) = (database.folder().display().to_string(), self.folder.0.display().to_string());
        assert!(database.url.contains(&server), "{}", database.url);
        database.url.replace(&server, &here)
    }

    /// The next connection that commits is cut: `is_done`, once the commit is there.
    pub(crate) fn arm(&self, is_done: bool) {
        self.next.store(if is_done { BEHIND } else { BEFORE }, Ordering::SeqCst);
    }

    /// Whether it has been.
    pub(crate) fn has_cut(&self) -> bool {
        self.next.load(Ordering::SeqCst) == NEVER
    }
}

async fn pass(client: UnixStream, server: PathBuf, next: Arc<AtomicUsize>) {
    let Ok(server) = UnixStream::connect(server).await else { return };
    let (mut client_reads, mut client_writes) = client.into_split();
    let (mut server_reads, mut server_writes) = server.into_split();
    let mut back = tokio::spawn(async move {
        copy(&mut server_reads, &mut client_writes).await.ok();
        server_reads
    });
    let mut buffer = vec![0; 1 << 16];
    loop {
        let Ok(read @ 1..) = client_reads.read(&mut buffer).await else { return back.abort() };
        let is_commit = buffer[..read].windows(7).any(|text| text == b"commit\0");
        let how = if is_commit { next.swap(NEVER, Ordering::SeqCst) } else { NEVER };
        if how != NEVER {
            // Nothing comes back from here on.
            back.abort();
            (&mut back).await.ok();
        }
        if how == BEFORE {
            return;
        }
        if server_writes.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        if how == BEHIND {
            // The server finds the end of the connection after it has done what it was told.
            return;
        }
    }
}
