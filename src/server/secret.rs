//! Secrets that are handed out once and stored only as a hash: a stolen database signs nobody in.

use crate::error::Problem;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// The stored form of a secret: its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// Not a secret's hash in its written form.
#[derive(Debug)]
pub struct NoHash;

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        Self::parse(text).ok_or(NoHash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// 32 random bytes in hexadecimal.
pub fn new() -> Result<String, Problem> {
    random::<32>()
}

/// 16 random bytes in hexadecimal, for links that people send to each other: 2^128 cannot be guessed either.
pub fn short() -> Result<String, Problem> {
    random::<16>()
}

fn random<const BYTES: usize>() -> Result<String, Problem> {
    let mut bytes = [0_u8; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "The system has no random numbers");
        Problem::Internal
    })?;
    Ok(hex(&bytes))
}

/// Bytes in hexadecimal, in lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        assert_eq!(hex(&[0, 9, 0xa0, 0xff]), "0009a0ff");
        let hash = Hash::of("x");
        assert_eq!(Hash::parse(&hash.to_string()), Some(hash));
    }
}
