//! The plan: all that a node or a cluster knows and must not forget, as one value, and what follows from it. Does no I/O and reads no
//! clock.
//!
//! Read [`entity`], [`stream`], [`component`], [`incarnation`] (what a computation's output depends on), [`turn`] (which version runs up to where), [`course`], [`cursor`], [`token`] and [`plan`]
//! (what lasts); [`change`] and [`apply`](mod@apply) (how it changes), [`wanted`](mod@wanted) (what follows for a node); [`facts`],
//! [`horizon`] and [`decide`] (how a request becomes a proposal); and [`upgrade`] (what moves when an operator gets another version).
//!
//! A node starts, a stream is made, and somebody wants an average of it:
//!
//! ```
//! # use std::time::Duration;
//! # use dag_model::{Digest, NodeId, StreamId, Timestamp};
//! use dag_plan::{Began, Change, Draft, InputStart, Leg, Limits, LogId, Origin, Plan, Proposal, Which, apply, wanted};
//!
//! let (mut plan, node, boot) = (Plan::default(), NodeId(1), 1);
//! let create = Change::Create { name: "x".to_owned(), origin: Origin::Published, settings: "{}".to_owned() };
//! let made = Change::Made { stream: StreamId(1) };
//! apply(&mut plan, &Proposal::of([Change::Up { node, boot }, create, made])).unwrap();
//!
//! let leg = Leg { log: LogId::Source(StreamId(1)), sequence: 0 };
//! let begin = Change::Begin(Draft {
//!     stream: "avg(x,5m)".to_owned(),
//!     digest: Digest([1; 32]),
//!     inputs: vec![InputStart { legs: vec![leg], from: Timestamp(0), late: false }],
//!     began: Began::At(Timestamp(0)),
//!     until: None,
//!     shards: 1,
//!     windowing: 2,
//!     limits: Limits { memory: 1 << 28, call: Duration::from_secs(10), output: 1 << 26 },
//! });
//! // The incarnation that the first change of the proposal begins has no number yet.
//! let hold = Change::Hold { incarnation: Which::New(0), node, boot, number: 1, held: true };
//! apply(&mut plan, &Proposal::of([begin, hold])).unwrap();
//!
//! let runs: Vec<&str> = wanted(&plan, node, boot).map(|(_, course)| &*course.record.stream).collect();
//! assert_eq!(runs, ["avg(x,5m)"]);
//! assert_eq!(wanted(&plan, node, boot + 1).count(), 0, "another start of it holds nothing");
//! ```

pub mod apply;
pub mod change;
pub mod component;
pub mod course;
pub mod cursor;
pub mod decide;
pub mod demand;
pub mod entity;
pub mod facts;
pub mod horizon;
pub mod incarnation;
pub mod plan;
pub mod stream;
pub mod token;
pub mod turn;
pub mod upgrade;
pub mod wanted;

pub use apply::{Applied, Given, Refusal, apply};
pub use change::{Change, Draft, DraftLog, Ending, Proposal, ProposalError, Which};
pub use component::{Deployment, How, Named, SaidLimits};
pub use course::{Course, Hold, Life};
pub use cursor::{Cursor, NotRead, Place};
pub use demand::{Begin, DemandError, LeaseId, Millis, Route, Want};
pub use entity::{Entity, Revision};
pub use facts::{Facts, OperatorFacts, SourceFacts};
pub use incarnation::{Began, By, Incarnation, InputStart, Leg, Limits, LogId, Ran, Skipped, Until};
pub use plan::Plan;
pub use stream::{Origin, SourceStream};
pub use token::{Scopes, Token, Use};
pub use turn::{Stage, Taken, Turn};
pub use wanted::{wanted, wanted_of};
