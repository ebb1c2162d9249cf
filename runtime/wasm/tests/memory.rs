//! Memory as the operating system counts it. The only test of its file: others in the process would be counted with it.

mod support;

use dag_wasm::{InstanceOptions, Runtime, RuntimeOptions};
use support::{Guest, HOLD_64_MIB};

#[test]
fn a_dropped_instance_gives_its_memory_back_at_once() {
    let module = Guest { update: HOLD_64_MIB, ..Guest::default() }.module();
    let component = Runtime::new(RuntimeOptions::default()).unwrap().load(&module).unwrap();
    let mut aggregate = component.aggregate(InstanceOptions::default()).unwrap();
    let before = resident();
    assert_eq!(aggregate.update(&[]), Ok(()));
    let holding = resident();
    assert!(holding >= before + (60 << 20), "{before} bytes before, {holding} holding 64 MiB");
    drop(aggregate);
    let after = resident();
    assert!(after + (60 << 20) <= holding, "{holding} bytes holding 64 MiB, {after} after");
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
