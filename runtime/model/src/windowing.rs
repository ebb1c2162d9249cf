//! The version of the host's windowing: what an incarnation's record says of it, because its output depends on it.

/// How the host groups, cuts time and merges panes. A run keeps the version that it began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Windowing {
    /// A window's panes are merged one after the other, left to right. Keys are told apart by their bits, so that -0.0 is not 0.0.
    /// Starts of windows that lie beyond the first or the last time are moved there.
    One,
    /// A window is the dyadic blocks of panes that it consists of, left to right; a block is its two halves. Keys are told apart as
    /// in the operators' SDKs: -0.0 is 0.0, and all NaNs are one. The arithmetic of time is exact.
    Two,
}

impl Windowing {
    /// What new runs are made with.
    pub const NEWEST: Windowing = Windowing::Two;

    /// The version of that number, if this program knows it.
    pub fn from_number(number: u32) -> Option<Windowing> {
        match number {
            1 => Some(Windowing::One),
            2 => Some(Windowing::Two),
            _ => None,
        }
    }

    /// Its number, as records have it.
    pub fn number(self) -> u32 {
        match self {
            Windowing::One => 1,
            Windowing::Two => 2,
        }
    }
}
