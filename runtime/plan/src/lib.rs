//! The plan: from demand to computations. A state machine over facts and commands that does no I/O and reads no clock.
//!
//! Read [`incarnation`] (what a computation's output depends on), [`facts`] (what the plan asks of the world), [`horizon`] (from which
//! times on streams can be had), [`plan`] (demand, life cycle, commands).

pub mod facts;
pub mod horizon;
pub mod incarnation;
pub mod plan;

pub use facts::{Facts, OperatorFacts, SourceFacts};
pub use incarnation::{Began, Incarnation, InputStart, Leg, LogId, Until};
pub use plan::{Begin, Command, DemandError, LeaseId, Millis, Plan, Route, Run, State, Want};
