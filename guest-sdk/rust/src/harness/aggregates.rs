//! Aggregates in tests.

use super::chance::{Chance, restart};
use super::{Records, WAYS, owned};
use crate::component::{AggregateEntry, AggregateInstance, Binding};
use crate::{Aggregate, AlignedBytes, Column, Data, Frame, Result, Type, encode};

/// What an aggregate makes of these records in one window: a column of one result, null where there is none.
///
/// # Errors
/// What the operator refuses.
pub fn fold<A: Aggregate>(arguments: &[(&str, &str)], records: &Records) -> Result<Column> {
    let mut run = Run::bind::<A>(arguments, records)?;
    run.update(0..records.rows(), &vec![0; records.rows()])?;
    run.finish(&[0])
}

/// What an aggregate makes of these records in a running window: the result after each.
///
/// # Errors
/// What the operator refuses.
pub fn scan<A: Aggregate>(arguments: &[(&str, &str)], records: &Records) -> Result<Column> {
    let mut run = Run::bind::<A>(arguments, records)?;
    run.scan(0..records.rows(), &vec![0; records.rows()])
}

/// Checks what every aggregate promises, over random slots: other batches give the same; a running result's last is the
/// window's; a state that was saved and merged into an empty slot goes on as if nothing had been; combining two slots gives
/// what their values would have given one after the other (doubles within 1e-9); a cleared slot is empty.
///
/// # Panics
/// If it does not hold, or the operator fails.
pub fn check_fold<A: Aggregate>(arguments: &[(&str, &str)], records: &Records) {
    for way in 0..WAYS {
        let checked = one_way::<A>(arguments, records, &mut Chance(way));
        checked.unwrap_or_else(|error| panic!("{}, way {way}: {error}", A::ABOUT.name));
    }
}

/// One random way to spread the records over slots and to cut them.
fn one_way<A: Aggregate>(arguments: &[(&str, &str)], records: &Records, chance: &mut Chance) -> Result {
    let count = 1 + chance.below(4);
    let slots: Vec<_> = (0..records.rows()).map(|_| chance.below(count) as i64).collect();
    let every: Vec<_> = (0..count as i64).collect();
    let name = A::ABOUT.name;

    let mut whole = Run::bind::<A>(arguments, records)?;
    whole.update(0..records.rows(), &slots)?;
    let expected = whole.finish(&every)?;

    let mut cut = Run::bind::<A>(arguments, records)?;
    for rows in chance.cuts(records.rows()) {
        cut.update(rows.clone(), &slots[rows])?;
        if chance.once_in(3) {
            let mut restored = Run::bind::<A>(arguments, records)?;
            restored.merge(&every, &cut.state(&every)?)?;
            cut = restored;
        }
    }
    assert_eq!(cut.finish(&every)?, expected, "{name} in other batches, from a saved state");

    let mut running = Run::bind::<A>(arguments, records)?;
    let mut last = vec![Column::nulls(expected.ty(), 1); count];
    for rows in chance.cuts(records.rows()) {
        let results = running.scan(rows.clone(), &slots[rows.clone()])?;
        for (slot, row) in slots[rows].iter().zip(0..) {
            last[*slot as usize] = results.view().take(&[row]);
        }
    }
    let last = Column::concat(expected.ty(), &last.iter().map(Column::view).collect::<Vec<_>>());
    assert_eq!(last, expected, "{name} running");

    let half = chance.below(records.rows() + 1);
    let later = |rows: std::ops::Range<usize>| rows.map(|row| slots[row] + if row < half { 0 } else { count as i64 });
    let mut halves = Run::bind::<A>(arguments, records)?;
    halves.update(0..records.rows(), &later(0..records.rows()).collect::<Vec<_>>())?;
    let froms: Vec<_> = every.iter().map(|slot| slot + count as i64).collect();
    let untouched = halves.finish(&froms)?;
    halves.combine(&every, &froms)?;
    assert_near(&halves.finish(&every)?, &expected, name);
    assert_eq!(halves.finish(&froms)?, untouched, "{name} leaves what it combines from");

    halves.clear(&every)?;
    let empty = Run::bind::<A>(arguments, records)?.finish(&every)?;
    assert_eq!(halves.finish(&every)?, empty, "{name} after clear");
    Ok(())
}

