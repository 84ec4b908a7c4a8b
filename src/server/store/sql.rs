//! What lies between the store's SQL and the database's driver: connections that are kept here, and batches of
//! statements.
//!
//! Nothing outside this folder opens a connection, or names the driver's type for one.

pub(crate) mod batch;
mod builder;
mod connection;
pub(crate) mod fault;
mod lock;
mod query;
mod row;
mod seats;
mod text;
mod value;
pub(crate) mod write_ahead;

pub(crate) use builder::Builder;
pub(crate) use connection::Connection;
pub(crate) use lock::{Key, Lock};
pub(crate) use query::{Done, On, Query, Target, query, query_scalar};
pub(crate) use row::{Column, Row};
pub(crate) use seats::{Seats, Server, Taken};
pub(crate) use value::Value;
