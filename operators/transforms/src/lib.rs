//! The standard transforms.
