//! Rivulet: a self-hosted AI chat whose replies are never lost.
//!
//! How a message travels: `ui/composer` calls `api::send`; `server/engine` writes it to the `server/store`, appends it
//! to the `server/journal` and starts a task that asks the `server/provider`; every piece of the reply is appended to
//! the journal; `server/transport` reads it from there, from each viewer's own cursor, and `wire` frames it; in the
//! browser `ui/live` reads the lines and folds the events (`event`) into the signals that the components draw.
//!
//! What always holds:
//! 1. A reply is the fold of its events. Server, browser and tests fold with the same function.
//! 2. The engine does not know who is watching. No response owns a generation: closing a tab stops nothing.
//! 3. Transports only read the journal. They hold a cursor, never a queue.
//! 4. A server function or handler is thin: name the caller, parse, call one function in `server`. It is a public URL.
//! 5. Components never touch `server`; only bodies of server functions do.
//! 6. The server/browser split is made here and nowhere else; a test fails otherwise.
//! 7. `server` does not know the pages: `main` joins them. Calls run one way: app, ui, api, server, routes,
//!    engine or transport, journal, wire or store, event, model. Plain types go further.
//! 8. Provider decoders are pure: bytes in, deltas out.

pub mod amount;
pub mod api;
pub mod app;
pub mod browser;
pub mod contract;
pub mod error;
pub mod event;
pub mod markdown;
pub mod model;
pub mod ui;
pub mod wire;

#[cfg(feature = "ssr")]
pub mod server;

#[cfg(all(test, feature = "ssr"))]
mod tests;

#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("`ssr` and `hydrate` are two builds of one crate; choose one");

#[cfg(feature = "hydrate")]
pub mod takeover;
