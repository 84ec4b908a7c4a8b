//! The tests.
mod provider;
