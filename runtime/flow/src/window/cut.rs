//! How time is cut into panes and windows: the arithmetic of each version of windowing.
//!
//! Panes are numbered from the beginning of 1970 (shifted by the offset), so that a pane has one number whatever a computation starts
//! with. A window starts with a pane and is known by its number. Numbers of windows are wider than those of panes: a window may start
//! before all times that can be told.

use dag_model::{Frontier, Hops, Timestamp, Windowing};

/// The cut of one kind of window.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    windowing: Windowing,
    hops: Hops,
    /// The width of a pane, in nanoseconds.
    width: i64,
    /// Where a pane starts, from 0 to less than `width`.
    shift: i64,
}

/// A window, by the number of the pane that it starts with.
pub type Window = i128;

impl Cut {
    /// The cut of these windows.
    pub fn new(hops: Hops, windowing: Windowing) -> Cut {
        assert!(hops.size > 0 && hops.every > 0 && hops.every <= hops.size, "binding checks windows");
        let width = hops.pane();
        Cut { windowing, hops, width, shift: hops.offset.rem_euclid(width) }
    }

    /// Whether each window is a pane of its own.
    pub fn is_tumbling(&self) -> bool {
        self.width == self.hops.size
    }

    /// The number of the pane that holds a time. In version 1 its number is the time at which it starts.
    pub fn pane(&self, time: i64) -> i64 {
        match self.windowing {
            Windowing::One => saturating_start(time, self.width, self.shift),
            // It is no farther from 0 than the time is: a pane one nanosecond wide has no shift.
            Windowing::Two => (i128::from(time) - i128::from(self.shift)).div_euclid(self.width.into()) as i64,
        }
    }

    /// The first and the last time in a pane, or the first and last times that can be told where it reaches beyond them.
    pub fn times(&self, pane: i64) -> (i64, i64) {
        let start = match self.windowing {
            Windowing::One => i128::from(pane),
            Windowing::Two => self.start(pane.into()),
        };
        (clamped(start), clamped(start + i128::from(self.width) - 1))
    }

    /// The earliest window that holds a pane.
    pub fn first(&self, pane: i64) -> Window {
        let Hops { size, every, offset } = self.hops;
        match self.windowing {
            Windowing::One => {
                let last = saturating_start(pane, every, offset);
                let hops_back = (size - self.width - pane.saturating_sub(last)).div_euclid(every);
                last.saturating_sub(hops_back.saturating_mul(every)).into()
            }
            Windowing::Two => self.after(i128::from(pane) - self.span()),
        }
    }

    /// The earliest window that starts at this time or later.
    pub fn from(&self, time: i64) -> Window {
        match (self.windowing, time) {
            (_, i64::MIN) => Window::MIN,
            (Windowing::One, time) => {
                let Hops { every, offset, .. } = self.hops;
                let before = saturating_start(time, every, offset);
                if before == time { before.into() } else { before.saturating_add(every).into() }
            }
            (Windowing::Two, time) => {
                self.after((i128::from(time) - i128::from(self.shift) - 1).div_euclid(self.width.into()))
            }
        }
    }

    /// The window that follows one.
    pub fn next(&self, window: Window) -> Window {
        match self.windowing {
            Windowing::One => clamped(window).saturating_add(self.hops.every).into(),
            Windowing::Two => window + i128::from(self.hops.every / self.width),
        }
    }

    /// The least and the greatest number that a window's panes may have.
    pub fn panes(&self, window: Window) -> (i64, i64) {
        let end = match self.windowing {
            Windowing::One => clamped(window).saturating_add(self.hops.size).into(),
            Windowing::Two => window + self.span(),
        };
        (clamped(window), clamped(end - 1))
    }

    /// The time at which a window starts; none if that cannot be told.
    pub fn time(&self, window: Window) -> Option<i64> {
        match self.windowing {
            Windowing::One => Some(clamped(window)),
            Windowing::Two => i64::try_from(self.start(window)).ok(),
        }
    }

    /// The time at which a window starts, or the edge of time that it starts beyond.
    pub fn begins(&self, window: Window) -> i64 {
        match self.windowing {
            Windowing::One => clamped(window),
            Windowing::Two => clamped(self.start(window)),
        }
    }

    /// Whether a window is closed.
    pub fn closed(&self, window: Window, frontier: Frontier) -> bool {
        let Frontier::At(Timestamp(time)) = frontier else { return true };
        match self.windowing {
            Windowing::One => clamped(window).saturating_add(self.hops.size) <= time,
            Windowing::Two => self.start(window) + i128::from(self.hops.size) <= time.into(),
        }
    }

