//! Aggregates that count records, until one has the value 13: then each misbehaves in its way. Below the SDK's own traits, which keep
//! their users from most of this.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::hint::black_box;

use dag_guest::wasm::aggregate::dag::operator::types;
use dag_guest::wasm::aggregate::exports::dag::operator::aggregating::{Binding, Guest};
use dag_guest::{AlignedBytes, Column, Frame, encode};

/// What its operators are called.
const WAYS: &[&str] =
    &["fold_traps", "fold_loops", "fold_hoards", "finish_loops", "finish_too_few", "finish_other_type", "binds_never", "binds_to_nothing"];

thread_local! {
    static WAY: Cell<&'static str> = const { Cell::new("") };
    /// Whether the 13 has come.
    static STRUCK: Cell<bool> = const { Cell::new(false) };
    static COUNTS: RefCell<BTreeMap<i64, i64>> = const { RefCell::new(BTreeMap::new()) };
}

struct Component;

dag_guest::wasm::aggregate::export_aggregate!(Component with_types_in dag_guest::wasm::aggregate);

impl Guest for Component {
    fn describe() -> types::Description {
        description("hostile-aggregates", WAYS.iter().map(|way| signature(way, 1)))
    }

    fn bind(operator: String, _: Vec<types::Argument>, _: types::Schema) -> Result<Binding, String> {
        let way = WAYS.iter().find(|way| **way == operator).expect("it was described");
        WAY.set(way);
        let column = match *way {
            "binds_never" => loops(),
            "binds_to_nothing" => 99,
            _ => 0,
        };
        Ok(Binding { result: types::ColumnType::Int64, columns: vec![column], lookback: types::Lookback::None })
    }

    fn update(frame: Vec<u8>) -> Result<(), String> {
        read(&frame, |columns| {
            strike(columns);
            add(columns[0].as_i64().expect("slots"), std::iter::repeat(&1));
        });
        Ok(())
    }

    fn combine(frame: Vec<u8>) -> Result<(), String> {
        read(&frame, |columns| {
            let (into, from) = (columns[0].as_i64().expect("slots"), columns[1].as_i64().expect("slots"));
            let counts: Vec<i64> = from.iter().map(|slot| count(*slot)).collect();
            add(into, &counts);
        });
        Ok(())
    }

    fn state(frame: Vec<u8>) -> Result<Vec<u8>, String> {
        Ok(read(&frame, |columns| counts(columns[0].as_i64().expect("slots"))))
    }

    fn merge(frame: Vec<u8>) -> Result<(), String> {
        read(&frame, |columns| add(columns[0].as_i64().expect("slots"), columns[1].as_i64().expect("counts")));
        Ok(())
    }

    fn scan(frame: Vec<u8>) -> Result<Vec<u8>, String> {
        Ok(read(&frame, |columns| {
            strike(columns);
            let after = columns[0].as_i64().expect("slots").iter().map(|slot| {
                add(&[*slot], &[1]);
                Some(count(*slot))
            });
            let after: Vec<_> = after.collect();
            encode(after.len(), &[Column::int64(after).view()])
        }))
    }

    fn finish(frame: Vec<u8>) -> Result<Vec<u8>, String> {
        Ok(read(&frame, |columns| {
            let slots = columns[0].as_i64().expect("slots");
            match WAY.get() {
                "finish_loops" if STRUCK.get() => loops(),
                "finish_too_few" if STRUCK.get() => counts(&[]),
                "finish_other_type" if STRUCK.get() => {
                    encode(slots.len(), &[Column::float64(slots.iter().map(|_| Some(1.0))).view()])
                }
                _ => counts(slots),
            }
        }))
    }

    fn clear(frame: Vec<u8>) -> Result<(), String> {
        read(&frame, |columns| {
            let slots = columns[0].as_i64().expect("slots");
            COUNTS.with_borrow_mut(|counts| counts.retain(|slot, _| !slots.contains(slot)));
        });
        Ok(())
    }
}

fn read<T>(frame: &[u8], read: impl FnOnce(&[dag_guest::ColumnRef<'_>]) -> T) -> T {
    let frame = AlignedBytes::copy(frame);
    read(&Frame::parse(&frame).expect("the host writes frames").into_columns())
}

/// Misbehaves if there is a 13 among the values, where that is the way.
fn strike(columns: &[dag_guest::ColumnRef<'_>]) {
    if columns[2].as_f64().is_some_and(|values| values.contains(&13.0)) {
        STRUCK.set(true);
        match WAY.get() {
            "fold_traps" => core::arch::wasm32::unreachable(),
            "fold_loops" => loops(),
            "fold_hoards" => hoards(),
            _ => {}
        }
    }
}

fn count(slot: i64) -> i64 {
    COUNTS.with_borrow(|counts| counts.get(&slot).copied().unwrap_or(0))
}

fn counts(slots: &[i64]) -> Vec<u8> {
    encode(slots.len(), &[Column::int64(slots.iter().map(|slot| Some(count(*slot)))).view()])
}

fn add<'a>(slots: &[i64], counted: impl IntoIterator<Item = &'a i64>) {
    COUNTS.with_borrow_mut(|counts| {
        slots.iter().zip(counted).for_each(|(slot, counted)| *counts.entry(*slot).or_default() += counted);
    });
}