/// Asserts that two columns of results are equal, doubles nearly.
fn assert_near(found: &Column, expected: &Column, name: &str) {
    match (&found.data, &expected.data) {
        (Data::Float64(found_values), Data::Float64(expected_values)) => {
            assert_eq!(found.validity, expected.validity, "{name} combined");
            for (a, b) in found_values.iter().zip(expected_values) {
                let near =
                    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0);
                assert!(near, "{name} combined: {a} is not near {b}");
            }
        }
        _ => assert_eq!(found, expected, "{name} combined"),
    }
}

/// A bound aggregate at work on some records.
struct Run<'a> {
    records: &'a Records,
    instance: AggregateInstance,
    binding: Binding,
}

impl<'a> Run<'a> {
    fn bind<A: Aggregate>(arguments: &[(&str, &str)], records: &'a Records) -> Result<Run<'a>> {
        restart();
        let entries = [AggregateEntry::new::<A>()];
        let (instance, binding) =
            AggregateInstance::bind(&entries, A::ABOUT.name, &owned(arguments), records.schema())?;
        Ok(Run { records, instance, binding })
    }

    fn update(&mut self, rows: std::ops::Range<usize>, slots: &[i64]) -> Result {
        let frame = self.frame(rows, slots);
        self.instance.update(&frame)
    }

    fn scan(&mut self, rows: std::ops::Range<usize>, slots: &[i64]) -> Result<Column> {
        let frame = self.frame(rows, slots);
        let results = self.instance.scan(&frame)?;
        Ok(one_column(&results, self.binding.result, slots.len()))
    }

    fn finish(&self, slots: &[i64]) -> Result<Column> {
        let results = self.instance.finish(&slots_frame(&[slots]))?;
        Ok(one_column(&results, self.binding.result, slots.len()))
    }

    fn combine(&mut self, into: &[i64], from: &[i64]) -> Result {
        self.instance.combine(&slots_frame(&[into, from]))
    }

    fn clear(&mut self, slots: &[i64]) -> Result {
        self.instance.clear(&slots_frame(&[slots]))
    }

    /// The states' columns.
    fn state(&self, slots: &[i64]) -> Result<Vec<Column>> {
        let bytes = AlignedBytes::copy(&self.instance.state(&slots_frame(&[slots]))?);
        let frame = Frame::parse(&bytes).map_err(|error| error.to_string())?;
        assert_eq!(frame.rows(), slots.len(), "one row of state per slot");
        Ok(frame.columns().iter().map(|column| column.to_column()).collect())
    }

    fn merge(&mut self, slots: &[i64], states: &[Column]) -> Result {
        let slot = Column::int64(slots.iter().copied().map(Some));
        let views: Vec<_> = std::iter::once(&slot).chain(states).map(Column::view).collect();
        self.instance.merge(&encode(slots.len(), &views))
    }

    /// Rows of the bound columns, behind their slots and times.
    fn frame(&self, rows: std::ops::Range<usize>, slots: &[i64]) -> Vec<u8> {
        let rows: Vec<_> = rows.map(|row| row as u32).collect();
        let bound = self.binding.columns.iter().map(|column| *column as usize + 1);
        let taken = std::iter::once(0).chain(bound).map(|column| self.records.columns()[column].view().take(&rows));
        let columns: Vec<_> = std::iter::once(Column::int64(slots.iter().copied().map(Some))).chain(taken).collect();
        encode(rows.len(), &columns.iter().map(Column::view).collect::<Vec<_>>())
    }
}

/// A frame of columns of slots.
fn slots_frame(slots: &[&[i64]]) -> Vec<u8> {
    let columns: Vec<_> = slots.iter().map(|slots| Column::int64(slots.iter().copied().map(Some))).collect();
    encode(slots[0].len(), &columns.iter().map(Column::view).collect::<Vec<_>>())
}

/// The one column of a frame.
fn one_column(frame: &[u8], ty: Type, rows: usize) -> Column {
    let bytes = AlignedBytes::copy(frame);
    let frame = Frame::parse(&bytes).expect("results are a frame");
    let [column] = frame.columns() else { panic!("results are one column") };
    assert_eq!((column.ty(), column.len), (ty, rows), "the results' type and number");
    column.to_column()
}
