//! What lies between the store's SQL and the database's driver: connections that are kept here, and batches of
//! statements.
//!
//! Nothing outside this folder opens a connection, or names the driver's type for one.

pub(crate) mod batch;
mod connection;
mod query;
mod seats;
mod text;
pub(crate) mod write_ahead;

pub(crate) use connection::Connection;
pub(crate) use query::{Query, query};
pub(crate) use seats::{Seats, Taken};
