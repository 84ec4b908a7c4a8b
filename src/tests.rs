//! The tests: one binary. Behaviour is tested on the real router, over HTTP, against the scriptable model API.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod accounts;
mod admin;
mod alone;
mod app;
mod backup;
mod capacity;
mod chaos;
mod chat;
mod commands;
mod connections;
mod context;
mod conversations;
mod crash;
mod dice;
mod door;
mod drain;
mod elsewhere;
mod fallback;
mod faults;
mod images;
mod invariants;
mod journal;
mod lines;
mod live;
mod markdown;
mod matrix;
mod metrics;
mod namespaces;
mod pages;
mod panics;
mod parameters;
mod provider;
mod races;
mod reload;
mod revoking;
mod security;
mod sending;
mod socket;
mod stopping;
mod storage;
mod storms;
mod streaming;
mod thinking;
mod tidy;
mod titles;
mod tracing;
mod usage;
mod viewer;
mod wire;

#[path = "../examples/upstream/server.rs"]
mod upstream;
