//! What the process that builds components takes from itself before it reads what strangers sent.
//!
//! It can compute, within limits on memory and processor time, read its standard input and write to its standard output and error.
//! It opens nothing, connects to nothing, starts nothing, and cannot use what it may have inherited. Whatever else it asks of the kernel
//! does not exist, as far as it can tell, which libraries are prepared for.

use std::io;

use rustix::process::{self, Pid, Resource, Rlimit, Signal};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::wire::Request;

/// How much less of the processor it gets than the node where both want it: about a third.
const NICE: i32 = 5;

/// Ends with its parent, and uses no more than it may. To be called before there is anything to limit.
pub fn limit(request: &Request) -> io::Result<()> {
    process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before.
    let parent = i32::try_from(request.parent).ok().and_then(Pid::from_raw);
    if process::getppid() != parent {
        return Err(io::Error::other("the node is gone"));
    }
    let seconds = request.cpu.as_secs();
    let limits = [
        (Resource::Data, request.data, request.data),
        // The first ends it with a signal that tells why.
        (Resource::Cpu, seconds, seconds + 1),
        (Resource::Core, 0, 0),
        (Resource::Fsize, 0, 0),
    ];
    for (resource, current, maximum) in limits {
        process::setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?;
    }
    process::nice(NICE)?;
    Ok(())
}

/// Leaves all threads of this process nothing but computing, reading and writing. To be called when all threads are there.
pub fn enter() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let rules = NO_HARM.iter().map(|call| (*call, Vec::new()));
    let own = u64::from(std::process::id());
    let rules = rules.chain([
        (libc::SYS_read, vec![with(0, 0)?]),
        (libc::SYS_write, vec![with(0, 1)?, with(0, 2)?]),
        // How the C library says why it aborts.
        (libc::SYS_writev, vec![with(0, 2)?]),
        // Of no file.
        (libc::SYS_mmap, vec![with(4, u64::from(u32::MAX))?]),
        // To itself, which is how it aborts.
        (libc::SYS_tgkill, vec![with(0, own)?]),
    ]);
    let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
    let filter =
        SeccompFilter::new(rules.collect(), unknown, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?;
    let program: BpfProgram = filter.try_into()?;
    Ok(seccompiler::apply_filter_all_threads(&program)?)
}

/// Where a call has this argument, of 32 bits, in that place.
fn with(place: u8, argument: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    let is = SeccompCondition::new(place, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, argument)?;
    SeccompRule::new(vec![is])
}

/// Calls that concern nothing but this process: its memory, its threads that are there already, its signals, its clock.
const NO_HARM: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    // A thread that has been started but not begun.
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
];
