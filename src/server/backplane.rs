//! What joins several processes: the live end of conversations, presence, stops and limits, shared by way of Redis.
//!
//! Below the journal: it knows bytes, keys and channels, and nothing of what they mean to a conversation.

pub mod redis;
