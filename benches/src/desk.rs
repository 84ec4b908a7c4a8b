//! Assigns each message to an idle client. If there is none, the message waits for one and its latency keeps running:
//! a client that waits for its reply does not hide how long the next message would have taken.

use super::arrivals::Arrival;
use std::collections::VecDeque;

pub struct Desk<C> {
    /// The client that has been idle longest is next.
    idle: VecDeque<C>,
    waiting: VecDeque<Arrival>,
    found_none: usize,
}

impl<C> Desk<C> {
    pub fn new(clients: impl IntoIterator<Item = C>) -> Self {
        Self { idle: clients.into_iter().collect(), waiting: VecDeque::new(), found_none: 0 }
    }

    /// Returns the client that sends the message now. Without an idle one, the message is queued.
    pub fn arrive(&mut self, arrival: Arrival) -> Option<C> {
        let client = self.idle.pop_front();
        if client.is_none() {
            self.found_none += 1;
            self.waiting.push_back(arrival);
        }
        client
    }

    /// Takes back a client whose reply has ended. Returns it with the next message if one is queued.
    pub fn back(&mut self, client: C) -> Option<(C, Arrival)> {
        match self.waiting.pop_front() {
            Some(arrival) => Some((client, arrival)),
            None => {
                self.idle.push_back(client);
                None
            }
        }
    }

    /// How many messages found no idle client. They are measured, but mean that there were too few clients.
    pub fn found_none(&self) -> usize {
        self.found_none
    }
}
