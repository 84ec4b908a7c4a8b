//! A bad line: a TCP proxy that delays, slices, starves, swallows, cuts and resets. It is between a client and the
//! server, or between the server and the model's API, and knows neither.

use crate::tests::rng::Dice;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// Read at a time, so that a slow line delays everything about equally.
const CHUNK_BYTES: usize = 2048;
/// Chunks on their way. With it full the proxy reads no more, as a full line does.
const IN_FLIGHT: usize = 32;

/// What a line does. The default is a good one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Each way.
    pub(crate) latency: Duration,
    /// The maximum random addition to it, chosen for each chunk.
    pub(crate) jitter: Duration,
    /// In both directions, in writes of this many bytes.
    pub(crate) slice: Option<usize>,
    /// Of the answers.
    pub(crate) bytes_per_second: Option<u32>,
    /// The number of bytes of answers after which a connection ends, and how it ends.
    pub(crate) end: Option<(usize, End)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Closed in order.
    Cut,
    /// By a TCP reset.
    Reset,
    /// Both ends stay connected, and nothing comes through any more.
    BlackHole,
}

/// A proxy to one address. Dropping it ends every connection.
pub(crate) struct Line {
    pub(crate) url: String,
    faults: Arc<Mutex<Faults>>,
    cut: Arc<Mutex<CancellationToken>>,
    server: JoinHandle<()>,
}

impl Line {
    /// A line to `url`; a seed always gives equal jitter.
    pub(crate) async fn to(url: &str, faults: Faults, seed: u64) -> Self {
        let target = url.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let faults = Arc::new(Mutex::new(faults));
        let cut = Arc::new(Mutex::new(CancellationToken::new()));
        let server = tokio::spawn(accept(listener, target, Arc::clone(&faults), Arc::clone(&cut), Dice::new(seed)));
        Self { url, faults, cut, server }
    }

    /// For the connections to come.
    pub(crate) fn set(&self, faults: Faults) {
        *self.faults.lock().unwrap() = faults;
    }

    /// Resets every connection that there is.
    pub(crate) fn reset_all(&self) {
        std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Owns the connections: they end with it.
async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    faults: Arc<Mutex<Faults>>,
    cut: Arc<Mutex<CancellationToken>>,
    mut dice: Dice,
) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (faults, cut) = (*faults.lock().unwrap(), cut.lock().unwrap().clone());
        let dice = Dice::new(dice.below(u64::MAX));
        connections.spawn(connection(client, target, faults, cut, dice));
        while connections.try_join_next().is_some() {}
    }
}

/// An error here is one side's going away, which ends the other side's connection as well.
async fn connection(
    mut client: TcpStream,
    target: SocketAddr,
    faults: Faults,
    cut: CancellationToken,
    dice: Dice,
) -> io::Result<()> {
    let mut server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let requests = Faults { bytes_per_second: None, end: None, ..faults };
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let end = tokio::select! {
        end = carry(&mut from_server, &mut to_client, faults, dice.clone()) => end?,
        end = carry(&mut from_client, &mut to_server, requests, dice) => end?,
        () = cut.cancelled() => End::Reset,
    };
    if end == End::BlackHole {
        cut.cancelled().await;
    }
    if end != End::Cut {
        client.set_zero_linger()?;
        server.set_zero_linger()?;
    }
    Ok(())
}

/// Carries bytes one way until they end or the line does.
async fn carry(from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>, faults: Faults, mut dice: Dice) -> io::Result<End> {
    let (line, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(IN_FLIGHT);
    // Reading goes on while what was read is on its way: latency is not a limit on how much gets through.
    let reading = async move {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = from.read(&mut chunk).await?;
            let late = Duration::from_micros(dice.below(faults.jitter.as_micros() as u64));
            let due = Instant::now() + faults.latency + late;
            if length == 0 || line.send((due, chunk[..length].to_vec())).await.is_err() {
                return io::Result::Ok(());
            }
        }
    };
    let writing = async move {
        let (mut left, end) = faults.end.unwrap_or((usize::MAX, End::Cut));
        while let Some((due, bytes)) = arriving.recv().await {
            // Nothing overtakes: a late chunk holds up those behind it, as TCP has it.
            sleep_until(due).await;
            let through = &bytes[..bytes.len().min(left)];
            write(to, through, faults).await?;
            left -= through.len();
            if left == 0 {
                return Ok(end);
            }
        }
        Ok(End::Cut)
    };
    tokio::pin!(reading, writing);
    tokio::select! {
        end = &mut writing => end,
        read = &mut reading => {
            read?;
            writing.await
        }
    }
}

async fn write(to: &mut WriteHalf<'_>, bytes: &[u8], faults: Faults) -> io::Result<()> {
    for slice in bytes.chunks(faults.slice.unwrap_or(CHUNK_BYTES)) {
        to.write_all(slice).await?;
    }
    if let Some(rate) = faults.bytes_per_second {
        sleep(Duration::from_secs(1) * bytes.len() as u32 / rate).await;
    }
    Ok(())
}
