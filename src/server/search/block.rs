//! A block of the index: up to a thousand messages and titles of one account, and which of them have which grams.
//!
//! A block is never changed. Where one of its conversations is deleted or named anew, another is written in its place.

use super::grams::{Gram, PARTS};
use crate::model::ConversationId;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The most members of a block.
pub(super) const MOST_MEMBERS: usize = 1_024;
/// And the most bytes of text: some 50 ms of work.
const MOST_BYTES: usize = 2 << 20;
/// The position of a title among the messages of its conversation, which begin at 1.
pub(super) const TITLE: i64 = 0;

/// A message or a title in a block.
pub(super) type Member = (ConversationId, i64);

/// A block that is being filled. The members of one conversation come one after the other, by their positions.
#[derive(Default)]
pub(super) struct Filling {
    members: Vec<Member>,
    /// Each gram with the number of a member that has it.
    found: Vec<(Gram, u16)>,
    bytes: usize,
}

/// A block as it is stored.
pub(super) struct Written {
    pub members: Vec<u8>,
    /// By their numbers, without those that are empty.
    pub parts: Vec<(i64, Vec<u8>)>,
}

impl Filling {
    pub(super) fn add(&mut self, member: Member, bytes: usize, grams: Vec<Gram>) {
        let number = self.members.len() as u16;
        self.members.push(member);
        self.found.extend(grams.into_iter().map(|gram| (gram, number)));
        self.bytes += bytes;
    }

    pub(super) fn is_full(&self) -> bool {
        MOST_MEMBERS <= self.members.len() || MOST_BYTES <= self.bytes
    }

    pub(super) fn members(&self) -> usize {
        self.members.len()
    }

    pub(super) fn written(mut self) -> Written {
        self.found.sort_unstable();
        let mut parts = BTreeMap::<i64, Vec<u8>>::new();
        for same in self.found.chunk_by(|one, other| one.0 == other.0) {
            let gram = same[0].0;
            let mut numbers = Vec::new();
            let mut before = 0;
            for (_, number) in same {
                put(&mut numbers, u64::from(number - before));
                before = *number;
            }
            let part = parts.entry(gram.part()).or_default();
            part.extend(gram.tag().to_le_bytes());
            put(part, numbers.len() as u64);
            part.append(&mut numbers);
        }
        debug_assert!(parts.keys().all(|part| *part < PARTS));
        Written { members: members(&self.members), parts: parts.into_iter().collect() }
    }
}

fn members(all: &[Member]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for of_one in all.chunk_by(|one, other| one.0 == other.0) {
        bytes.extend(of_one[0].0.0.as_bytes());
        put(&mut bytes, of_one.len() as u64);
        let mut before = 0;
        for (_, position) in of_one {
            put(&mut bytes, (position - before) as u64);
            before = *position;
        }
    }
    bytes
}

/// The members of a block, by their numbers. None: these are not the bytes of a block.
pub(super) fn read_members(mut bytes: &[u8]) -> Option<Vec<Member>> {
    let mut members = Vec::new();
    while !bytes.is_empty() {
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        bytes = rest;
        let conversation = ConversationId(Uuid::from_bytes(*id));
        let mut position = 0;
        for _ in 0..take(&mut bytes)? {
            position += i64::try_from(take(&mut bytes)?).ok()?;
            members.push((conversation, position));
        }
    }
    Some(members)
}

/// The numbers of the members that have the gram, ascending. None: these are not the bytes of a part.
pub(super) fn having(mut part: &[u8], gram: Gram) -> Option<Vec<u16>> {
    while !part.is_empty() {
        let (tag, rest) = part.split_first_chunk::<2>()?;
        part = rest;
        let length = usize::try_from(take(&mut part)?).ok()?;
        let (mut numbers, rest) = part.split_at_checked(length)?;
        part = rest;
        if u16::from_le_bytes(*tag) != gram.tag() {
            continue;
        }
        let (mut found, mut number) = (Vec::new(), 0_u16);
        while !numbers.is_empty() {
            number = number.checked_add(u16::try_from(take(&mut numbers)?).ok()?)?;
            found.push(number);
        }
        return Some(found);
    }
    Some(Vec::new())
}

/// Seven bits in a byte, the lowest first; the eighth says that more follow.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while 0x80 <= number {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::grams;
    use super::*;

    fn filled(texts: &[(ConversationId, i64, &str)]) -> Written {
        let mut filling = Filling::default();
        for (conversation, position, text) in texts {
            filling.add((*conversation, *position), text.len(), grams::of_text(text));
        }
        filling.written()
    }

    #[test]
    fn what_was_put_into_a_block_is_found_in_it() {
        let (a, b) = (ConversationId::new(), ConversationId::new());
        let texts = [(a, TITLE, "needles"), (a, 700, "hay"), (b, 1, "a needle in hay"), (b, 3, "straw")];
        let written = filled(&texts);
        let members = read_members(&written.members).unwrap();
        assert_eq!(members, texts.map(|(conversation, position, _)| (conversation, position)));
        let with = |word: &str| {
            let gram = grams::of_word(word)[0];
            let part = written.parts.iter().find(|(number, _)| *number == gram.part());
            part.map(|(_, part)| having(part, gram).unwrap()).unwrap_or_default()
        };
        assert_eq!((with("nee"), with("hay"), with("raw"), with("zzz")), (vec![0, 2], vec![1, 2], vec![3], vec![]));
    }

    #[test]
    fn other_bytes_are_refused() {
        let written = filled(&[(ConversationId::new(), 1, "a text of some words")]);
        let cut = &written.members[..written.members.len() - 1];
        assert!(read_members(cut).is_none() && read_members(&[0xff; 40]).is_none());
        let (_, part) = &written.parts[0];
        let gram = Gram(u32::MAX >> 7);
        assert!(having(&part[..part.len() - 1], gram).is_none() && having(&[0xff; 30], gram).is_none());
    }

    #[test]
    fn a_block_is_full_by_its_members_or_by_their_bytes() {
        let mut filling = Filling::default();
        for position in 0..MOST_MEMBERS as i64 {
            assert!(!filling.is_full());
            filling.add((ConversationId::new(), position), 1, Vec::new());
        }
        assert!(filling.is_full());
        let mut filling = Filling::default();
        filling.add((ConversationId::new(), 1), MOST_BYTES, Vec::new());
        assert!(filling.is_full());
    }
}
