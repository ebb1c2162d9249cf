//! The seeded generator, which is the clock of WASI, too: one counter, of which a snapshot keeps one number.
//!
//! Each number that is drawn and each look at the clock is a step. So the clock says how much the guest has asked for and nothing about time, is
//! the same in every run of an incarnation, and goes on where a snapshot left it.

/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014. All of its state is one number, which moves on by this.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// What [`STEP`] times it is 1, modulo 2^64.
const STEP_INVERSE: u64 = 0xf1de_83e1_9937_733d;
/// What the clock says before the first step, in nanoseconds: runtimes take a clock at zero for one that is not there.
const BEGINNING: u64 = 1_000_000_000;
/// Nanoseconds of a step.
const TICK: u64 = 1_000;

/// Where an instance's generator is.
#[derive(Clone, Copy, Debug)]
pub struct Generator {
    seed: u64,
    state: u64,
    /// What steps the clock shows meanwhile, and where to go on after it, while a call must leave no trace.
    aside: Option<(u64, u64)>,
}

impl Generator {
    /// One that starts at the seed.
    pub fn new(seed: u64) -> Generator {
        Generator { seed, state: seed, aside: None }
    }

    /// Where it is.
    pub fn state(&self) -> u64 {
        self.aside.map_or(self.state, |(_, state)| state)
    }

    /// Goes on from where one with the same seed was.
    pub fn go_on_from(&mut self, state: u64) {
        self.state = state;
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// What the clock says, in nanoseconds; the next time it says more.
    pub fn now(&mut self) -> u64 {
        if self.aside.is_none() {
            self.state = self.state.wrapping_add(STEP);
        }
        BEGINNING.saturating_add(self.steps().saturating_mul(TICK))
    }

    /// What the clock will say so many nanoseconds after its last look.
    pub fn after(&self, nanoseconds: u64) -> u64 {
        BEGINNING.saturating_add(self.steps().saturating_mul(TICK)).saturating_add(nanoseconds)
    }

    /// Moves the clock on until it is at this instant, where it is not past that: nobody waits for a clock that says nothing about time.
    pub fn wait_until(&mut self, instant: u64) {
        let until = instant.saturating_sub(BEGINNING).div_ceil(TICK);
        if until <= self.steps() {
            return;
        }
        match &mut self.aside {
            Some((steps, _)) => *steps = until,
            None => self.state = self.seed.wrapping_add(STEP.wrapping_mul(until)),
        }
    }

    /// Begins a call that must leave no trace, such as a snapshot: others go on without it. Meanwhile the clock stands.
    pub fn step_aside(&mut self) {
        self.aside = Some((self.steps(), self.state));
    }

    /// Ends it.
    pub fn step_back(&mut self) {
        if let Some((_, state)) = self.aside.take() {
            self.state = state;
        }
    }

    /// The steps since the seed, as the clock shows them.
    fn steps(&self) -> u64 {
        let steps = || self.state.wrapping_sub(self.seed).wrapping_mul(STEP_INVERSE);
        self.aside.map_or_else(steps, |(steps, _)| steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_splitmix64_and_goes_on_from_its_state() {
        let mut generator = Generator::new(1234567);
        let drawn = [generator.draw(), generator.draw(), generator.draw()];
        assert_eq!(drawn, [6457827717110365317, 3203168211198807973, 9817491932198370423]);

        let mut next = Generator::new(1234567);
        next.draw();
        next.go_on_from(generator.state());
        assert_eq!((next.draw(), next.now()), (generator.draw(), generator.now()));
    }

    #[test]
    fn the_clock_moves_with_each_step_and_at_once_where_it_is_waited_for() {
        let mut generator = Generator::new(u64::MAX - 5);
        assert_eq!(generator.now(), 1_000_001_000);
        generator.draw();
        assert_eq!(generator.now(), 1_000_003_000);
        generator.wait_until(generator.after(5_000_000_000));
        assert_eq!(generator.now(), 6_000_004_000);
        generator.wait_until(3);
        assert_eq!(generator.now(), 6_000_005_000);
        generator.wait_until(u64::MAX);
        assert!(generator.now() > 1 << 63);
        assert!(generator.after(u64::MAX) == u64::MAX);
    }

    #[test]
    fn what_is_done_aside_leaves_no_trace() {
        let mut generator = Generator::new(7);
        let before = (generator.now(), generator.state());
        generator.step_aside();
        assert_eq!(generator.now(), before.0);
        let drawn = generator.draw();
        generator.wait_until(before.0 + 1_000_000);
        assert_eq!((generator.now(), generator.state()), (before.0 + 1_000_000, before.1));
        generator.step_back();
        assert_eq!(generator.state(), before.1);
        assert_eq!(generator.draw(), drawn);
    }
}
