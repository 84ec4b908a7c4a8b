//! Small values in this browser's storage. If storage is denied or full, nothing is stored, without an error.

use super::window;
use web_sys::Storage;

pub fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

pub fn set(key: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(key, value);
    }
}

pub fn remove(key: &str) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(key);
    }
}

/// The access itself throws if cookies are blocked.
fn storage() -> Option<Storage> {
    window().local_storage().ok()?
}
