//! The flow: computations as timely dataflows, built and dropped while the workers run.
//!
//! Messages carry their source's frontier as timely time; record times are a column. Read [`computation`] (what is run), [`shared`] (what its operators share, and what becomes of it), [`budget`] (how much memory
//! that may take),
//! [`cursor`] (how logs are read), [`flow`] (the workers), [`operators`] (the dataflows), [`merge`] (time order), [`window`],
//! [`snapshot`] (how a computation goes on after it has stopped), and [`search`] (how a record is found that an operator cannot take).
//!
//! A computation reads logs and writes one:
//!
//! ```
//! # use std::sync::{Arc, mpsc};
//! # use arrow_array::cast::AsArray;
//! # use arrow_array::types::Int64Type;
//! # use arrow_array::{ArrayRef, Int64Array, RecordBatch, TimestampNanosecondArray};
//! # use dag_expr::Window;
//! # use dag_flow::{Aggregation, Budget, Computation, Event, Flow, Input, Leg, Operator, Resume, Search, World};
//! # use dag_log::{Committer, Durability, Log, Options, Retention, Start};
//! # use dag_model::{Field, Frontier, Schema, Timestamp, Type, Windowing, arrow_schema};
//! # use dag_wasm::{InstanceOptions, Runtime, RuntimeOptions};
//! # let folder = tempfile::tempdir().unwrap();
//! # let schema = Schema::new(vec![Field::new("value", Type::Int64)]);
//! # let retention = Retention { age: None, bytes: None };
//! # let options = Options { segment_bytes: 1 << 20, durability: Durability::Derived, retention };
//! # let log = |name| Log::create(&folder.path().join(name), &schema, options, &Committer::new()).unwrap();
//! let (input, output) = (log("input"), log("output"));
//! let times = TimestampNanosecondArray::from(vec![0, 5, 12]).with_timezone("UTC");
//! let columns: Vec<ArrayRef> = vec![Arc::new(times), Arc::new(Int64Array::from(vec![1, 2, 4]))];
//! let records = RecordBatch::try_new(arrow_schema(&schema), columns).unwrap();
//! input.append(&records, Frontier::At(Timestamp(12)), Timestamp(0)).unwrap();
//! input.end(Frontier::Empty, Timestamp(0)).unwrap();
//!
//! let runtime = Runtime::new(RuntimeOptions::default()).unwrap();
//! # let aggregates = dag_operators::COMPONENTS.iter().find(|embedded| embedded.name == "aggregates").unwrap();
//! let leg = Leg { log: input, incarnation: None, sequence: 0 };
//! let computation = Computation {
//!     operator: Operator {
//!         component: runtime.load(aggregates.bytes).unwrap(),
//!         name: "sum".to_owned(),
//!         arguments: vec![("of".to_owned(), "value".to_owned())],
//!         options: InstanceOptions::default(),
//!         world: World::Aggregate(Aggregation {
//!             window: Window::Hopping { size: 10, every: 10, offset: 0 },
//!             windowing: Windowing::NEWEST,
//!             by: Vec::new(),
//!             columns: vec![0],
//!         }),
//!     },
//!     inputs: vec![Input { legs: vec![leg], from: Timestamp::MIN, late: false, until: None, skipped: Vec::new() }],
//!     schemas: vec![schema.clone()],
//!     schema: schema.clone(),
//!     from: Timestamp::MIN,
//!     until: None,
//!     output: output.clone(),
//!     home: 0,
//!     resume: Resume { snapshot: None, output: output.hash_at(0).unwrap(), muted: None, mark: 0 },
//!     marks: Vec::new(),
//!     interval: None,
//!     search: Search::Off,
//!     budget: Budget::new(Budget::DEFAULT),
//! };
//! let flow = Flow::start(2).unwrap();
//! let (told, events) = mpsc::channel();
//! let _running = flow.run(computation, Box::new(move |event| drop(told.send(event))));
//! assert!(matches!(events.recv().unwrap(), Event::Finished));
//!
//! let sums = output.reader(Start::Earliest).unwrap().next().unwrap().unwrap();
//! let sums = output.load(&sums).unwrap().batch;
//! assert_eq!(sums.column(1).as_primitive::<Int64Type>().values(), &[3, 4]);
//! ```

pub mod budget;
pub mod computation;
pub mod cursor;
pub mod error;
pub mod flow;
mod folding;
mod guest;
mod guests;
mod local;
pub mod merge;
pub mod operators;
pub mod output;
mod pace;
pub mod search;
pub mod shared;
pub mod snapshot;
pub mod window;

pub use budget::Budget;
pub use computation::{Aggregation, Computation, Operator, Resume, World};
pub use cursor::{Cursor, Input, Leg, Loaded, Notify, Piece, Sequences, Step};
pub use error::{ComputeError, Failure};
pub use flow::{Flow, probe};
pub use guests::Rush;
pub use merge::Merge;
pub use search::{Search, Span, Spot};
pub use shared::{Event, Handle, OnEvent, Progress};
pub use snapshot::{Mark, Place, Snapshot};
