//! A world of logs and operators, and a node that is alone in it: it decides, applies, and compares what is wanted with what runs.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dag_expr::{Application, Catalog, Kind, Parameter, ParameterKind, Signature, Stream, bind};
use dag_model::{Digest, Field, Frontier, IncarnationId, Lookback, NodeId, Order, Schema, StreamId, Timestamp, Type};
use dag_plan::decide::{self, Holder};
use dag_plan::{
    Change, Course, DemandError, Ending, Facts, How, Life, Limits, LogId, Named, OperatorFacts, Origin, Plan, Proposal,
    Revision, Route, SourceFacts, Want, Which, apply, wanted,
};

pub const SECOND: i64 = 1_000_000_000;

const LIMITS: Limits = Limits { memory: 1 << 20, call: Duration::from_secs(1), output: 1 << 20 };

/// One source `x` with a record each second, sequences equal to seconds, and operators `avg`, `filter` and `delta`.
pub struct World {
    pub frontier: RefCell<Frontier>,
    pub end: RefCell<u64>,
    pub trimmed: RefCell<u64>,
    pub ends: RefCell<BTreeMap<IncarnationId, u64>>,
    /// Of the component that is current.
    pub version: RefCell<u8>,
}

impl World {
    pub fn at(seconds: i64) -> World {
        World {
            frontier: RefCell::new(Frontier::At(Timestamp(seconds * SECOND))),
            end: RefCell::new(u64::try_from(seconds).unwrap() + 1),
            trimmed: RefCell::new(0),
            ends: RefCell::default(),
            version: RefCell::new(1),
        }
    }

    pub fn move_to(&self, seconds: i64) {
        *self.frontier.borrow_mut() = Frontier::At(Timestamp(seconds * SECOND));
        *self.end.borrow_mut() = u64::try_from(seconds).unwrap() + 1;
    }

    pub fn stream(&self, text: &str) -> Stream {
        bind(text, self).unwrap_or_else(|error| panic!("{}", error.render(text)))
    }
}

fn value() -> Schema {
    Schema::new(vec![Field::new("value", Type::Int64)])
}

impl Catalog for World {
    fn source(&self, name: &str) -> Option<Schema> {
        (name == "x").then(value)
    }

    fn errors(&self, _: &str) -> Option<Schema> {
        None
    }

    fn operator(&self, _: Option<&str>, name: &str) -> Option<Arc<Signature>> {
        let (kind, parameters) = match name {
            "avg" => (Kind::Aggregate, Vec::new()),
            "filter" => {
                let condition = Parameter {
                    name: "condition".to_owned(),
                    kind: ParameterKind::Predicate,
                    required: true,
                    positional: true,
                    repeated: false,
                    default: None,
                    doc: String::new(),
                };
                (Kind::Transform, vec![condition])
            }
            "delta" => (Kind::Transform, Vec::new()),
            _ => return None,
        };
        Some(Arc::new(Signature {
            component: "test".to_owned(),
            name: name.to_owned(),
            kind,
            doc: String::new(),
            example: String::new(),
            min_inputs: 1,
            max_inputs: Some(1),
            parameters,
            key: None,
            state_written: 1,
            state_read: vec![1],
        }))
    }

    fn sources(&self) -> Vec<String> {
        vec!["x".to_owned()]
    }

    fn operators(&self) -> Vec<String> {
        ["avg", "filter", "delta"].map(str::to_owned).to_vec()
    }

    fn output(&self, _: &Application) -> Result<Schema, String> {
        Ok(value())
    }
}

impl Facts for World {
    fn resumes(&self, _: IncarnationId) -> Result<Option<Vec<(usize, u64)>>, String> {
        Ok(None)
    }

    fn source(&self, name: &str) -> Option<SourceFacts> {
        let trimmed = *self.trimmed.borrow();
        (name == "x").then(|| SourceFacts {
            frontier: *self.frontier.borrow(),
            epoch: 1,
            earliest: trimmed,
            complete_from: match trimmed {
                0 => Timestamp::MIN,
                trimmed => Timestamp(i64::try_from(trimmed).unwrap() * SECOND),
            },
            newest: Some(Timestamp((i64::try_from(*self.end.borrow()).unwrap() - 1) * SECOND)),
        })
    }

    fn seek(&self, log: &LogId, from: Timestamp) -> u64 {
        match log {
            LogId::Source(_) => u64::try_from(from.0.max(0).div_euclid(SECOND)).unwrap(),
            LogId::Derived(_) => 0,
        }
    }

    fn end(&self, log: &LogId) -> u64 {
        match log {
            LogId::Source(_) => *self.end.borrow(),
            LogId::Derived(id) => self.ends.borrow().get(id).copied().unwrap_or(0),
        }
    }

    fn operator(&self, application: &Application) -> Result<OperatorFacts, String> {
        let (lookback, order) = match application.operator.as_str() {
            "filter" => (Lookback::None, Order::Log),
            "delta" => (Lookback::Unbounded, Order::Time),
            _ => (Lookback::None, Order::Log),
        };
        Ok(OperatorFacts { digest: Digest([*self.version.borrow(); 32]), lookback, order, limits: LIMITS })
    }
}

