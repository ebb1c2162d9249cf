//! How a node is run.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dag_api::limits::{AllMemory, ComponentDisk, ComputationMemory, LimitSettings};
use dag_wasm::Builder;

use crate::origin::Origin;
use crate::requests::Requests;
use crate::tls::Tls;

/// How a node is run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the HTTP API listens.
    pub listen: SocketAddr,
    /// What clients are shown, who then have to show tokens; none for HTTP without TLS, and for anybody.
    pub tls: Option<Tls>,
    /// Where data lies.
    pub data: PathBuf,
    /// How many timely workers there are.
    pub workers: usize,
    /// How long a computation outlives its last subscriber.
    pub linger: Duration,
    /// Interval between snapshots of computations; `None` disables them, also the one when a computation stops.
    pub snapshots: Option<Duration>,
    /// What operators may use, where their deployment says nothing else.
    pub limits: LimitSettings,
    /// Bytes that the host may hold in memory for one computation.
    pub computation_memory: ComputationMemory,
    /// Bytes that all computations may have together, what the host holds for them and what their operators' instances have.
    pub memory: AllMemory,
    /// How much of the disk stays free before publishes are refused, in percent; 0 to use all of it. See [`dag_log::Claim`].
    pub disk_reserve: u8,
    /// What requests may take.
    pub requests: Requests,
    /// Whose pages may ask besides the node's own.
    pub origins: Vec<Origin>,
    /// Where what somebody deploys is parsed, compiled and asked what it is.
    pub builder: Builder,
    /// What all components may take on disk.
    pub component_disk: ComponentDisk,
    /// How many instances of operators there may be at a time, those with several memories counted so often; none for as many as the
    /// system allows.
    pub instances: Option<NonZeroUsize>,
    /// The folders that backups may go to, or below; none for no backups.
    pub backup_dirs: Vec<PathBuf>,
    /// Whether a component may come again under its version with other bytes, as it does at each save while somebody writes it.
    pub rewrites: bool,
}

impl Config {
    /// A node that nobody else knows of: on a free port of this machine, with defaults, no snapshots, no linger, and all of the disk.
    pub fn private(data: impl Into<PathBuf>, workers: usize) -> Config {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            data: data.into(),
            workers,
            linger: Duration::ZERO,
            snapshots: None,
            limits: LimitSettings::default(),
            computation_memory: ComputationMemory::default(),
            memory: usual_memory(),
            disk_reserve: 0,
            requests: Requests::default(),
            origins: Vec::new(),
            builder: Builder::Here,
            component_disk: ComponentDisk::default(),
            instances: None,
            backup_dirs: Vec::new(),
            rewrites: false,
        }
    }
}

/// The memory of a machine that does not tell.
const ASSUMED: u64 = 4 << 30;

/// Half of the memory that this process can have: of the machine, or of its control group where that has a limit.
pub fn usual_memory() -> AllMemory {
    let all = [machine(), control_group()].into_iter().flatten().min();
    AllMemory::of(all.unwrap_or(ASSUMED) / 2)
}

/// The memory of the machine; none where it is not Linux.
fn machine() -> Option<u64> {
    let facts = fs::read_to_string("/proc/meminfo").ok()?;
    let total = facts.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
}

/// The limit of this process's control group of version 2, which is the least on the way down to it; none where there is none.
fn control_group() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let limit = |group: &Path| fs::read_to_string(Path::new("/sys/fs/cgroup").join(group).join("memory.max")).ok();
    Path::new(path).ancestors().filter_map(limit).filter_map(|text| text.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computations_have_half_of_a_machine_and_no_more() {
        let memory = usual_memory().bytes();
        assert!((256 << 20..1 << 50).contains(&memory), "{memory}");
    }

    #[test]
    fn a_computation_has_what_the_flow_takes_for_enough() {
        assert_eq!(ComputationMemory::default().bytes(), dag_flow::Budget::DEFAULT);
    }
}
