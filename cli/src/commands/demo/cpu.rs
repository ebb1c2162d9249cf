//! The load of this machine's CPUs, from Linux's `/proc/stat`.

use std::fs;

use anyhow::Context;

/// Clock ticks since boot, over all CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    busy: u64,
    total: u64,
}

impl Ticks {
    /// As of now.
    pub fn now() -> anyhow::Result<Ticks> {
        let text = fs::read_to_string("/proc/stat").context("cannot read this machine's CPU load from /proc/stat")?;
        Ticks::parse(&text).context("/proc/stat does not begin with the CPUs' ticks")
    }

    /// The percentage of time since `earlier` that was not idle.
    pub fn load_since(self, earlier: Ticks) -> f64 {
        let (busy, total) = (self.busy.saturating_sub(earlier.busy), self.total.saturating_sub(earlier.total));
        if total == 0 { 0.0 } else { 100.0 * busy as f64 / total as f64 }
    }

    /// The first line: user, nice, system, idle, iowait, irq, softirq, steal; then guest times, which user time includes.
    fn parse(text: &str) -> Option<Ticks> {
        let numbers = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
        let ticks: Vec<u64> = numbers.take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        let idle = ticks.get(3)? + ticks.get(4).unwrap_or(&0);
        let total: u64 = ticks.iter().sum();
        Some(Ticks { busy: total - idle, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_not_load() {
        let earlier = Ticks::parse("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3 4\n").unwrap();
        let later = Ticks::parse("cpu  120 0 55 860 65 0 0 0 9 0\n").unwrap();
        assert_eq!(later.load_since(earlier), 25.0);
        assert_eq!(later.load_since(later), 0.0);
        assert_eq!(Ticks::parse("intr 1 2 3\n"), None);
    }
}
