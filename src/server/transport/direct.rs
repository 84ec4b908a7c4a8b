//! How viewers are written to directly (`outlet`): by what ends that, and in which encoding.

use super::pusher::split;
use super::{Frame, Permit};
use crate::server::channels::Name;
use crate::server::journal::{Encoding, Entry, Way};
use crate::server::outlet::{Outlet, framing};
use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A viewer's way, and what ends it.
pub(super) struct Direct {
    pub way: Way,
    pub ends: Vec<CancellationToken>,
}

impl Direct {
    /// As the body of an HTTP answer.
    pub(super) fn sse(outlet: Outlet, permit: &Permit) -> Self {
        let encode = |_: &str, epoch, entries: &[Arc<Entry>]| -> Bytes {
            framing::chunk(&entries.iter().map(|entry| entry.sse(epoch)).collect::<Vec<_>>())
        };
        let encoding = Encoding { channel: "".into(), encode };
        let ends = permit.cut().into_iter().collect();
        Self { way: Way { outlet, encoding, flushes_later: true }, ends }
    }

    /// As messages of a channel.
    pub(super) fn pusher(outlet: Outlet, channel: &Name, ends: Vec<CancellationToken>) -> Self {
        let encoding = Encoding { channel: channel.as_str().into(), encode: frames };
        Self { way: Way { outlet, encoding, flushes_later: false }, ends }
    }
}

fn frames(channel: &str, epoch: u64, entries: &[Arc<Entry>]) -> Bytes {
    let name = Name::parse(channel).expect("it was a channel's name");
    let messages = entries.iter().flat_map(|entry| messages(&name, entry, epoch));
    framing::messages(messages.collect::<Vec<_>>().iter().map(|message| message.as_str()))
}

/// An entry as messages of a channel, made once for all its subscribers.
pub(super) fn messages(name: &Name, entry: &Arc<Entry>, epoch: u64) -> Vec<Utf8Bytes> {
    let frame = || Frame::Entry { entry: Arc::clone(entry), epoch };
    entry.messages(name.as_str(), || split::messages(name, &frame(), 0))
}