const NODE: NodeId = NodeId(1);

/// What a node does that compares what is wanted of it with what it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Start(IncarnationId),
    Stop(IncarnationId),
}

/// A node that is alone.
pub struct Alone {
    pub plan: Plan,
    linger: u64,
    number: u64,
    leases: BTreeMap<u64, BTreeSet<IncarnationId>>,
    running: BTreeSet<IncarnationId>,
    /// When what lingers began to.
    idle: BTreeMap<(IncarnationId, Revision), u64>,
}

impl Alone {
    pub fn new(linger: u64) -> Alone {
        let mut alone = Alone {
            plan: Plan::default(),
            linger,
            number: 0,
            leases: BTreeMap::new(),
            running: BTreeSet::new(),
            idle: BTreeMap::new(),
        };
        let source = Change::Create { name: "x".to_owned(), origin: Origin::Published, settings: String::new() };
        alone.propose(&Proposal::of([
            Change::Up { node: NODE, boot: 1 },
            source,
            Change::Made { stream: StreamId(1) },
        ]));
        alone.deploy(1);
        alone
    }

    /// Another version of the operators' component becomes current.
    pub fn deploy(&mut self, version: u8) {
        let named = Named { component: "test".to_owned(), version: version.to_string() };
        let deploy = Change::Deploy { digest: Digest([version; 32]), named, how: How::Deployed, at: Timestamp(0) };
        self.propose(&Proposal::of([deploy]));
    }

    /// Applies a proposal that applies, and returns what it was given.
    pub fn propose(&mut self, proposal: &Proposal) -> dag_plan::Applied {
        apply(&mut self.plan, proposal).expect("it was decided on this plan")
    }

    /// Starts and stops what it takes, and says what.
    fn compare(&mut self) -> Vec<Command> {
        let wanted: BTreeSet<IncarnationId> = wanted(&self.plan, NODE, 1).map(|(id, _)| id).collect();
        let stops = self.running.iter().rev().filter(|id| !wanted.contains(id)).map(|id| Command::Stop(*id));
        let starts = wanted.difference(&self.running).map(|id| Command::Start(*id));
        let commands = stops.chain(starts).collect();
        self.running = wanted;
        commands
    }

    pub fn demand(
        &mut self,
        lease: u64,
        stream: &Stream,
        want: Want,
        world: &World,
    ) -> Result<(Route, Vec<Command>), DemandError> {
        let held: BTreeSet<IncarnationId> = self.leases.values().flatten().copied().collect();
        self.number += 1;
        let mut decision = decide::demand(&self.plan, stream, want, world)?;
        decision.hold(Holder { node: NODE, boot: 1, number: self.number }, |id| {
            held.contains(&id) || self.course(id).life == Life::Finished
        });
        let applied = self.propose(&decision.proposal);
        let route = decision.route.resolve(&applied.given);
        let derived = route.legs.iter().filter_map(|leg| match leg.log {
            LogId::Derived(id) => Some(id),
            LogId::Source(_) => None,
        });
        self.leases.entry(lease).or_default().extend(derived);
        Ok((route, self.compare()))
    }

    pub fn release(&mut self, lease: u64, now: u64) -> Vec<Command> {
        let held = self.leases.remove(&lease).unwrap_or_default();
        let kept: BTreeSet<IncarnationId> = self.leases.values().flatten().copied().collect();
        for id in held.difference(&kept) {
            self.number += 1;
            let (incarnation, number) = (Which::There(*id), self.number);
            self.propose(&Proposal::of([Change::Hold { incarnation, node: NODE, boot: 1, number, held: false }]));
        }
        self.idle.extend(
            self.plan.idle().map(|key| (key, now)).filter(|(key, _)| !self.idle.contains_key(key)).collect::<Vec<_>>(),
        );
        self.tick(now)
    }

    pub fn tick(&mut self, now: u64) -> Vec<Command> {
        for (incarnation, idle) in self.plan.idle().collect::<Vec<_>>() {
            if self.idle[&(incarnation, idle)] + self.linger <= now {
                self.propose(&Proposal::of([Change::Elapsed { incarnation, idle }]));
            }
        }
        self.compare()
    }

    pub fn deadline(&self) -> Option<u64> {
        self.plan.idle().map(|key| self.idle[&key] + self.linger).min()
    }

    pub fn finished(&mut self, incarnation: IncarnationId) -> Vec<Command> {
        self.propose(&Proposal::of([Change::End { incarnation, how: Ending::Finished }]));
        self.compare()
    }

    pub fn failed(&mut self, incarnation: IncarnationId, why: &str) -> Vec<Command> {
        self.propose(&Proposal::of([Change::End { incarnation, how: Ending::Failed(why.to_owned()) }]));
        self.compare()
    }

    pub fn forget(&mut self, id: IncarnationId) {
        self.propose(&Proposal::of([Change::Forget(id)]));
    }

    pub fn course(&self, id: IncarnationId) -> &Course {
        self.plan.incarnation(id).expect("it is there")
    }

    pub fn lives(&self) -> Vec<Life> {
        self.plan.incarnations().map(|(_, course)| course.life.clone()).collect()
    }
}
