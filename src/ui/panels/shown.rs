//! Which panel is open.

use crate::ui::panel::Panel;
use leptos::prelude::*;

/// What is open. Provided as context to panels, which open and close each other by it.
#[derive(Clone, Copy, Default)]
pub struct Shown(RwSignal<Option<Panel>>);

impl Shown {
    pub fn here() -> Self {
        expect_context()
    }

    pub fn get(self) -> Option<Panel> {
        self.0.get_untracked()
    }

    /// What is open, for a function that draws it.
    pub fn track(self) -> Option<Panel> {
        self.0.get()
    }

    pub fn open(self, panel: Panel) {
        self.0.set(Some(panel));
    }

    pub fn close(self) {
        self.0.set(None);
    }
}
