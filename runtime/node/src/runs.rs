//! Runs: the plan's commands, carried out. A run that is told to start while its last dataflow is still going waits for that to be gone,
//! so that no log ever has two writers.

use std::collections::BTreeMap;
use std::time::Instant;

use dag_expr::{Application, Stream};
use dag_flow::{Computation, Event, Handle, Input, Leg, Operator, Progress, World};
use dag_model::{Frontier, IncarnationId, Timestamp};
use dag_plan::{Began, Command, Incarnation, LogId, Until};
use dag_wasm::InstanceOptions;
use tokio::sync::mpsc;

use crate::error::{Code, NodeError};
use crate::limits::of_record;
use crate::node::{Node, State, View};

/// What a worker says of a run.
#[derive(Debug)]
pub struct Report {
    /// The run.
    pub id: IncarnationId,
    /// What happened.
    pub event: Event,
}

/// Where workers' reports go.
#[derive(Clone)]
pub struct Reports(pub mpsc::UnboundedSender<Report>);

/// The dataflows of runs.
pub struct Runs {
    reports: Reports,
    flows: BTreeMap<IncarnationId, Dataflow>,
    /// When runs that are not live were last used, for retention.
    pub idle_since: BTreeMap<IncarnationId, Instant>,
}

struct Dataflow {
    handle: Handle,
    /// Start again once it is gone.
    restart: bool,
}

impl Runs {
    /// No runs yet.
    pub fn new(reports: Reports) -> Runs {
        Runs { reports, flows: BTreeMap::new(), idle_since: BTreeMap::new() }
    }

    /// The counters of a run whose dataflow is there.
    pub fn progress(&self, id: IncarnationId) -> Option<&Progress> {
        self.flows.get(&id).map(|flow| flow.handle.progress())
    }

    /// Tells all dataflows to stop.
    pub fn stop_all(&self) {
        self.flows.values().for_each(|flow| flow.handle.stop());
    }

    /// Whether a dataflow is there, running or on its way out.
    pub fn has_flow(&self, id: IncarnationId) -> bool {
        self.flows.contains_key(&id)
    }
}

impl Node {
    /// Carries out what the plan says, and what follows from that.
    pub(crate) fn execute(&self, state: &mut State, commands: Vec<Command>) {
        let mut commands = std::collections::VecDeque::from(commands);
        while let Some(command) = commands.pop_front() {
            match command {
                Command::Stop(id) => {
                    if let Some(flow) = state.runs.flows.get_mut(&id) {
                        flow.restart = false;
                        flow.handle.stop();
                    }
                    state.runs.idle_since.insert(id, Instant::now());
                }
                Command::Start(id) => {
                    state.runs.idle_since.remove(&id);
                    if let Some(flow) = state.runs.flows.get_mut(&id) {
                        flow.restart = true;
                        continue;
                    }
                    match self.start(state, id) {
                        Ok(Started::Running) => {}
                        Ok(Started::Complete) => commands.extend(state.plan.finished(id)),
                        Err(error) => commands.extend(self.fail(state, id, &error.message)),
                    }
                }
            }
        }
        self.inner.timers.notify_one();
    }

    /// A worker has something to say of a run.
    pub(crate) fn report(&self, Report { id, event }: Report) {
        let state = &mut *self.state();
        let commands = match event {
            Event::Finished => {
                if let Err(error) = self.inner.meta.put_finished(id) {
                    tracing::error!(incarnation = %id, %error, "cannot keep that a computation has finished");
                }
                state.runs.idle_since.insert(id, Instant::now());
                state.plan.finished(id)
            }
            Event::Failed(error) => self.fail(state, id, &error.to_string()),
            Event::Gone => match state.runs.flows.remove(&id) {
                Some(Dataflow { restart: true, .. }) => vec![Command::Start(id)],
                _ => Vec::new(),
            },
        };
        self.execute(state, commands);
    }

    /// Ends a run and what depends on it, and tells their subscribers why.
    fn fail(&self, state: &mut State, id: IncarnationId, why: &str) -> Vec<Command> {
        let stream = state.plan.run(id).map_or_else(String::new, |run| run.record.stream.clone());
        let digest = state.plan.run(id).and_then(|run| run.record.ran.last()).map(|ran| ran.digest);
        let digest = digest.map_or_else(String::new, |digest| format!("{digest:#}"));
        tracing::error!(stream, digest, incarnation = %id, why, "computation failed");
        let message = format!("`{stream}` cannot go on: {why}");
        let (failed, commands) = state.plan.failed(id, &message);
        for id in failed {
            for lease in state.plan.leases(id) {
                if let Some(subscriber) = state.subscribers.get(&lease) {
                    subscriber.fail(NodeError::new(Code::Internal, message.clone()));
                }
            }
        }
        commands
    }

