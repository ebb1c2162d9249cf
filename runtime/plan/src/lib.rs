//! The plan: from demand to computations. A state machine over facts and commands that does no I/O and reads no clock.
//!
//! Read [`incarnation`] (what a computation's output depends on), [`facts`] (what the plan asks of the world), [`demand`] (what is asked of
//! the plan), [`horizon`] (from which times on streams can be had), [`run`] and [`plan`] (life cycle, sharing, commands), and
//! [`upgrade`] (what moves when an operator gets another version).

pub mod demand;
pub mod facts;
pub mod horizon;
pub mod incarnation;
pub mod plan;
pub mod run;
pub mod upgrade;

pub use demand::{Begin, Command, DemandError, LeaseId, Millis, Route, Want};
pub use facts::{Facts, OperatorFacts, SourceFacts};
pub use incarnation::{Began, Incarnation, InputStart, Leg, Limits, LogId, Ran, Skipped, Until};
pub use plan::Plan;
pub use run::{Run, State};
