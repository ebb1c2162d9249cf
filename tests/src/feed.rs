//! A subscription over a plain socket: its lines as they come, without a thread that waits for them, and how it ended.

use std::fmt::Write as _;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::http::Answer;
use crate::wait::{DEADLINE, EVERY, Patience};

/// Why a subscription has no more lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The node says so: the text of the trailer `dag-end`, and of `dag-message` where there is one.
    Told(String),
    /// The connection broke.
    Broken,
}

/// An open subscription. Dropping it closes the connection, and with it the demand.
#[derive(Debug)]
pub struct Feed {
    socket: TcpStream,
    /// The answer's head.
    head: String,
    /// Received and not yet taken apart.
    raw: Vec<u8>,
    /// Taken out of chunks.
    body: Vec<u8>,
    /// How much of the body was given out.
    given: usize,
    end: Option<End>,
}

impl Feed {
    /// Subscribes at the node with that URL. The inner error is the node's refusal.
    ///
    /// # Errors
    /// If the connection breaks before the answer's head is there.
    pub fn open(url: &str, parameters: &[(&str, &str)]) -> io::Result<Result<Feed, Answer>> {
        Feed::of(url, "subscribe", parameters)
    }

    /// As [`open`](Feed::open), of another path under `/v1`.
    ///
    /// # Errors
    /// As `open`.
    pub fn of(url: &str, path: &str, parameters: &[(&str, &str)]) -> io::Result<Result<Feed, Answer>> {
        let address = url.strip_prefix("http://").unwrap_or(url);
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(DEADLINE))?;
        let query = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>();
        let query = query.join("&");
        let head = format!(
            "GET /v1/{path}?{query} HTTP/1.1\r\nHost: {address}\r\nDag-Client: tests\r\nTE: trailers\r\nConnection: close\r\n\r\n"
        );
        socket.write_all(head.as_bytes())?;
        let mut raw = Vec::new();
        let end = loop {
            if let Some(end) = find(&raw, b"\r\n\r\n") {
                break end;
            }
            if receive(&mut socket, &mut raw)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        };
        let head = String::from_utf8_lossy(&raw[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        raw.drain(..end + 4);
        if status != 200 {
            socket.read_to_end(&mut raw)?;
            return Ok(Err(Answer { status, body: String::from_utf8_lossy(&raw).into_owned() }));
        }
        Ok(Ok(Feed { socket, head, raw, body: Vec::new(), given: 0, end: None }))
    }

    /// A header of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The next line, if there is one within `patience`; none, too, at the [`end`](Feed::end).
    pub fn line(&mut self, patience: Duration) -> Option<String> {
        loop {
            if let Some(line) = self.given_line() {
                return Some(line);
            }
            if self.end.is_some() || !self.take_chunk() && !self.more(patience) {
                return None;
            }
        }
    }

    /// All lines, each as soon as it comes, until the [`end`](Feed::end). Waiting for one ends as other waits do, in a panic.
    pub fn lines(mut self) -> impl Iterator<Item = String> {
        std::iter::from_fn(move || {
            let mut patience = Patience::new();
            loop {
                if let Some(line) = self.line(EVERY) {
                    return Some(line);
                }
                if self.end.is_some() {
                    return None;
                }
                patience.follow_work();
                patience.look(|| "for a line of a subscription".to_owned());
            }
        })
    }

    /// A line of what is here.
    fn given_line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        (&self.body[self.given..]).read_until(b'\n', &mut line).expect("memory can be read");
        if line.pop_if(|last| *last == b'\n').is_none() {
            self.body.drain(..self.given);
            self.given = 0;
            return None;
        }
        self.given += line.len() + 1;
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    /// Why nothing follows, once that is so.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Receives more; false if nothing came, or never will.
    fn more(&mut self, patience: Duration) -> bool {
        // A timeout of zero would be none.
        let patience = patience.max(Duration::from_millis(1));
        let received =
            self.socket.set_read_timeout(Some(patience)).and_then(|()| receive(&mut self.socket, &mut self.raw));
        match received {
            Ok(0) => self.end = Some(End::Broken),
            Ok(_) => return true,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => self.end = Some(End::Broken),
        }
        false
    }

    /// Takes a chunk apart (RFC 9112, 7.1) if it is all there.
    fn take_chunk(&mut self) -> bool {
        let Some(line) = find(&self.raw, b"\r\n") else { return false };
        let size = std::str::from_utf8(&self.raw[..line]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        match size {
            None => self.end = Some(End::Broken),
            Some(0) => {
                let Some(last) = find(&self.raw, b"\r\n\r\n") else { return false };
                let trailers = String::from_utf8_lossy(&self.raw[line + 2..last.max(line + 2)]).into_owned();
                let told = trailers.lines().filter_map(|trailer| trailer.split_once(": "));
                let told = told.map(|(_, value)| value).collect::<Vec<_>>().join(": ");
                self.end = Some(End::Told(told));
            }
            Some(size) => {
                let (start, end) = (line + 2, line + 2 + size);
                if self.raw.len() < end + 2 {
                    return false;
                }
                self.body.extend_from_slice(&self.raw[start..end]);
                self.raw.drain(..end + 2);
            }
        }
        true
    }
}

fn receive(socket: &mut TcpStream, into: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = [0; 64 << 10];
    let count = socket.read(&mut buffer)?;
    into.extend_from_slice(&buffer[..count]);
    Ok(count)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Percent-encoded (RFC 3986, 2.1).
pub fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() {
            true => encoded.push(char::from(byte)),
            false => write!(encoded, "%{byte:02X}").expect("writing to text does not fail"),
        }
    }
    encoded
}
