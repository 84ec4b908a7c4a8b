//! Locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks the mutex, also after a panic while it was held: our locks protect plain data, which is still valid then.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
