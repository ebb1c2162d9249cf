//! An operator changes while it is used.
//!
//! [`kit`] has the versions, [`deploying`] what makes one current, [`moving`] what that does to what runs, [`many`] where much runs.

mod deploying;
mod kit;
mod many;
mod moving;
