//! `rivulet health`: for the health check of a container, whose image has no other program to ask with.

use crate::server::settings::Settings;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Less than what container engines allow a check by default (30 s), more than a busy server takes.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer is a head and a few words.
const MAX_ANSWER_BYTES: u64 = 16 << 10;

/// By default whether the process answers at all. Whether it takes messages (`ready`) is for load balancers: an engine
/// that restarts it because the disk is full would lose the replies that wait to be saved.
pub(super) async fn run(settings: &Settings, ready: bool, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
    let address = reachable(settings.listen);
    let path = if ready { "/readyz" } else { "/healthz" };
    let told = match timeout(PATIENCE, ask(address, path)).await {
        Ok(Ok(told)) => told,
        Ok(Err(error)) => Err(format!("{address} does not answer: {error}")),
        Err(_) => Err(format!("{address} has not answered for {} s", PATIENCE.as_secs())),
    };
    let (Ok(line) | Err(line)) = &told;
    writeln!(out, "{line}")?;
    Ok(told.is_ok())
}

/// An address on which a server that listens on `listen` is reached from this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// By hand: a client with certificates takes longer to set up than the question does.
async fn ask(address: SocketAddr, path: &str) -> std::io::Result<Result<String, String>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok(if status == "200" { Ok(body.trim().to_owned()) } else { Err(format!("{address} answers {status}: {body}")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_every_network_is_asked_on_this_machine() {
        for (listen, asked) in
            [("0.0.0.0:3000", "127.0.0.1:3000"), ("[::]:3000", "[::1]:3000"), ("10.1.2.3:80", "10.1.2.3:80")]
        {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
