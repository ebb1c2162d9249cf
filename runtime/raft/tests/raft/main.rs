//! A cluster's metadata: what lies on disks that fail, what three nodes agree on over networks that fail.

mod cluster;
mod disks;
mod doors;
mod followers;
mod suite;
mod support;