    fn start(&self, state: &mut State, id: IncarnationId) -> Result<Started, NodeError> {
        let run = state.plan.run(id).expect("the plan starts runs that it has");
        let record = run.record.clone();
        let Some(Stream::Apply(application)) = run.stream.clone() else {
            unreachable!("the plan runs derived streams that somebody has demanded")
        };
        let view = self.view();
        let internal = |error: &dyn std::fmt::Display| NodeError::new(Code::Internal, error.to_string());
        let output = view.logs.get_or_create(id, &application.schema).map_err(|error| internal(&error))?;
        if output.visible().ended {
            return Ok(Started::Complete);
        }
        self.inner.meta.put_incarnation(&record).map_err(|error| internal(&error))?;
        let computation = computation(&view, &record, &application, output, self.inner.flow.peers())?;
        let reports = state.runs.reports.clone();
        let on_event = Box::new(move |event| {
            // An error means that the node is gone.
            let _ = reports.0.send(Report { id, event });
        });
        tracing::info!(stream = record.stream, incarnation = %id, digest = %format!("{:#}", last_digest(&record)), "computation starts");
        let handle = self.inner.flow.run(computation, on_event);
        state.runs.flows.insert(id, Dataflow { handle, restart: false });
        Ok(Started::Running)
    }
}

enum Started {
    Running,
    /// Its log has everything already.
    Complete,
}

fn last_digest(record: &Incarnation) -> dag_model::Digest {
    record.ran.last().expect("a record begins with the component that it starts with").digest
}

/// The computation that an incarnation record describes.
fn computation(
    view: &View<'_>,
    record: &Incarnation,
    application: &Application,
    output: dag_log::Log,
    workers: usize,
) -> Result<Computation, NodeError> {
    let digest = last_digest(record);
    let missing = || NodeError::new(Code::Internal, format!("component {digest:#} is not here any more"));
    let component = view.catalog.component(digest).ok_or_else(missing)?;
    let until = match record.until {
        Some(Until::Sequence(sequence)) => Some(sequence),
        _ => None,
    };
    let input = |start: &dag_plan::InputStart| -> Result<Input, NodeError> {
        let legs = start.legs.iter().map(|leg| leg_of(view, leg)).collect::<Result<_, _>>()?;
        Ok(Input { legs, from: start.from, late: start.late, until })
    };
    let schemas: Vec<_> = application.inputs.iter().map(|input| input.stream.schema().clone()).collect();
    let world = match application.window {
        Some(window) => {
            let place = |name: &String| schemas[0].find(name).map(|(at, _)| at).expect("binding checked the columns");
            World::Aggregate { window, by: application.by.iter().map(place).collect() }
        }
        None => World::Transform {
            order: view.catalog.bind(application).map_err(|why| NodeError::new(Code::BadExpression, why))?.facts.order,
            aliases: application.inputs.iter().map(|input| input.alias.clone()).collect(),
        },
    };
    Ok(Computation {
        operator: Operator {
            component,
            name: application.operator.clone(),
            arguments: application
                .arguments
                .iter()
                .map(|argument| (argument.name.clone(), argument.value.clone()))
                .collect(),
            options: InstanceOptions {
                label: record.stream.clone(),
                random: record.id.0,
                limits: of_record(record.limits),
            },
            world,
        },
        inputs: record.inputs.iter().map(input).collect::<Result<_, _>>()?,
        schemas,
        schema: application.schema.clone(),
        from: match record.began {
            Began::At(from) => from,
            Began::Next => Timestamp::MIN,
        },
        until: match record.until {
            Some(Until::Time(until)) => Some(until),
            _ => None,
        },
        output,
        home: usize::try_from(record.id.0).unwrap_or(0) % workers,
    })
}

/// A leg of a route, with its log.
pub(crate) fn leg_of(view: &View<'_>, leg: &dag_plan::Leg) -> Result<Leg, NodeError> {
    let gone = || NodeError::new(Code::Internal, format!("the log of {:?} is not here any more", leg.log));
    let log = view.log(&leg.log).ok_or_else(gone)?;
    let run = match leg.log {
        LogId::Source(_) => log.visible().epoch,
        LogId::Derived(id) => id.0,
    };
    Ok(Leg { log, run, sequence: leg.sequence })
}

/// A frontier as the API shows it.
pub(crate) fn shown(frontier: Frontier) -> Option<String> {
    (frontier != Frontier::START).then(|| frontier.to_string())
}
