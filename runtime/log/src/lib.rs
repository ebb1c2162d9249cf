//! The stream log.
