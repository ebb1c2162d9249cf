//! Changes to good input: most of what nobody thought of lies close to it.

use proptest::collection::vec;
use proptest::prelude::*;

/// A change to some bytes. Places are taken modulo the length.
#[derive(Clone, Debug)]
pub enum Mutation {
    /// Another byte.
    Set(usize, u8),
    /// Another bit.
    Flip(usize, u8),
    /// Another number, little-endian, at a multiple of four.
    Number(usize, Number),
    /// More bytes.
    Insert(usize, Vec<u8>),
    /// Fewer: so many.
    Remove(usize, usize),
    /// A part of it twice: from, to, how long.
    Repeat(usize, usize, usize),
    /// Only the first part.
    Cut(usize),
}

/// A number that goes wrong more often than others.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// This one.
    Exactly(u32),
    /// So much less than the length.
    BelowLength(u32),
}

/// Up to a few changes.
pub fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    vec(mutation(), 0..6)
}

/// A change.
pub fn mutation() -> impl Strategy<Value = Mutation> {
    let place = any::<usize>;
    let edge = prop_oneof![0..9_u32, (u32::MAX - 9)..=u32::MAX, Just(1 << 31), Just((1 << 31) - 1), any::<u32>()];
    let number = prop_oneof![edge.prop_map(Number::Exactly), (0..33_u32).prop_map(Number::BelowLength)];
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (place(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (place(), number).prop_map(|(at, number)| Mutation::Number(at, number)),
        (place(), vec(any::<u8>(), 1..40)).prop_map(|(at, more)| Mutation::Insert(at, more)),
        (place(), 1..200_usize).prop_map(|(at, count)| Mutation::Remove(at, count)),
        (place(), place(), 1..2000_usize).prop_map(|(from, to, count)| Mutation::Repeat(from, to, count)),
        place().prop_map(Mutation::Cut),
    ]
}

/// The bytes with these changes, one after the other.
pub fn mutated(bytes: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    mutations.iter().for_each(|mutation| mutation.apply(&mut bytes));
    bytes
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        let place = |at: usize| at % len.max(1);
        match self {
            Mutation::Insert(at, more) => drop(bytes.splice(place(*at)..place(*at), more.iter().copied())),
            _ if bytes.is_empty() => {}
            Mutation::Set(at, byte) => bytes[place(*at)] = *byte,
            Mutation::Flip(at, bit) => bytes[place(*at)] ^= 1 << bit,
            Mutation::Number(at, number) => {
                let at = place(*at) / 4 * 4;
                let number = match number {
                    Number::Exactly(number) => *number,
                    Number::BelowLength(less) => u32::try_from(len).unwrap_or(u32::MAX).wrapping_sub(*less),
                };
                bytes[at..].iter_mut().zip(number.to_le_bytes()).for_each(|(old, new)| *old = new);
            }
            Mutation::Remove(at, count) => {
                let at = place(*at);
                drop(bytes.drain(at..len.min(at + count)));
            }
            Mutation::Repeat(from, to, count) => {
                let from = place(*from);
                let part = bytes[from..len.min(from + count)].to_vec();
                drop(bytes.splice(place(*to)..place(*to), part));
            }
            Mutation::Cut(at) => bytes.truncate(place(*at)),
        }
    }
}
