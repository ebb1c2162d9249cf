//! The workers: timely's threads, which build and drop dataflows while they run.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::Thread;

use dag_alarm::Alarm;
use dag_expr::Window;
use dag_model::{Frontier, Order};
use timely::WorkerConfig;
use timely::communication::{Config as Communication, WorkerGuards};
use timely::worker::Worker;

use crate::computation::{Computation, World};
use crate::error::{ComputeError, Failure};
use crate::guest::Guest;
use crate::guests::{Guests, Rush};
use crate::operators::order::order;
use crate::operators::scan::{Ahead, scan};
use crate::operators::shard::Shards;
use crate::operators::sink::{OutputOrder, sink};
use crate::operators::source::source;
use crate::operators::{aggregate, transform};
use crate::shared::{Event, Handle, OnEvent, Present, Shared};
use crate::snapshot::Snapshot;

/// The workers of a node. Dropping it stops all computations and waits for the workers.
pub struct Flow {
    workers: Mutex<Vec<(Sender<Command>, Thread)>>,
    running: Mutex<Vec<std::sync::Weak<Shared>>>,
    /// Joins the workers when dropped. Behind a lock only because it is not `Sync`.
    guards: Mutex<Option<WorkerGuards<()>>>,
    peers: usize,
    guests: Guests,
}

enum Command {
    Build(Arc<Computation>, Option<Arc<Snapshot>>, Guests, Arc<Shared>),
    Leave,
}

impl Flow {
    /// Starts so many worker threads. Fails if there are no threads to be had.
    pub fn start(peers: usize) -> Result<Flow, String> {
        assert!(peers > 0, "a flow has at least one worker");
        let (hello, threads) = channel();
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..peers).map(|_| channel()).unzip();
        let receivers: Mutex<Vec<Option<Receiver<Command>>>> = Mutex::new(receivers.into_iter().map(Some).collect());
        let config = timely::Config {
            communication: if peers == 1 { Communication::Thread } else { Communication::Process(peers) },
            worker: WorkerConfig::default(),
        };
        let hello = Mutex::new(hello);
        let guards = timely::execute(config, move |worker| {
            let index = worker.index();
            let commands = receivers.lock().expect("no worker panics holding it")[index].take();
            let hello = hello.lock().expect("no worker panics holding it").clone();
            // The other workers would wait for this one for ever.
            let _alarm = Alarm::of("worker");
            // The flow that started the workers waits for this.
            let _ = hello.send((index, std::thread::current()));
            run(worker, &commands.expect("each worker takes its own, once"));
        })?;
        let mut threads: Vec<(usize, Thread)> = threads.iter().take(peers).collect();
        threads.sort_by_key(|(index, _)| *index);
        let workers = senders.into_iter().zip(threads).map(|(sender, (_, thread))| (sender, thread)).collect();
        Ok(Flow {
            workers: Mutex::new(workers),
            running: Mutex::new(Vec::new()),
            guards: Mutex::new(Some(guards)),
            peers,
            guests: Guests::start(peers)?,
        })
    }

    /// How many workers there are.
    pub fn peers(&self) -> usize {
        self.peers
    }

    /// How busy the threads for guests are.
    pub fn rush(&self) -> Rush {
        self.guests.rush()
    }

    /// Runs a computation until it ends by itself or is stopped. `on_event` is called from the workers.
    pub fn run(&self, mut computation: Computation, on_event: OnEvent) -> Handle {
        let shared = Shared::new(self.peers, &computation, on_event);
        let mut running = self.running.lock().expect("nobody panics holding it");
        running.retain(|shared| shared.strong_count() > 0);
        running.push(Arc::downgrade(&shared));
        drop(running);
        let saved = computation.take_up();
        let computation = Arc::new(computation);
        self.tell(|| Command::Build(computation.clone(), saved.clone(), self.guests.clone(), shared.clone()));
        Handle(shared)
    }

    /// All workers get commands in one order: timely's channels are matched by the order in which dataflows are built.
    fn tell(&self, command: impl Fn() -> Command) {
        for (sender, thread) in self.workers.lock().expect("nobody panics holding it").iter() {
            // An error means that the worker has left.
            let _ = sender.send(command());
            thread.unpark();
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        for shared in self.running.lock().expect("nobody panics holding it").iter().filter_map(std::sync::Weak::upgrade)
        {
            shared.stop();
        }
        self.tell(|| Command::Leave);
        drop(self.guards.get_mut().map(Option::take));
    }
}

