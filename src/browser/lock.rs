//! Locks between the tabs of one browser (the Web Locks API).

use super::window;
use futures::channel::oneshot;
use futures::future::{self, Either};
use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// A lock that one tab at a time holds. Dropping it, closing the tab, or a crash releases it.
pub struct Lock {
    /// None where the browser keeps no locks.
    release: Option<Function>,
}

impl Lock {
    /// Takes the lock, unless another tab holds it. Never waits for that tab.
    ///
    /// Where there are no locks (plain http in a local network is not a secure context) every tab is granted one.
    pub async fn take(name: &str) -> Option<Self> {
        let (answer, answered) = oneshot::channel();
        let callback = Closure::once_into_js(move |lock: JsValue| -> JsValue {
            let (granted, held) = if lock.is_null() { (None, JsValue::UNDEFINED) } else { hold() };
            // If the receiver was dropped, the lock is returned, dropped here and so released.
            let _ = answer.send(granted);
            held
        });
        let Some(ended) = request(name, &callback) else { return Some(Self { release: None }) };
        // The promise ends first only if the browser refuses all locks.
        match future::select(answered, JsFuture::from(ended)).await {
            Either::Left((Ok(granted), _)) => granted,
            _ => Some(Self { release: None }),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            let _ = release.apply(&JsValue::UNDEFINED, &Array::new());
        }
    }
}

/// A lock, and the promise that keeps it for as long as it is open.
fn hold() -> (Option<Lock>, JsValue) {
    let mut release = None;
    let held = Promise::new(&mut |resolve: Function, _: Function| release = Some(resolve));
    (Some(Lock { release }), held.into())
}

fn request(name: &str, callback: &JsValue) -> Option<Promise> {
    let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
    if !locks.is_object() {
        return None;
    }
    let options = Object::new();
    Reflect::set(&options, &"ifAvailable".into(), &JsValue::TRUE).ok()?;
    let request = Reflect::get(&locks, &"request".into()).ok()?.dyn_into::<Function>().ok()?;
    request.apply(&locks, &Array::of3(&name.into(), &options, callback)).ok()?.dyn_into().ok()
}
