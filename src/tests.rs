//! The tests: one binary. Behaviour is tested on the real router, over HTTP, against the scriptable model API.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod alone;
mod app;
mod backup;
mod chaos;
mod chat;
mod commands;
mod connections;
mod conversations;
mod crash;
mod dice;
mod drain;
mod faults;
mod invariants;
mod journal;
mod lines;
mod live;
mod markdown;
mod metrics;
mod pages;
mod panics;
mod provider;
mod races;
mod reload;
mod security;
mod sending;
mod stopping;
mod storage;
mod storms;
mod streaming;
mod tidy;
mod tracing;
mod viewer;
mod wire;

#[path = "../examples/upstream/server.rs"]
mod upstream;
