//! Processor time of a thread: the crate's only `unsafe`.

use std::time::Duration;

/// The processor time that the calling thread has used.
pub fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a whole value of this function's own.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(done, 0, "clock_gettime(2): Linux has that clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
