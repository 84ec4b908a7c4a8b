//! Which panel is open.

use crate::ui::panel::{Drawer, Panel};
use leptos::prelude::*;

/// What is open. Provided as context to panels, which open and close each other by it.
#[derive(Clone, Copy, Default)]
pub struct Shown(RwSignal<Option<(Panel, Drawer)>>);

impl Shown {
    pub fn here() -> Self {
        expect_context()
    }

    pub fn get(self) -> Option<Panel> {
        self.0.get_untracked().map(|(panel, _)| panel)
    }

    /// What is open, and what draws it.
    pub fn track(self) -> Option<(Panel, Drawer)> {
        self.0.get()
    }

    pub fn open(self, panel: Panel, draw: Drawer) {
        self.0.set(Some((panel, draw)));
    }

    pub fn close(self) {
        self.0.set(None);
    }
}
