//! Records as JSON lines, to a subprocess and back.
//!
//! A batch is a line for each record, and an empty one; so is the answer. Both sides have what serde makes of a struct, and write and read a whole batch at once.

use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use dag_guest::{AlignedBytes, Column, Frame, Value, encode};
use serde::{Deserialize, Serialize};

use crate::operator::Operator;
use crate::records::Batch;

/// A record, in and out.
#[derive(Serialize, Deserialize)]
struct Record {
    time: i64,
    host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    /// Of a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
}

/// This program as the subprocess of another.
pub struct Subprocess {
    child: Child,
    to: BufWriter<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Subprocess {
    /// Starts it for one operator.
    pub fn start(operator: &str) -> Subprocess {
        let mut command = Command::new(std::env::current_exe().expect("a program knows where it lies"));
        command.arg(operator).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let to = BufWriter::with_capacity(64 << 10, child.stdin.take().expect("it is piped"));
        let from = BufReader::with_capacity(64 << 10, child.stdout.take().expect("it is piped"));
        Subprocess { child, to, from }
    }

    /// Gives it a batch, and returns how many records it answered.
    pub fn take(&mut self, batch: &Batch) -> usize {
        for (time, host, value) in &batch.rows {
            let record = Record { time: *time, host: (*host).to_owned(), value: *value, start: None, count: None };
            write_line(&mut self.to, &record);
        }
        end(&mut self.to);
        read(&mut self.from).expect("it answers each batch").len()
    }

    /// The processor time that it has used.
    pub fn processor_time(&self) -> Duration {
        let path = format!("/proc/{}/schedstat", self.child.id());
        let statistics = fs::read_to_string(path).expect("it runs");
        let spent = statistics.split(' ').next().and_then(|spent| spent.parse().ok());
        Duration::from_nanos(spent.expect("proc(5): schedstat begins with nanoseconds"))
    }
}

impl Drop for Subprocess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers batches on standard input until that ends.
pub fn serve(operator: &mut Operator) {
    let (mut input, mut output) = (stdin().lock(), BufWriter::with_capacity(64 << 10, stdout().lock()));
    let mut slots: Vec<String> = Vec::new();
    while let Some(records) = read(&mut input) {
        let last = records.last().map_or(0, |record| record.time);
        let frame = match operator {
            Operator::Aggregate(_) => slots_frame(&records, &mut slots),
            Operator::Transform(_) => frame(&records),
        };
        for frame in operator.take_frame(&frame, last) {
            let bytes = AlignedBytes::copy(&frame);
            let frame = Frame::parse(&bytes).expect("an operator emits frames");
            (0..frame.rows()).for_each(|row| write_line(&mut output, &emitted(&frame, row)));
        }
        end(&mut output);
    }
}

fn frame(records: &[Record]) -> Vec<u8> {
    let times = Column::timestamp(records.iter().map(|record| Some(record.time)));
    let hosts = Column::utf8(records.iter().map(|record| Some(record.host.as_str())));
    let values = Column::float64(records.iter().map(|record| record.value));
    encode(records.len(), &[&times, &hosts, &values].map(Column::view))
}

/// For an aggregate, whose keys the subprocess has to number itself.
fn slots_frame(records: &[Record], known: &mut Vec<String>) -> Vec<u8> {
    let slot = |record: &Record| {
        let slot = known.iter().position(|host| *host == record.host).unwrap_or_else(|| {
            known.push(record.host.clone());
            known.len() - 1
        });
        Some(slot as i64)
    };
    let slots = Column::int64(records.iter().map(slot).collect::<Vec<_>>());
    let times = Column::timestamp(records.iter().map(|record| Some(record.time)));
    let values = Column::float64(records.iter().map(|record| record.value));
    encode(records.len(), &[&slots, &times, &values].map(Column::view))
}

/// A record of an output: time and host, then a value, or start, end and count.
fn emitted(frame: &Frame<'_>, row: usize) -> Record {
    let mut record = Record { time: 0, host: String::new(), value: None, start: None, count: None };
    for (index, column) in frame.columns().iter().enumerate() {
        match (index, column.value(row)) {
            (0, Value::Timestamp(time)) => record.time = time,
            (1, Value::Utf8(host)) => host.clone_into(&mut record.host),
            (2, Value::Float64(value)) => record.value = Some(value),
            (2, Value::Timestamp(start)) => record.start = Some(start),
            (4, Value::Int64(count)) => record.count = Some(count),
            _ => {}
        }
    }
    record
}

fn write_line(to: &mut impl Write, record: &Record) {
    serde_json::to_writer(&mut *to, record).expect("a pipe takes it");
    to.write_all(b"\n").expect("a pipe takes it");
}

fn end(to: &mut impl Write) {
    to.write_all(b"\n").and_then(|()| to.flush()).expect("a pipe takes it");
}

/// A batch; none where the other side has gone.
fn read(from: &mut impl BufRead) -> Option<Vec<Record>> {
    let (mut records, mut line) = (Vec::new(), String::new());
    loop {
        line.clear();
        match from.read_line(&mut line).expect("a pipe can be read") {
            0 => return None,
            1 => return Some(records),
            _ => records.push(serde_json::from_str(&line).expect("a line is a record")),
        }
    }
}
