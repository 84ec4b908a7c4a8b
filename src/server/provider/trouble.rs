//! The last failure of each provider that only its operator can mend, for the administration. In memory: it comes again.

use crate::server::sync::lock;
use crate::server::times::now;
use std::sync::{Arc, Mutex};

/// A failure, in words for the operator.
#[derive(Clone, Debug)]
pub struct Trouble {
    pub provider: String,
    pub at: String,
    pub message: String,
}

/// The last one of a provider; none once it has answered again.
#[derive(Clone, Default)]
pub(super) struct Last(Arc<Mutex<Option<Trouble>>>);

impl Last {
    pub(super) fn note(&self, provider: &str, message: &str) {
        let trouble = Trouble { provider: provider.to_owned(), at: now(), message: message.to_owned() };
        *lock(&self.0) = Some(trouble);
    }

    pub(super) fn get(&self) -> Option<Trouble> {
        lock(&self.0).clone()
    }

    /// The provider has answered.
    pub(super) fn clear(&self) {
        lock(&self.0).take();
    }
}
