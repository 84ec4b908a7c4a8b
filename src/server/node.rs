//! The name of this node in its log, where several work on one database: the id by which they know each other.

use std::sync::{PoisonError, RwLock};

/// None: there is one process, and nothing to tell apart.
static NAME: RwLock<Option<&'static str>> = RwLock::new(None);

/// From here on, this process is known by that id.
pub fn is(process: &'static str) {
    *NAME.write().unwrap_or_else(PoisonError::into_inner) = Some(process);
}

/// Its id.
pub fn name() -> Option<&'static str> {
    *NAME.read().unwrap_or_else(PoisonError::into_inner)
}