fn run(worker: &mut Worker, commands: &Receiver<Command>) {
    loop {
        while let Ok(command) = commands.try_recv() {
            match command {
                Command::Build(computation, saved, guests, shared) => build(worker, computation, saved, guests, shared),
                Command::Leave => return,
            }
        }
        worker.step_or_park(None);
    }
}

/// Whether the computation's operator can take up its snapshot: tried, with an instance that is gone afterwards.
pub fn probe(computation: &Computation) -> Result<(), ComputeError> {
    let computation = Arc::new(computation.clone());
    match computation.operator.world.clone() {
        World::Aggregate(aggregation) => aggregate::probe(&computation, &aggregation),
        World::Transform { aliases, order } => Guest::new(&computation, &aliases, order == Order::Time).map(drop),
    }
}

/// Builds the computation's dataflow on this worker.
fn build(
    worker: &mut Worker,
    computation: Arc<Computation>,
    saved: Option<Arc<Snapshot>>,
    guests: Guests,
    shared: Arc<Shared>,
) {
    let resources = Present(shared.clone());
    let built = worker.dataflow_core::<i64, _, _, _>("computation", None, resources, |_, scope| {
        let (peers, home) = (scope.peers(), computation.home);
        let bounded = computation.inputs.iter().any(|input| input.until.is_some());
        let scanned = |input| {
            let ahead = Ahead::new();
            (scan(scope, computation.clone(), input, ahead.clone(), shared.clone()), ahead)
        };
        match computation.operator.world.clone() {
            World::Aggregate(aggregation) => {
                let keys: Vec<_> =
                    aggregation.by.iter().map(|column| computation.schemas[0].fields[*column].ty).collect();
                let shards = Shards::by_key(&keys, aggregation.windowing, peers, home)?;
                let stateful: Vec<usize> = (0..peers).collect();
                let messages = match aggregation.window {
                    Window::Hopping { .. } => source(scope, computation.clone(), shards, stateful, shared.clone()),
                    Window::Running | Window::Session { .. } => {
                        let (pieces, ahead) = scanned(0);
                        order(pieces, computation.clone(), shards, stateful, ahead, shared.clone())
                    }
                };
                let keys = OutputOrder::TimeAndKey((1..=aggregation.by.len()).collect());
                let aggregation = Arc::new(aggregation);
                let results = aggregate::aggregate(
                    messages,
                    computation.clone(),
                    aggregation,
                    saved.clone(),
                    guests,
                    shared.clone(),
                );
                sink(results, computation.clone(), saved, keys, bounded, peers, shared.clone());
            }
            World::Transform { order: Order::Log, aliases } => {
                let shards = Shards::whole(home);
                let messages = source(scope, computation.clone(), shards, vec![home], shared.clone());
                let results = transform::in_log_order(messages, computation.clone(), aliases, guests, shared.clone());
                sink(results, computation.clone(), saved, OutputOrder::Emission, bounded, 1, shared.clone());
            }
            World::Transform { order: Order::Time, aliases } => {
                let inputs = (0..computation.inputs.len()).map(scanned).collect();
                let results =
                    transform::in_time_order(scope, inputs, computation.clone(), aliases, guests, shared.clone());
                sink(results, computation.clone(), saved, OutputOrder::Emission, bounded, 1, shared.clone());
            }
        }
        Ok::<(), ComputeError>(())
    });
    if let Err(error) = built {
        shared.end(Event::Failed(Failure { error, at: None, frontier: Frontier::START }));
    }
}
