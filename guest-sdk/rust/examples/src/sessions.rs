//! `sessions_rust`: from when to when a key had records with no more than a gap between one and the next, and how many.
//!
//! A session is emitted once it is over, at the time of its end; until then the operator holds that time.

use std::collections::BTreeMap;

use dag_guest::{About, AlignedBytes, Batch, Cell, Column, ColumnRef, Columns, Duration, Field, Frame, Input, Inputs};
use dag_guest::{Lookback, Opened, Operator, Output, Result, Schema, Timestamp, Transform, Type, Value, append_key};
use dag_guest::{encode, find_column};

/// A running `sessions_rust`.
#[derive(Debug)]
pub struct Sessions {
    gap: i64,
    /// The key columns, by index in the input's schema.
    columns: Vec<usize>,
    types: Vec<Type>,
    /// By when they began: the first has the least number. A number is not used twice.
    sessions: BTreeMap<u64, Session>,
    next: u64,
    /// Each key's latest session.
    latest: BTreeMap<Vec<u8>, u64>,
}

#[derive(Clone, Debug)]
struct Session {
    /// One row of the key's columns, and the same as bytes.
    key: Vec<Column>,
    bytes: Vec<u8>,
    start: i64,
    end: i64,
    count: i64,
}

dag_guest::arguments! {
    /// What `sessions_rust` takes.
    pub struct Arguments {
        /// The longest time between a record and the next of its session.
        positional gap: Duration,
        /// Sessions apart for each value of these columns, which the output begins with.
        named by: Option<Columns>,
    }
}

impl Operator for Sessions {
    const ABOUT: About = About {
        name: "sessions_rust",
        doc: "From when to when there were records with no more than the gap between them, and how many.",
        example: "sessions_rust(clicks, 30s, by=user)",
    };
}

/// The columns behind the key's.
const OWN: [(&str, Type); 3] = [("start", Type::Timestamp), ("end", Type::Timestamp), ("count", Type::Int64)];

impl Transform for Sessions {
    type Arguments = Arguments;
    const KEY: Option<&'static str> = Some("by");

    fn open(Arguments { gap: Duration(gap), by }: Arguments, inputs: &[Input]) -> Result<Opened<Sessions>> {
        if gap <= 0 {
            return Err("gap=0s: it must be more than 0".to_owned());
        }
        let input = &inputs[0].schema;
        let names = by.map_or_else(Vec::new, |by| by.0);
        if let Some(name) = names.iter().find(|name| OWN.iter().any(|(own, _)| own == name)) {
            return Err(format!(
                "by={name}: the output has a column `{name}` of its own; rename the key with map first"
            ));
        }
        let columns: Vec<_> = names.iter().map(|name| find_column(input, name)).collect::<Result<_>>()?;
        let key: Vec<_> = columns.iter().map(|column| input.fields[*column].clone()).collect();
        let types = key.iter().map(|field| field.ty).collect();
        let schema = Schema::new(key.into_iter().chain(OWN.map(|(name, ty)| Field::new(name, ty))).collect());
        let (sessions, latest) = (BTreeMap::new(), BTreeMap::new());
        let running = Sessions { gap, columns, types, sessions, next: 0, latest };
        Ok(Opened::ordered(running, schema, Lookback::Unbounded))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let batch = inputs.first();
        (0..batch.rows()).for_each(|row| self.take(batch, row));
        self.hold(out);
        Ok(())
    }

