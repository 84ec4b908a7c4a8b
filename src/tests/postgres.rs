//! PostgreSQL beside SQLite: the same tables, and the same answers.

mod schema;
mod settings;
