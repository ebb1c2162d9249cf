//! Input that is small and grows in whoever reads it: what is nested, and what is repeated.

use proptest::prelude::*;
use proptest::sample::select;

/// So many of one thing within or beside each other.
#[derive(Clone, Debug)]
pub struct Bomb {
    open: &'static str,
    core: &'static str,
    close: &'static str,
    count: usize,
}

/// What stands before, in and after a [`Bomb`].
pub type Pattern = (&'static str, &'static str, &'static str);

/// One of the patterns, from once up to `most` times: the opening parts, the core, the closing parts. A pattern without a closing part is
/// repeated rather than nested.
pub fn bombs(patterns: &'static [Pattern], most: usize) -> impl Strategy<Value = Bomb> {
    // Small numbers and great ones are as likely.
    let count = (0..=most.ilog2(), any::<usize>()).prop_map(move |(bits, any)| 1 + any % (most >> bits).max(1));
    (select(patterns), count).prop_map(|((open, core, close), count)| Bomb { open, core, close, count })
}

impl Bomb {
    /// All of it.
    pub fn text(&self) -> String {
        [&*self.open.repeat(self.count), self.core, &self.close.repeat(self.count)].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_closes_as_often() {
        let bomb = Bomb { open: "[", core: "1", close: "]", count: 3 };
        assert_eq!(bomb.text(), "[[[1]]]");
    }
}
