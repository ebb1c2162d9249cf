//! Incarnations whose input lost records in a crash that they may have read.
//!
//! Under `os` records are shown when they are written, and a crash of the machine may take them. Whoever has read them goes on as if they were
//! there: a computation that is restored behind them never sees what comes in their place, and one that is restored before them gives
//! other results at positions that readers have seen. So such incarnations end, with all that read them: readers are told, and new demand begins
//! anew.
//!
//! Nothing is lost where only the process ended, since what it wrote is the kernel's: so it matters whether the machine has been started
//! since. Where a record or a snapshot names a place past the end of its log, something was lost whatever the machine says.

use std::collections::{BTreeMap, BTreeSet};

use dag_flow::Place;
use dag_model::{Frontier, IncarnationId, StreamId};
use dag_plan::{Change, Incarnation, InputStart, Life, LogId, Proposal, Until};

use crate::computations::snapshots::Snapshots;
use crate::metadata::{MetaError, Metadata};
use crate::streams::source::Sources;

/// Sources that may lack, since they were opened, records that had been shown.
pub type Unclean = BTreeMap<StreamId, End>;

/// Where a log ends that may have been longer.
#[derive(Clone, Debug)]
pub struct End {
    /// The source's name.
    pub name: String,
    /// The sequence after its last record.
    pub sequence: u64,
    /// It surely was.
    pub short: bool,
}

