//! The plan: all that a node or a cluster knows and must not forget, as one value, and what follows from it. Does no I/O and reads no
//! clock.
//!
//! Read [`entity`], [`stream`], [`component`], [`incarnation`] (what a computation's output depends on), [`course`], [`cursor`] and [`plan`]
//! (what lasts); [`change`] and [`apply`](mod@apply) (how it changes), [`wanted`](mod@wanted) (what follows for a node); [`facts`],
//! [`horizon`] and [`decide`] (how a request becomes a proposal); and [`upgrade`] (what moves when an operator gets another version).

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
pub use incarnation::{Began, Incarnation, InputStart, Leg, Limits, LogId, Ran, Skipped, Until};
pub use plan::Plan;
pub use stream::{Origin, SourceStream};
pub use wanted::{wanted, wanted_of};
