//! Slots for connections: a number in all, and a number for one address.

use crate::server::address::{Network, network};
use crate::server::sync::lock;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// The slots that are taken. An address is the peer's own; headers about other addresses are ignored.
pub struct Slots {
    most: usize,
    most_per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by_network: HashMap<Network, usize>,
}

/// One connection's slot; dropping it frees the slot.
pub struct Slot {
    places: Arc<Slots>,
    network: Network,
}

impl Slots {
    pub fn new(most: usize, most_per_address: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_address, taken: Mutex::default() })
    }

    /// A slot for a connection from this address; none when it, or the server, has too many.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        let network = network(address);
        let mut taken = lock(&self.taken);
        if self.most <= taken.total {
            return None;
        }
        let count = taken.by_network.entry(network).or_default();
        if self.most_per_address <= *count {
            return None;
        }
        *count += 1;
        taken.total += 1;
        Some(Slot { places: Arc::clone(self), network })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = lock(&self.places.taken);
        taken.total -= 1;
        if let Some(count) = taken.by_network.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.by_network.remove(&self.network);
            }
        }
    }
}
