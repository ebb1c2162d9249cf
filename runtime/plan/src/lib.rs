//! Demand to computations: a state machine over commands.
