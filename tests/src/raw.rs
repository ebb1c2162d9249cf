//! A connection to a node, byte by byte: for what no well-behaved client sends.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use crate::Node;
use crate::wait::DEADLINE;

/// A connection.
#[derive(Debug)]
pub struct Raw(TcpStream);

impl Raw {
    /// A connection to the node. Reading and writing give up after [`DEADLINE`].
    ///
    /// # Panics
    /// If the node does not listen.
    #[track_caller]
    pub fn to(node: &Node) -> Raw {
        let address = node.url().strip_prefix("http://").expect("it is an HTTP URL");
        let stream = TcpStream::connect(address).expect("the node listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a time is a time-out");
        stream.set_write_timeout(Some(DEADLINE)).expect("a time is a time-out");
        Raw(stream)
    }

    /// Sends a request to the node, `head` being its first line and further ones, and a body that may be a part of what the head
    /// announces.
    ///
    /// # Panics
    /// If the connection does not take it.
    #[track_caller]
    pub fn send(&mut self, head: &str, body: &[u8]) {
        self.try_send(head, body).expect("the node reads what it is sent");
    }

    /// The same, where the node may have closed the connection.
    ///
    /// # Errors
    /// If it has.
    pub fn try_send(&mut self, head: &str, body: &[u8]) -> io::Result<()> {
        self.0.write_all(format!("{head}\r\nhost: localhost\r\n\r\n").as_bytes())?;
        self.0.write_all(body)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// If the node has closed the connection, or reads nothing until the deadline.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// What the node answers until it closes the connection.
    ///
    /// # Errors
    /// If it does not close it, or does so without listening.
    pub fn until_closed(&mut self) -> io::Result<String> {
        let mut answer = Vec::new();
        self.0.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}
