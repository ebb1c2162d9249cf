//! What goes between a node and the process that builds a component for it. Numbers are little-endian. Both are of one binary, so there is
//! one version.
//!
//! ```text
//! request, on standard input          answer, on standard output
//!
//!  0  8  `dagbuild`                    0  8  `dagbuilt`, `dagrefus`: built, or refused
//!  8  4  the node's process id         8  8  length d
//! 12  8  bytes of data at most        16  d  the description as JSON, or why it is refused
//! 20  8  seconds of processor time        8  length b (built only, from here on)
//! 28  8  bytes of memory of a guest       b  the component's bytes; none if those that were sent
//! 36  8  nanoseconds of a call            8  length c
//! 44  8  bytes that a call returns        c  the compiled code
//! 52  8  length n
//! 60  n  the bytes to build
//! ```

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::build::{self, Built};
use crate::description::Description;
use crate::limits::Limits;
use crate::load::COMPONENT_BYTES;

const REQUEST: &[u8; 8] = b"dagbuild";
const BUILT: &[u8; 8] = b"dagbuilt";
const REFUSED: &[u8; 8] = b"dagrefus";

/// Bytes of a description as JSON: four times what a guest may return as one.
const DESCRIPTION: u64 = 4 << 20;
/// Bytes of compiled code: that of CPython has 90 MB.
const CODE: u64 = 512 << 20;

/// What to build, and within which limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The process that waits for the answer.
    pub parent: u32,
    /// Bytes of memory that may be written.
    pub data: u64,
    /// Processor time.
    pub cpu: Duration,
    /// What the component may use to say what it is.
    pub limits: Limits,
}

impl Request {
    /// Writes the request and the bytes to build.
    pub fn write(&self, bytes: &[u8], to: &mut impl Write) -> io::Result<()> {
        let mut head = REQUEST.to_vec();
        head.extend_from_slice(&self.parent.to_le_bytes());
        let call = u64::try_from(self.limits.call.as_nanos()).unwrap_or(u64::MAX);
        let length = bytes.len() as u64;
        for number in [self.data, self.cpu.as_secs(), self.limits.memory, call, self.limits.output, length] {
            head.extend_from_slice(&number.to_le_bytes());
        }
        to.write_all(&head)?;
        to.write_all(bytes)
    }

    /// Reads a request; the second number is how many bytes follow.
    pub fn read(from: &mut impl Read) -> io::Result<(Request, usize)> {
        expect(from, REQUEST)?;
        let mut parent = [0; 4];
        from.read_exact(&mut parent)?;
        let [data, cpu, memory, call, output] =
            [number(from)?, number(from)?, number(from)?, number(from)?, number(from)?];
        let limits = Limits { memory, call: Duration::from_nanos(call), output };
        let request = Request { parent: u32::from_le_bytes(parent), data, cpu: Duration::from_secs(cpu), limits };
        Ok((request, length(from, COMPONENT_BYTES as u64)?))
    }
}

/// Writes what came of building `sent`.
pub fn write_answer(answer: &Result<Built, String>, sent: &[u8], to: &mut impl Write) -> io::Result<()> {
    match answer {
        Ok(built) => {
            to.write_all(BUILT)?;
            let description = serde_json::to_vec(&built.description)?;
            let same = built.bytes == sent;
            write_part(&description, to)?;
            write_part(if same { &[] } else { &built.bytes }, to)?;
            write_part(&built.code, to)?;
        }
        Err(why) => {
            to.write_all(REFUSED)?;
            write_part(why.as_bytes(), to)?;
        }
    }
    to.flush()
}

/// Reads what came of building `sent`, and takes nothing of it on trust that can be checked.
pub fn read_answer(sent: &[u8], from: &mut impl Read) -> io::Result<Result<Built, String>> {
    let mut magic = [0; 8];
    from.read_exact(&mut magic)?;
    if magic == *REFUSED {
        let why = read_part(from, DESCRIPTION)?;
        return Ok(Err(crate::words::fit(String::from_utf8_lossy(&why).into_owned())));
    }
    if magic != *BUILT {
        return Err(malformed("it begins with neither"));
    }
    let description: Description = serde_json::from_slice(&read_part(from, DESCRIPTION)?)?;
    description.check().map_err(io::Error::other)?;
    let made = read_part(from, COMPONENT_BYTES as u64)?;
    let code = read_part(from, CODE)?;
    let bytes = if made.is_empty() { sent.to_vec() } else { made };
    Ok(Ok(Built { digest: build::digest(&bytes), bytes, code, description }))
}

fn write_part(bytes: &[u8], to: &mut impl Write) -> io::Result<()> {
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(bytes)
}

fn read_part(from: &mut impl Read, most: u64) -> io::Result<Vec<u8>> {
    let length = length(from, most)?;
    let mut part = Vec::new();
    // Not allocated before it comes.
    from.take(length as u64).read_to_end(&mut part)?;
    if part.len() < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(part) }
}

fn expect(from: &mut impl Read, magic: &[u8; 8]) -> io::Result<()> {
    let mut found = [0; 8];
    from.read_exact(&mut found)?;
    if found == *magic { Ok(()) } else { Err(malformed("it does not begin as one")) }
}

fn number(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn length(from: &mut impl Read, most: u64) -> io::Result<usize> {
    let length = number(from)?;
    if length > most {
        return Err(malformed(&format!("a part has {length} bytes; the limit is {most}")));
    }
    usize::try_from(length).map_err(|_| malformed("a part does not fit into memory"))
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built() -> Built {
        let json = r#"{"name": "test", "version": "1.2.3", "signatures": [{"component": "test", "name": "probe", "kind": "aggregate",
            "doc": "", "example": "", "min-inputs": 1, "max-inputs": 1, "parameters": [], "key": null, "state-written": 1, "state-read": [1]}]}"#;
        let bytes = b"\0asm".to_vec();
        Built {
            digest: build::digest(&bytes),
            bytes,
            code: vec![7; 100],
            description: serde_json::from_str(json).unwrap(),
        }
    }

    #[test]
    fn a_request_and_an_answer_arrive_as_they_were_sent() {
        let limits = Limits { memory: 1, call: Duration::from_nanos(2), output: 3 };
        let request = Request { parent: 4, data: 5, cpu: Duration::from_secs(6), limits };
        let mut sent = Vec::new();
        request.write(b"bytes", &mut sent).unwrap();
        let mut from = sent.as_slice();
        assert_eq!(Request::read(&mut from).unwrap(), (request, 5));
        assert_eq!(from, b"bytes");

        for sent in [b"\0asm".as_slice(), b"another"] {
            for answer in [Ok(built()), Err("no".to_owned())] {
                let mut written = Vec::new();
                write_answer(&answer, sent, &mut written).unwrap();
                assert_eq!(read_answer(sent, &mut written.as_slice()).unwrap(), answer);
                for cut in 0..written.len() {
                    assert!(read_answer(sent, &mut &written[..cut]).is_err(), "cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn what_is_longer_than_it_may_be_or_does_not_hold_together_is_not_taken() {
        let mut written = BUILT.to_vec();
        written.extend_from_slice(&u64::MAX.to_le_bytes());
        assert!(read_answer(b"", &mut written.as_slice()).unwrap_err().to_string().contains("the limit is"));
        let mut built = built();
        built.description.name = "no name".to_owned();
        let mut written = Vec::new();
        write_answer(&Ok(built), b"", &mut written).unwrap();
        assert!(read_answer(b"", &mut written.as_slice()).unwrap_err().to_string().contains("`no name`"));
    }
}
