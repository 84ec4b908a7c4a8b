//! What lies between the store's SQL and the database's driver: connections that are kept here.
//!
//! Nothing outside this folder opens a connection, or names the driver's type for one.

mod connection;
mod seats;
pub(crate) mod write_ahead;

pub(crate) use connection::Connection;
pub(crate) use seats::{Seats, Taken};
