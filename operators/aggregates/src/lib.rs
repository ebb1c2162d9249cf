//! The standard aggregates.