/// The incarnations that end, and why. `places` are those of an incarnation's snapshot, one for each input; `rebooted` says that the machine
/// may have been started since the sources were written to.
pub fn lost(
    unclean: &Unclean,
    incarnations: &[&Incarnation],
    places: impl Fn(IncarnationId) -> Option<Vec<Place>>,
    rebooted: bool,
) -> Vec<(IncarnationId, String)> {
    let is_short = |(id, end): &(&StreamId, &End)| {
        let log = LogId::Source(**id);
        rebooted || end.short || incarnations.iter().any(|record| reaches(record, &places, &log) > end.sequence)
    };
    let short: Unclean = unclean.iter().filter(is_short).map(|(id, end)| (*id, end.clone())).collect();
    let mut ended: BTreeSet<IncarnationId> = BTreeSet::new();
    let mut found = Vec::new();
    loop {
        let before = found.len();
        for record in incarnations {
            if ended.contains(&record.id) {
                continue;
            }
            if let Some(why) = inputs(record).find_map(|log| why(record, log, &short, &ended)) {
                ended.insert(record.id);
                found.push((record.id, why));
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// Why a record ends that reads that log; none if it need not.
fn why(record: &Incarnation, log: &LogId, short: &Unclean, ended: &BTreeSet<IncarnationId>) -> Option<String> {
    match log {
        LogId::Source(id) => {
            let end = short.get(id)?;
            let name = &end.name;
            let is_before = matches!(record.until, Some(Until::Sequence(until)) if until <= end.sequence);
            (!is_before).then(|| {
                format!(
                    "its input `{name}` has lost records in a crash that it may have read (`os` allows that): a subscription without \
                     a position begins anew"
                )
            })
        }
        LogId::Derived(id) => ended.contains(id).then(|| {
            format!("its input, incarnation {id}, may have read records that a crash took: a subscription without a position begins anew")
        }),
    }
}

/// The logs that an incarnation reads.
fn inputs(record: &Incarnation) -> impl Iterator<Item = &LogId> {
    starts(record).flat_map(|start| &start.legs).map(|leg| &leg.log)
}

fn starts(record: &Incarnation) -> impl Iterator<Item = &InputStart> {
    record.inputs.iter().chain(record.ran.iter().flat_map(|ran| &ran.inputs))
}

/// The greatest sequence of a log that an incarnation's record or its snapshot names as read up to.
fn reaches(record: &Incarnation, places: &impl Fn(IncarnationId) -> Option<Vec<Place>>, log: &LogId) -> u64 {
    if !inputs(record).any(|input| input == log) {
        return 0;
    }
    let legs = starts(record).flat_map(|start| &start.legs).filter(|leg| leg.log == *log).map(|leg| leg.sequence);
    let skipped = record.skipped.iter().filter(|skipped| skipped.log == *log).map(|skipped| skipped.sequence + 1);
    let places = places(record.id).unwrap_or_default();
    let snapshot = places.iter().zip(&record.inputs).filter_map(|(place, input)| {
        let leg = input.legs.get(place.leg)?;
        (leg.log == *log).then_some(place.sequence)
    });
    legs.chain(skipped).chain(snapshot).max().unwrap_or(0)
}

/// The most incarnations that end by one proposal.
const AT_ONCE: usize = 512;

/// Ends what may have read records that are lost, durably. `before` is what [`boot`] was when the data was open last.
///
/// # Errors
/// If metadata can't be written.
pub fn end(
    sources: &Sources,
    snapshots: &Snapshots,
    meta: &Metadata,
    before: Option<u64>,
    is_copy: bool,
) -> Result<(), MetaError> {
    let (boot, plan) = (boot(), meta.plan());
    // Of a copy nothing refers to what was not copied.
    let rebooted = !is_copy && (boot.is_none() || before != boot);
    let unclean = sources.iter().filter_map(|(name, source)| {
        let (log, visible) = (source.source.log(), source.source.log().visible());
        // What is sealed has all that it ever will.
        let unclean = log.is_unclean() && visible.frontier != Frontier::Empty;
        let (id, _) = plan.stream_named(name).filter(|_| unclean)?;
        Some((id, End { name: name.clone(), sequence: visible.end, short: log.is_short() }))
    });
    let unclean: Unclean = unclean.collect();
    let alive = plan.incarnations().filter(|(_, course)| !matches!(course.life, Life::Quarantined(_) | Life::Lost(_)));
    let records: Vec<&Incarnation> = alive.map(|(_, course)| &course.record).collect();
    let mut ended = lost(&unclean, &records, |id| snapshots.places(id).ok().flatten(), rebooted);
    // Each has its own reason, which whoever reads it comes with, too.
    ended.reverse();
    for some in ended.chunks(AT_ONCE) {
        let lose = |(incarnation, why): &(IncarnationId, String)| {
            tracing::warn!(%incarnation, why, "a computation has ended");
            Change::Lose { incarnation: *incarnation, why: why.clone() }
        };
        meta.propose(Proposal::of(some.iter().map(lose)))?;
    }
    // Only now: until then the next start finds the same.
    match boot {
        Some(boot) if before != Some(boot) => meta.put_boot(boot),
        _ => Ok(()),
    }
}

/// What tells one start of this machine from another; none where the system does not say.
pub fn boot() -> Option<u64> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    u64::from_str_radix(&digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dag_model::{Digest, Timestamp};
    use dag_plan::{Began, Leg, Limits, Ran, Skipped};

    use super::*;

    const X: StreamId = StreamId(1);

    fn reads(id: u64, log: LogId) -> Incarnation {
        let legs = vec![Leg { log, sequence: 10 }];
        Incarnation {
            id: IncarnationId(id),
            stream: format!("stream-{id}"),
            ran: vec![Ran::first(Digest([0; 32]))],
            inputs: vec![InputStart { legs, from: Timestamp::MIN, late: false }],
            began: Began::Next,
            until: None,
            shards: 1,
            windowing: 2,
            limits: Limits { memory: 0, call: Duration::ZERO, output: 0 },
            skipped: Vec::new(),
        }
    }

    fn source(name: &str) -> LogId {
        LogId::Source(if name == "x" { X } else { StreamId(2) })
    }

    fn ended(incarnations: &[Incarnation], snapshot: u64, rebooted: bool) -> Vec<u64> {
        let unclean = Unclean::from([(X, End { name: "x".to_owned(), sequence: 100, short: false })]);
        let places = |_| Some(vec![Place { leg: 0, sequence: snapshot, from: Timestamp::MIN }]);
        let records: Vec<&Incarnation> = incarnations.iter().collect();
        lost(&unclean, &records, places, rebooted).into_iter().map(|(id, _)| id.0).collect()
    }

    #[test]
    fn after_a_crash_of_the_machine_all_that_may_have_read_the_source_ends() {
        let nested = reads(1, LogId::Derived(IncarnationId(2)));
        let all = [nested, reads(2, source("x")), reads(3, source("y"))];
        assert_eq!(ended(&all, 50, true), [2, 1], "and what reads it, whichever came first");
        assert_eq!(ended(&all, 50, false), [0; 0], "the process alone takes nothing with it");
    }

    #[test]
    fn a_snapshot_or_a_record_past_the_end_shows_that_something_was_lost() {
        let mut other = reads(3, source("x"));
        other.inputs[0].legs[0].sequence = 0;
        assert_eq!(ended(&[reads(2, source("x")), other.clone()], 101, false), [2, 3]);
        assert_eq!(ended(&[reads(2, source("x")), other.clone()], 100, false), [0; 0]);
        let why = "it traps".to_owned();
        other.skipped.push(Skipped { input: 0, log: source("x"), sequence: 100, why });
        assert_eq!(ended(&[other], 50, false), [3]);
    }

    #[test]
    fn what_reads_only_what_is_left_goes_on() {
        let backfill = |until| Incarnation { until: Some(Until::Sequence(until)), ..reads(2, source("x")) };
        assert_eq!(ended(&[backfill(100)], 50, true), [0; 0]);
        assert_eq!(ended(&[backfill(101)], 50, true), [2]);
    }
}
