//! A way to PostgreSQL that can fall silent: what is sent on it is swallowed, nothing comes back, and nobody is told. A
//! firewall does that which has forgotten a connection, and a network that is cut.

use super::{Database, Postgres};
use crate::server::store::postgres::options;
use crate::tests::app::Folder;
use sqlx::postgres::PgConnectOptions;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

const SOCKET: &str = ".s.PGSQL.5432";

/// The way, from a socket of its own. Its connections are numbered from 1.
pub(crate) struct Way {
    folder: Folder,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    opened: AtomicUsize,
    /// Connections up to this number are silent.
    silent: AtomicUsize,
    /// On how many of them something was sent nevertheless.
    swallowed: AtomicUsize,
}

impl Way {
    /// Must be called within a runtime.
    pub(crate) fn new(server: &Postgres) -> Self {
        let way = Self { folder: Folder::new(), state: Arc::default() };
        let listener = UnixListener::bind(way.folder.0.join(SOCKET)).unwrap();
        tokio::spawn(accept(listener, server.folder().join(SOCKET), Arc::clone(&way.state)));
        way
    }

    /// How to connect to the database on it.
    pub(crate) fn options(&self, database: &Database) -> PgConnectOptions {
        options("DATABASE_URL", &database.url).unwrap().socket(&self.folder.0)
    }

    /// What is connected falls silent. Others can connect.
    pub(crate) fn forget(&self) {
        self.state.silent.store(self.state.opened.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Everything falls silent, also what connects later.
    pub(crate) fn block(&self) {
        self.state.silent.store(usize::MAX, Ordering::Relaxed);
    }

    /// On how many silent connections something was sent.
    pub(crate) fn swallowed(&self) -> usize {
        self.state.swallowed.load(Ordering::Relaxed)
    }
}

async fn accept(listener: UnixListener, server: PathBuf, state: Arc<State>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let number = state.opened.fetch_add(1, Ordering::Relaxed) + 1;
        let (client_reads, client_writes) = client.into_split();
        let (server_reads, server_writes) = UnixStream::connect(&server).await.unwrap().into_split();
        tokio::spawn(pass(client_reads, server_writes, number, Arc::clone(&state)));
        tokio::spawn(pass(server_reads, client_writes, number, Arc::clone(&state)));
    }
}

/// Passes one direction on, until it is to be silent: from then on it is kept open and nothing else.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, number: usize, state: Arc<State>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if number <= state.silent.load(Ordering::Relaxed) {
            state.swallowed.fetch_add(1, Ordering::Relaxed);
            return std::future::pending().await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
