//! The most memory that the process had while it did something.
//!
//! It is the resident memory that the kernel counts, `VmHWM` in proc(5): what would end a node. Also counted is what the process had
//! before; what it only reserves is not.

use std::fs;

/// Does something, and returns the most memory that the process had meanwhile, in bytes.
///
/// # Panics
/// If the kernel does not tell.
pub fn of(work: impl FnOnce()) -> u64 {
    // Where the mark may not be taken back, it is that of all that was done so far: no less.
    let _ = fs::write("/proc/self/clear_refs", "5");
    work();
    peak()
}

fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("proc(5)");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("proc(5): VmHWM");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("proc(5): a number of kB");
    kibibytes << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_used_and_given_back_is_seen_and_what_is_only_reserved_is_not() {
        const MIB: usize = 1 << 20;
        let reserved = of(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(256 * MIB))));
        let used = of(|| drop(std::hint::black_box(vec![1_u8; 256 * MIB])));
        assert!(used >= 256 << 20, "{used}");
        assert!(reserved < used - (200 << 20), "{reserved} and {used}");
    }
}
