//! Chance that is the same in every run.

use std::cell::Cell;

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Cuts `0..rows` into consecutive batches, some of them empty.
    pub(super) fn cuts(&mut self, rows: usize) -> Vec<std::ops::Range<usize>> {
        let greatest = 1 + self.below(rows + 1);
        let mut cuts = Vec::new();
        let mut start = 0;
        while start < rows {
            let end = rows.min(start + self.below(greatest + 1));
            cuts.push(start..end);
            start = end;
        }
        cuts
    }
}

thread_local! {
    static HOST: Cell<Chance> = const { Cell::new(Chance(0)) };
}

/// What [`host::random`](crate::host::random) is natively.
pub fn random() -> u64 {
    let mut chance = HOST.get();
    let bits = chance.next();
    HOST.set(chance);
    bits
}

/// Starts the host's generator anew, as every run of a computation does.
pub(super) fn restart() {
    HOST.set(Chance(0));
}
