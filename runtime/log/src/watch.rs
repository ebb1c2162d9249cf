//! Who wants to hear of new entries.

/// A registration made by [`Log::on_visible`](crate::Log::on_visible), ended by dropping it.
#[must_use = "dropping it ends the registration"]
pub struct Watch {}
