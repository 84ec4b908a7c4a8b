//! The clock, timers and frames. All waiting ends when the value that waits is dropped.

use super::window;
use futures::channel::oneshot;
use futures::future::{self, Either};
use std::pin::pin;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Milliseconds since 1970 by this machine's clock. Goes on while the machine sleeps, and may be set.
pub fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// A server's time (RFC 3339) in milliseconds since 1970.
pub fn parse_time_ms(time: &str) -> f64 {
    js_sys::Date::parse(time)
}

/// When the page began to arrive, by this machine's clock.
pub fn page_arrived_ms() -> f64 {
    let performance = window().performance();
    performance.map_or_else(now_ms, |performance| performance.timing().response_start())
}

/// Calls once, later. Dropping it before then cancels the call.
pub struct Timeout {
    handle: i32,
    _callback: Closure<dyn FnMut()>,
}

impl Timeout {
    pub fn new(ms: u32, then: impl FnOnce() + 'static) -> Self {
        let callback = Closure::once(then);
        let ms = i32::try_from(ms).unwrap_or(i32::MAX);
        let handle = window()
            .set_timeout_with_callback_and_timeout_and_arguments_0(callback.as_ref().unchecked_ref(), ms)
            .expect("a window sets any timeout");
        Self { handle, _callback: callback }
    }
}

impl Drop for Timeout {
    fn drop(&mut self) {
        window().clear_timeout_with_handle(self.handle);
    }
}

/// Calls at an interval until it is dropped.
pub struct Interval {
    handle: i32,
    _callback: Closure<dyn FnMut()>,
}

impl Interval {
    pub fn new(ms: u32, then: impl FnMut() + 'static) -> Self {
        let callback = Closure::<dyn FnMut()>::new(then);
        let ms = i32::try_from(ms).unwrap_or(i32::MAX);
        let handle = window()
            .set_interval_with_callback_and_timeout_and_arguments_0(callback.as_ref().unchecked_ref(), ms)
            .expect("a window sets any interval");
        Self { handle, _callback: callback }
    }
}

impl Drop for Interval {
    fn drop(&mut self) {
        window().clear_interval_with_handle(self.handle);
    }
}

/// Waits. Longer than asked in a hidden tab, whose timers the browser slows down.
pub async fn sleep(ms: u32) {
    let (ring, rung) = oneshot::channel();
    let _timeout = Timeout::new(ms, move || {
        let _ = ring.send(());
    });
    let _ = rung.await;
}

struct Frame {
    handle: i32,
    _callback: Closure<dyn FnMut()>,
}

impl Drop for Frame {
    fn drop(&mut self) {
        let _ = window().cancel_animation_frame(self.handle);
    }
}

/// Waits until just before the browser draws. For ever while the tab is hidden: nothing is drawn then.
pub async fn frame() {
    let (ring, rung) = oneshot::channel();
    let callback = Closure::<dyn FnMut()>::once(move || {
        let _ = ring.send(());
    });
    let handle =
        window().request_animation_frame(callback.as_ref().unchecked_ref()).expect("a window takes any frame callback");
    let _frame = Frame { handle, _callback: callback };
    let _ = rung.await;
}

/// Waits for the next frame, at most `ms` if the browser draws none.
pub async fn frame_or(ms: u32) {
    match future::select(pin!(frame()), pin!(sleep(ms))).await {
        Either::Left(_) | Either::Right(_) => {}
    }
}
