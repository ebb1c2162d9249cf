//! What runs: read [`reconcile`] (what is to be done about an incarnation, by value), [`compare`] (what the plan wants of this node, compared
//! with what runs), [`holds`] (what this node's
//! subscriptions keep wanted), [`runs`] (what there is of dataflows), [`start`] (what it takes to run one), [`end`] (how what became of one
//! comes into the plan), [`switch`] (another version of an operator takes over), [`retry`] (what follows from a failure, by value),
//! [`failed`] (how that is carried out and told), [`logs`] and [`snapshots`] (what is on disk of a derived stream),
//! [`retention`] (which of those that nobody uses are kept), [`lost`] (which end because a crash took what they may have read),
//! [`interest`] (what one needs to hear of sources that fall silent), [`skipped`] (what was skipped, and how it comes into `errors(X)`) and
//! [`facts`] (what is asked while something is decided).

pub(crate) mod compare;
pub(crate) mod end;
pub(crate) mod error;
pub(crate) mod facts;
pub(crate) mod failed;
pub(crate) mod holds;
pub(crate) mod interest;
pub(crate) mod logs;
pub(crate) mod lost;
pub(crate) mod reconcile;
pub(crate) mod retention;
pub(crate) mod retry;
pub(crate) mod runs;
pub(crate) mod skipped;
pub(crate) mod snapshots;
pub(crate) mod start;
pub(crate) mod switch;
