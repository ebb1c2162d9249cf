//! One process: streams, computations, HTTP API.
