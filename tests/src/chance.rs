//! Numbers that look random and are the same everywhere for the same seed.

/// Marsaglia's xorshift64 (<https://doi.org/10.18637/jss.v008.i14>): enough for tests.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The numbers that follow from a seed.
    pub fn new(seed: u64) -> Chance {
        // Multiplying by an odd number keeps seeds apart; the state must not be 0.
        Chance((seed.wrapping_add(1)).wrapping_mul(0x9E37_79B9_7F4A_7C15).max(1))
    }

    /// The next number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
