//! Requests that never end: heads without an end, bodies that do not come, answers that nobody reads.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::client::Client;

/// How long they stay.
const STAY: Duration = Duration::from_secs(2);

/// How many at once: sixteen clients leave room among the files that a process may open, where that is few.
const CONNECTIONS: usize = 30;

pub fn make(client: &mut Client) {
    let address = client.url.strip_prefix("http://").unwrap_or_default().to_owned();
    let stream = client.own("misused");
    let started = match client.below(4) {
        0 => format!("GET /v1/status HTTP/1.1\r\nHost: {address}\r\n"),
        1 => format!(
            "POST /v1/streams/{stream}/records HTTP/1.1\r\nHost: {address}\r\nContent-Length: 60000000\r\n\r\n{}",
            "{\"time\":1,\"value\":1}\n".repeat(1_000)
        ),
        2 => format!("GET /v1/subscribe?expr=work&from=earliest HTTP/1.1\r\nHost: {address}\r\n\r\n"),
        _ => format!("POST /v1/components HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n"),
    };
    let connect = || {
        let mut socket = TcpStream::connect(&address).ok()?;
        socket.set_write_timeout(Some(STAY)).ok()?;
        socket.write_all(started.as_bytes()).ok()?;
        Some(socket)
    };
    let _open: Vec<TcpStream> = (0..CONNECTIONS).map_while(|_| connect()).collect();
    thread::sleep(STAY);
}
