//! The parts that panels are made of. Each has the keys and the roles of its pattern in the ARIA Authoring Practices.

pub mod dialog;
pub mod listbox;
pub mod menu;
pub mod toast;
