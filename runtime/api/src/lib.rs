//! The values that the HTTP API takes and gives, as `docs/http.md` defines them. The server writes them, clients read them.
//!
//! [`limits`] are the texts in which people write what operators, computations and requests may use.

mod alter;
mod backup;
mod code;
mod create;
mod cursor;
mod delete;
mod explain;
mod failure;
pub mod limits;
mod notice;
mod operators;
mod publish;
mod status;
mod stream;
mod subscribe;
mod token;

pub use alter::{AlterRetention, AlterStream, OnError};
pub use backup::{BackUp, BackedUp};
pub use code::Code;
pub use create::{Clock, CreateParameters, CreateStream, Durability, Retention, TimeColumn};
pub use cursor::{Acknowledge, Cursor, Cursors, ResetCursor};
pub use delete::{DeleteParameters, Deleted};
pub use explain::{Explained, Explanation, SkippedRecord};
pub use failure::{Cause, Failure};
pub use notice::Notice;
pub use operators::{
    DeployParameters, Deployed, Import, Move, Operator, OperatorVersions, Operators, Parameter, Place, Replay,
    UndeployParameters, Undeployed, Version,
};
pub use publish::{PublishParameters, Published, PublisherProgress, TookOver};
pub use status::{Computation, GuestThreads, Held, HeldOf, SharedMemory, Status, StatusParameters};
pub use stream::{Column, Publisher, Stream, Streams};
pub use subscribe::SubscribeParameters;
pub use token::{CreateToken, CreatedToken, Scope, Token, Tokens};
