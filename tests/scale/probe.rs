//! One more of each kind of work.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use dag_tests::{DEADLINE, Node, until};

use crate::counts::{Counted, Counts};
use crate::size::{publish, source, subscribe};

/// How often each is made.
const TIMES: usize = 20;

/// The kinds of work.
pub const KINDS: [&str; 7] = ["create", "publish", "begin", "share", "release", "end", "status"];

/// What each kind of work cost at a node.
#[derive(Default)]
pub struct Probe(BTreeMap<&'static str, Cost>);

/// What [`TIMES`] of a kind cost.
#[derive(Clone, Debug)]
pub struct Cost {
    /// The median.
    pub time: Duration,
    /// Of the node's processors, the mean; it is measured in hundredths of a second for all together.
    pub processor: Duration,
    pub counted: Counted,
}

impl Probe {
    /// Makes each at a node that does nothing else meanwhile, with streams of that name.
    #[track_caller]
    pub fn of(node: &Node, counts: &Counts, name: &str) -> Probe {
        let (mut probe, of) = (Probe::default(), (node, counts));
        let streams: Vec<String> = (0..TIMES).map(|number| format!("{name}{number}")).collect();
        let expressions: Vec<String> = streams.iter().map(|stream| format!("sum({stream}, 10s)")).collect();
        probe.measure("create", of, &streams, |stream| source(node, stream));
        probe.measure("publish", of, &streams, |stream| publish(node, stream, &[61]));
        let first = probe.measure("begin", of, &expressions, |expression| subscribe(node, expression));
        let more = probe.measure("share", of, &expressions, |expression| subscribe(node, expression));
        // Those who wait for something look at the counts alone.
        let status = || node.http().get("status", &[("computations", "0")]).json();
        let subscribers = || status()["subscribers"].as_u64().expect("a status counts them");
        let computations = || status()["computations_total"].as_u64().expect("a status counts them") as usize;
        let all = subscribers() as usize;
        probe.measure("release", of, more.into_iter().enumerate(), |(number, feed)| {
            drop(feed);
            until("a subscriber is gone", DEADLINE, || (subscribers() as usize == all - number - 1).then_some(()));
        });
        let all = computations();
        probe.measure("end", of, first.into_iter().enumerate(), |(number, feed)| {
            drop(feed);
            until("a computation is gone", DEADLINE, || (computations() == all - number - 1).then_some(()));
        });
        probe.measure("status", of, 0..TIMES, |_| drop(node.http().get("status", &[])));
        probe
    }

    /// What one kind cost.
    pub fn cost(&self, kind: &str) -> &Cost {
        &self.0[kind]
    }

    fn measure<W, T>(
        &mut self,
        kind: &'static str,
        (node, counts): (&Node, &Counts),
        work: impl IntoIterator<Item = W>,
        mut make: impl FnMut(W) -> T,
    ) -> Vec<T> {
        let (from, used) = (counts.end(node), node.cpu_time());
        let (mut times, mut made) = (Vec::new(), Vec::new());
        for work in work {
            let begun = Instant::now();
            made.push(make(work));
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let counted = counts.since(node, from);
        let processor = (node.cpu_time() - used) / TIMES as u32;
        let cost = Cost { time: times[times.len() / 2], processor, counted };
        self.0.insert(kind, cost);
        made
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!(
            "{:.1} ms, processor {:.1} ms, {}",
            milliseconds(self.time),
            milliseconds(self.processor),
            self.counted
        ))
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
