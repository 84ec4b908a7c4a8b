//! Rivulet: a self-hosted AI chat whose replies are never lost.
//!
//! The path of a message: `ui/composer` hands it to `ui/outbox`, which calls `api::send`; `server/engine` writes it to
//! `server/store`, appends it to the `server/journal` and starts a task that asks the `server/provider`; each piece of the reply
//! is appended to the journal; `server/transport` reads the journal from the cursor of each viewer, and `wire` encodes it; in
//! the browser `ui/live` reads the lines and folds the events (`event`) into the signals that the components draw.
//!
//! Invariants:
//! - A reply is the fold of its events. Server, browser and tests fold with the same functions.
//! - The engine does not know who is watching. No response owns a generation: closing a tab stops nothing.
//! - Transports only read the journal. They hold a cursor, never a queue.
//! - A server function or handler names the caller, parses, and calls one function in `server`. It is a public URL.
//! - Each write of a request checks in its transaction that the caller's credential still holds (`server/store/asking`).
//! - Components never use `server`; only bodies of server functions do.
//! - The split between server and browser is made in this file and nowhere else; `tests/tidy` fails otherwise.
//! - Imports run downward, floor by floor, and never in a circle (`tests/floors`). `server` does not know the pages: `main`
//!   joins them.
//! - Provider decoders are pure: bytes in, deltas out.
//!
//! ARCHITECTURE.md has the picture of the floors, the map and the walkthroughs.

pub mod amount;
pub mod api;
pub mod app;
pub mod browser;
pub mod contract;
pub mod error;
pub mod event;
pub mod json;
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
