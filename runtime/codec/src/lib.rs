//! NDJSON, CSV and Arrow IPC, in and out.
