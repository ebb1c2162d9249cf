//! Measurements against a named peer or limit.
