//! An operator changes while it is used.
//!
//! [`kit`] has the versions, [`deploying`] what makes one current, [`moving`] what that does to what runs, [`many`] and [`gap`] where much runs,
//! [`behind`] where inputs are not there yet.

mod behind;
mod deploying;
mod gap;
mod kit;
mod many;
mod moving;
