//! PostgreSQL beside SQLite: the same tables, the same statements, and the same answers.

mod answers;
mod beside;
mod moving;
mod moving_whole;
mod plans;
mod schema;
mod settings;
pub(crate) mod statements;
