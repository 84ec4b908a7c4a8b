//! The cost of a token and of a message, from loads with replies of several lengths.
//!
//! It is the least-squares fit of `cost = tokens × per_token + messages × per_message`. Divided by the messages, this is a
//! line over the pieces of a reply: its slope is the cost of a token, and its value at 0 pieces that of a message with its
//! end. It is fitted without the division because all loads are measured equally long, so their errors are equally large.

/// The counts of one load.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub tokens: f64,
    pub messages: f64,
    pub cost: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    pub per_token: f64,
    pub per_message: f64,
}

/// `None` if the loads do not separate the two costs: fewer than two, or all with equal tokens per message.
pub fn split(points: &[Point]) -> Option<Costs> {
    /// The part of its maximum below which the determinant is rounding.
    const FLAT: f64 = 1e-9;
    let sum = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>();
    let tokens = sum(|point| point.tokens * point.tokens);
    let messages = sum(|point| point.messages * point.messages);
    let both = sum(|point| point.tokens * point.messages);
    let token_cost = sum(|point| point.tokens * point.cost);
    let message_cost = sum(|point| point.messages * point.cost);
    let determinant = tokens * messages - both * both;
    (FLAT * tokens * messages < determinant).then(|| Costs {
        per_token: (token_cost * messages - message_cost * both) / determinant,
        per_message: (message_cost * tokens - token_cost * both) / determinant,
    })
}
