//! The connections for sending messages: kept open and shared, like those of a reverse proxy. Otherwise a message after a
//! long reply would have to connect first, and that time would count as the server's.

use crate::http::Caller;
use http_body_util::BodyExt;
use hyper::Method;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub struct Lines {
    address: SocketAddr,
    /// Last in, first out, so that a connection is rarely closed for being idle.
    idle: Mutex<Vec<Caller>>,
}

impl Lines {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, idle: Mutex::default() }
    }

    pub fn keep(&self, caller: Caller) {
        self.idle().push(caller);
    }

    /// Sends a message for the user with this cookie.
    pub async fn post(&self, cookie: &str, path: &str, body: &Value) -> anyhow::Result<()> {
        let kept = self.idle().pop();
        let mut caller = match kept {
            Some(caller) => caller,
            None => Caller::new(self.address).await?,
        };
        caller.speak_for(cookie);
        let answer = caller.call(Method::POST, path, &[], Some(body)).await?;
        answer.into_body().collect().await?;
        self.keep(caller);
        Ok(())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Caller>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
