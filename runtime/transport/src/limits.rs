//! Limits of what comes from other nodes, and of what waits for them, in bytes and time.
//!
//! What has come on a connection and is not read yet is bounded by the connection's window, whoever is at the other end. So that a stream that
//! is not read never fills it, and never stops the others, what may be unread is bounded for each kind and the sum fits in the window:
//!
//! ```text
//!   control  16 MiB  =  requests 8 MiB  +  messages 2 MiB (a stream's window)  +  what begins streams
//!   data     80 MiB  =  credit of downloads or uploads 48 MiB  +  messages 8 MiB (a stream's window)  +  what begins streams
//! ```
//!
//! Heartbeats are datagrams and in no window.

use std::time::Duration;

/// The most bytes of a heartbeat: it fits in one packet of any path.
pub const MAX_HEARTBEAT: usize = 1000;

/// The most bytes of a message on control.
pub const MAX_CONTROL_MESSAGE: usize = 1 << 20;

/// The most bytes of a message on data: a record of the greatest size, and what is said of it.
pub const MAX_DATA_MESSAGE: usize = 80 << 20;

/// The most bytes of a request, and of an answer.
pub const MAX_REQUEST: usize = 1 << 20;

/// The most bytes of what asks for a download, or announces an upload.
pub const MAX_BULK_HEAD: usize = 8 << 10;

/// The most bytes of a part of a download or an upload.
pub const MAX_PART: usize = 80 << 20;

/// The most bytes of messages that wait for a node, on control and on data.
pub const MAX_QUEUE: [usize; 2] = [4 << 20, 96 << 20];

/// The most requests to a node that are under way.
pub const MAX_REQUESTS: usize = 256;

/// The most bytes of requests to a node that are under way.
pub const MAX_REQUEST_BYTES: usize = 8 << 20;

/// The most downloads and uploads of a node that are under way.
pub const MAX_BULK: usize = 4096;

/// The most bytes that downloads of a node, and uploads to it, may hold unread together.
pub const MAX_CREDIT: usize = 48 << 20;

/// The least and the greatest window of a download.
pub const WINDOW: (u32, u32) = (8 << 10, 16 << 20);

/// The window of an upload.
pub const UPLOAD_WINDOW: u32 = 1 << 20;

/// The most handshakes that are under way; beyond a quarter of them, who dials has to show that its address is its own.
pub const MAX_HANDSHAKES: usize = 128;

/// The most connections that others have dialled, of each class.
pub const MAX_ACCEPTED: usize = 1024;

/// The most nodes whose addresses are known.
pub const MAX_NODES: usize = 1024;

/// The most addresses of a node that others have told.
pub const MAX_HEARD: usize = 4;

/// How long a dial, with the hello, may take.
pub const DIAL: Duration = Duration::from_secs(3);

/// How long a connection is kept on which nothing comes. Who is alive is judged by the caller's heartbeats, in less.
pub const IDLE: Duration = Duration::from_secs(3);

/// How often something is sent on a connection where nothing else is.
pub const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// How long nothing may come within a frame that has begun, or where a stream has begun and its first frame has not.
pub const FRAME_PAUSE: Duration = Duration::from_secs(5);

/// How long it takes to the next dial, at first and at most: it doubles each time.
pub const REDIAL: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// The bytes that a socket's buffers are asked for.
pub const SOCKET_BUFFER: usize = 4 << 20;