    fn advance(&mut self, frontier: Option<Timestamp>, out: &mut Output) -> Result {
        let gap = self.gap;
        let is_over = |session: &Session| match (frontier, session.end.checked_add(gap)) {
            (Some(frontier), Some(end)) => end < frontier.0,
            (frontier, _) => frontier.is_none(),
        };
        let mut over: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, session)| is_over(session))
            .map(|(number, session)| (session.end, *number))
            .collect();
        over.sort();
        for (end, number) in over {
            let session = self.sessions.remove(&number).expect("it was there");
            if self.latest.get(&session.bytes) == Some(&number) {
                self.latest.remove(&session.bytes);
            }
            let key = session.key.iter().map(|column| column.view().value(0));
            out.push(
                Timestamp(end),
                key.chain([Value::Timestamp(session.start), Value::Timestamp(end), Value::Int64(session.count)]),
            );
        }
        self.hold(out);
        Ok(())
    }

    fn snapshot(&self) -> Result<Vec<Vec<u8>>> {
        let own = OWN.iter().map(|(_, ty)| *ty);
        let mut columns: Vec<_> = self.types.iter().copied().chain(own).map(Column::empty).collect();
        for session in self.sessions.values() {
            let key = session.key.iter().map(|column| column.view().value(0));
            let own = [Value::Timestamp(session.start), Value::Timestamp(session.end), Value::Int64(session.count)];
            columns.iter_mut().zip(key.chain(own)).for_each(|(column, value)| column.push(value));
        }
        Ok(vec![encode(self.sessions.len(), &columns.iter().map(Column::view).collect::<Vec<_>>())])
    }

    fn restore(&mut self, _version: u32, chunks: &[Vec<u8>]) -> Result {
        for chunk in chunks {
            let bytes = AlignedBytes::copy(chunk);
            let frame = Frame::parse(&bytes).map_err(|error| error.to_string())?;
            let types: Vec<_> = frame.columns().iter().map(ColumnRef::ty).collect();
            let expected: Vec<_> = self.types.iter().copied().chain(OWN.map(|(_, ty)| ty)).collect();
            if types != expected {
                return Err(format!("saved sessions have columns {types:?}, expected {expected:?}"));
            }
            let (key, own) = frame.columns().split_at(self.types.len());
            for row in 0..frame.rows() {
                let time = |column: usize| Timestamp::from_value(own[column].value(row)).map(|time| time.0);
                let count = i64::from_value(own[2].value(row));
                let (Some(start), Some(end), Some(count)) = (time(0), time(1), count) else {
                    return Err("a saved session has nulls".to_owned());
                };
                let (key, bytes) = key_of(key, row);
                self.begin(Session { key, bytes, start, end, count });
            }
        }
        Ok(())
    }
}

impl Sessions {
    /// Takes a record.
    fn take(&mut self, batch: &Batch<'_>, row: usize) {
        let columns: Vec<_> = self.columns.iter().map(|column| batch.column(*column)).collect();
        let (key, bytes) = key_of(&columns, row);
        let time = batch.times()[row];
        let latest = self.latest.get(&bytes).and_then(|number| self.sessions.get_mut(number));
        match latest {
            Some(session) if time.saturating_sub(session.end) <= self.gap => {
                session.end = time;
                session.count += 1;
            }
            _ => self.begin(Session { key, bytes, start: time, end: time, count: 1 }),
        }
    }

    fn begin(&mut self, session: Session) {
        self.latest.insert(session.bytes.clone(), self.next);
        self.sessions.insert(self.next, session);
        self.next += 1;
    }

    /// The earliest time that may still be emitted is the least end of a session that is not over.
    fn hold(&self, out: &mut Output) {
        if let Some(least) = self.sessions.values().map(|session| session.end).min() {
            out.hold(Timestamp(least));
        }
    }
}

/// The key in that row, one row of each column, and as bytes that are equal for equal keys.
fn key_of(columns: &[ColumnRef<'_>], row: usize) -> (Vec<Column>, Vec<u8>) {
    let mut bytes = Vec::new();
    let one = |column: &ColumnRef<'_>| {
        let value = match column.value(row) {
            // Adding zero makes -0 a 0.
            Value::Float64(value) => Value::Float64(if value.is_nan() { f64::NAN } else { value + 0.0 }),
            value => value,
        };
        append_key(&mut bytes, value);
        let mut one = Column::empty(column.ty());
        one.push(value);
        one
    };
    (columns.iter().map(one).collect(), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::harness::{Records, SECOND, check_determinism, run};

    fn clicks() -> Records {
        let empty = Records::new(&[("user", Type::Utf8)]);
        (0..80).fold(empty, |records, i| {
            let user = match i % 7 {
                0 => Value::Null,
                user => Value::Utf8(["", "ann", "bob"][user as usize % 3]),
            };
            records.with((i * i % 50 + i * 3) * SECOND, &[user])
        })
    }

    #[test]
    fn a_session_ends_where_the_gap_is_longer() {
        let empty = Records::new(&[("user", Type::Utf8)]);
        let clicks =
            [0, 10, 20, 31].iter().fold(empty, |records, second| records.with(second * SECOND, &[Value::Utf8("ann")]));
        let sessions = run::<Sessions>(&[("gap", "10s"), ("by", "user")], &[clicks]).unwrap();
        assert_eq!(sessions.times(), [20 * SECOND, 31 * SECOND]);
        assert_eq!(sessions.values::<i64>("count"), [3, 1]);
        assert_eq!(sessions.values::<Timestamp>("start"), [Timestamp(0), Timestamp(31 * SECOND)]);
    }

    #[test]
    fn however_it_is_cut_it_is_the_same() {
        check_determinism::<Sessions>(&[("gap", "5s"), ("by", "user")], &[clicks()]);
        check_determinism::<Sessions>(&[("gap", "5s")], &[clicks()]);
    }
}
