//! Who is at the other end of a connection.

use std::net::SocketAddr;

/// The client's network address.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);
