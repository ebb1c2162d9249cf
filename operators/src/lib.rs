//! The standard operators, as component bytes.
