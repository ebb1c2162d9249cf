//! Frames from and to Arrow arrays.
