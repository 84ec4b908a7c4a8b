//! A way to Redis that a test can shut, cut, and lead elsewhere: what firewalls, networks and proxies do.

use crate::tests::app::Folder;
use std::path::PathBuf;
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// The way, from a socket of its own.
pub(crate) struct Valve {
    folder: Folder,
    position: watch::Sender<Position>,
}

#[derive(Clone)]
struct Position {
    /// Nothing passes, and nobody is told.
    is_shut: bool,
    /// The server's socket, and how often it was exchanged under the connections.
    server: PathBuf,
    exchanged: u32,
}

impl Valve {
    /// Must be called within a runtime.
    pub(crate) fn new(server: PathBuf) -> Self {
        let folder = Folder::new();
        let position = watch::Sender::new(Position { is_shut: false, server, exchanged: 0 });
        let listener = UnixListener::bind(folder.0.join("redis.sock")).unwrap();
        tokio::spawn(accept(listener, position.subscribe()));
        Self { folder, position }
    }

    /// The value of `REDIS_URL`.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}/redis.sock", self.folder.0.display())
    }

    pub(crate) fn shut(&self) {
        self.position.send_modify(|position| position.is_shut = true);
    }

    pub(crate) fn open(&self) {
        self.position.send_modify(|position| position.is_shut = false);
    }

    /// Another server has the place of the former. Connections stay open, as they do at some proxies.
    pub(crate) fn exchange(&self, server: PathBuf) {
        self.position.send_modify(|position| {
            position.server = server;
            position.exchanged += 1;
        });
    }
}

async fn accept(listener: UnixListener, position: watch::Receiver<Position>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        tokio::spawn(pass(client, position.clone()));
    }
}

/// Passes both directions on. What is under way when the valve is shut stays where it is.
async fn pass(mut client: UnixStream, mut position: watch::Receiver<Position>) {
    loop {
        let now = position.borrow_and_update().clone();
        if now.is_shut {
            if position.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Ok(mut server) = UnixStream::connect(&now.server).await else { return };
        loop {
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => return,
                changed = position.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
            while position.borrow().is_shut {
                if position.changed().await.is_err() {
                    return;
                }
            }
            if position.borrow_and_update().exchanged != now.exchanged {
                break;
            }
        }
    }
}
