//! Listening for as long as a value lives.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, EventTarget};

/// A listener on a document, a window or an element. Dropping it ends the listening.
pub struct Listener {
    target: EventTarget,
    name: &'static str,
    callback: Closure<dyn FnMut(Event)>,
}

impl Listener {
    pub fn new(target: &EventTarget, name: &'static str, heard: impl FnMut(Event) + 'static) -> Self {
        let callback = Closure::<dyn FnMut(Event)>::new(heard);
        // Throws only for a callback that is none.
        let _ = target.add_event_listener_with_callback(name, callback.as_ref().unchecked_ref());
        Self { target: target.clone(), name, callback }
    }
}

/// Listens to events of the document for as long as the page is there.
pub fn listen_always(names: &[&str], heard: impl FnMut(Event) + 'static) {
    let callback = Closure::<dyn FnMut(Event)>::new(heard).into_js_value();
    for name in names {
        // Throws only for a callback that is none.
        let _ = super::document().add_event_listener_with_callback(name, callback.unchecked_ref());
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let callback = self.callback.as_ref().unchecked_ref();
        let _ = self.target.remove_event_listener_with_callback(self.name, callback);
    }
}
