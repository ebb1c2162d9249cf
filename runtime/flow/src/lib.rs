//! Timely dataflow: sources, exchange, order, windows, operators, sinks.
