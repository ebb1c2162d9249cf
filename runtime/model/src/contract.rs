//! What an operator says of how it works, which the plan and the flow go by.

/// Which records an operator sees, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Those of its only input, as its log has them, at once; output keeps that order.
    Log,
    /// All inputs merged by (time, input, sequence), only records before the joint frontier.
    Time,
}

/// How much earlier than a result its causes may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookback {
    /// A result depends on the input records of its own time alone.
    None,
    /// This many nanoseconds, which are not negative.
    Duration(i64),
    /// A result may depend on everything before it.
    Unbounded,
}