    /// The earliest window that a frontier has not closed; none if it has closed all.
    pub fn open(&self, frontier: Frontier) -> Option<Window> {
        match (self.hops.frontier(frontier), self.windowing) {
            (Frontier::Empty, _) => None,
            (Frontier::At(Timestamp(start)), Windowing::One) => Some(start.into()),
            (Frontier::At(Timestamp(start)), Windowing::Two) => Some(self.from(start)),
        }
    }

    /// The output frontier over an input frontier.
    pub fn frontier(&self, frontier: Frontier) -> Frontier {
        self.hops.frontier(frontier)
    }

    fn span(&self) -> i128 {
        i128::from(self.hops.size / self.width)
    }

    /// The time at which the pane of that number starts.
    fn start(&self, pane: i128) -> i128 {
        pane.saturating_mul(self.width.into()).saturating_add(self.shift.into())
    }

    /// The least window that is greater than this number.
    fn after(&self, pane: i128) -> Window {
        let hop = i128::from(self.hops.every / self.width);
        let phase = i128::from((self.hops.offset - self.shift) / self.width);
        (pane - phase).div_euclid(hop) * hop + phase + hop
    }
}

/// The greatest multiple of `every` plus `offset` that is not after `time`, as version 1 has it.
fn saturating_start(time: i64, every: i64, offset: i64) -> i64 {
    time.saturating_sub(offset).div_euclid(every).saturating_mul(every).saturating_add(offset)
}

fn clamped(time: i128) -> i64 {
    time.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(size: i64, every: i64, offset: i64) -> Cut {
        Cut::new(Hops { size, every, offset }, Windowing::Two)
    }

    /// Times everywhere, and many near the edges.
    fn times() -> impl Strategy<Value = i64> {
        prop_oneof![
            (0..100i64).prop_map(|near| i64::MIN + near),
            (0..100i64).prop_map(|near| i64::MAX - near),
            any::<i64>()
        ]
    }

    fn cuts() -> impl Strategy<Value = Cut> {
        (1..60i64, 1..60i64, 0..60i64)
            .prop_map(|(size, every, offset)| cut(size, every.min(size), offset % every.min(size)))
    }

    proptest! {
        #[test]
        fn a_time_lies_in_its_pane_and_that_in_its_windows(cut in cuts(), time in times()) {
            let pane = cut.pane(time);
            let (first, last) = cut.times(pane);
            prop_assert!(first <= time && time <= last);
            let Hops { size, every, offset } = cut.hops;
            let mut window = cut.first(pane);
            let holds = |window| { let start = cut.start(window); start <= time.into() && i128::from(time) < start + i128::from(size) };
            prop_assert!(!holds(window - i128::from(every / cut.width)), "there is none before the first");
            let mut count = 0;
            while holds(window) {
                prop_assert_eq!((cut.start(window) - i128::from(offset)).rem_euclid(every.into()), 0);
                let (low, high) = cut.panes(window);
                prop_assert!(low <= pane && pane <= high);
                prop_assert!(!cut.closed(window, Frontier::At(Timestamp(time))) && cut.closed(window, Frontier::Empty));
                (window, count) = (cut.next(window), count + 1);
            }
            prop_assert!(count >= size / every && count <= size / every + 1);
        }

        #[test]
        fn the_earliest_window_from_a_time_on_is_the_least_that_starts_there_or_later(cut in cuts(), time in times()) {
            prop_assume!(time > i64::MIN);
            let window = cut.from(time);
            let start = cut.start(window);
            prop_assert!(start >= time.into() && start - i128::from(cut.hops.every) < time.into());
            prop_assert!(cut.first(cut.pane(time)) <= window);
        }

        #[test]
        fn away_from_the_edges_both_versions_cut_alike(cut in cuts(), time in -1_000_000..1_000_000i64, frontier in -1_000_000..1_000_000i64) {
            let old = Cut { windowing: Windowing::One, ..cut };
            prop_assert_eq!(old.times(old.pane(time)), cut.times(cut.pane(time)));
            let (before, after) = (old.first(old.pane(time)), cut.first(cut.pane(time)));
            prop_assert_eq!(old.time(before), cut.time(after));
            prop_assert_eq!(old.time(old.next(before)), cut.time(cut.next(after)));
            let frontier = Frontier::At(Timestamp(frontier));
            prop_assert_eq!(old.closed(before, frontier), cut.closed(after, frontier));
            prop_assert_eq!(old.open(frontier).map(|window| old.time(window)), cut.open(frontier).map(|window| cut.time(window)));
        }
    }
}
