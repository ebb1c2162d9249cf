//! RFC 3339 text to and from nanoseconds since the epoch.

/// Placeholder until written.
pub fn format(ns: i64) -> String {
    ns.to_string()
}
