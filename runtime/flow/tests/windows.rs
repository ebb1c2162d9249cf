//! Laws of hopping windows, over folds that write down how they have associated what they were given.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use dag_flow::ComputeError;
use dag_flow::output::Shape;
use dag_flow::window::fold::Fold;
use dag_flow::window::hopping::Hopping;
use dag_flow::window::keys::Keys;
use dag_flow::window::{Open, Rows, Windows};
use dag_model::{Field, Frontier, Hops, Schema, Timestamp, Type, Windowing, arrow_schema, times};
use proptest::prelude::*;

/// A fold whose state is the text of what it has done: `1 2` for one value after another, parentheses around what was combined.
#[derive(Default)]
struct Scribe {
    slots: BTreeMap<i64, String>,
    /// How many pairs have been combined, and in how many calls.
    pairs: usize,
    /// The most pairs and results of one call.
    greatest: usize,
}

impl Scribe {
    fn texts(&self, slots: &[i64]) -> ArrayRef {
        Arc::new(StringArray::from_iter(slots.iter().map(|slot| self.slots.get(slot))))
    }
}

impl Fold for Scribe {
    fn update(&mut self, slots: &[i64], _: &[i64], columns: &[ArrayRef]) -> Result<(), ComputeError> {
        for (slot, value) in slots.iter().zip(columns[0].as_primitive::<Int64Type>().values()) {
            let state = self.slots.entry(*slot).or_default();
            if !state.is_empty() {
                state.push(' ');
            }
            state.push_str(&value.to_string());
        }
        Ok(())
    }

    fn combine(&mut self, into: &[i64], from: &[i64]) -> Result<(), ComputeError> {
        self.pairs += into.len();
        self.greatest = self.greatest.max(into.len());
        for (into, from) in into.iter().zip(from) {
            let from = self.slots[from].clone();
            let combined = match self.slots.get(into) {
                Some(before) => format!("({before}+{from})"),
                None => from,
            };
            self.slots.insert(*into, combined);
        }
        Ok(())
    }

    fn scan(&mut self, slots: &[i64], times: &[i64], columns: &[ArrayRef]) -> Result<ArrayRef, ComputeError> {
        self.update(slots, times, columns)?;
        Ok(self.texts(slots))
    }

    fn finish(&mut self, slots: &[i64]) -> Result<ArrayRef, ComputeError> {
        self.greatest = self.greatest.max(slots.len());
        assert!(slots.iter().all(|slot| self.slots.contains_key(slot)), "results are of slots that hold something");
        Ok(self.texts(slots))
    }

    fn clear(&mut self, slots: &[i64]) -> Result<(), ComputeError> {
        slots.iter().for_each(|slot| assert!(self.slots.remove(slot).is_some(), "slot {slot} held nothing"));
        Ok(())
    }

    fn state(&mut self, _: &[i64]) -> Result<Vec<u8>, ComputeError> {
        unreachable!("states are moved by hand here")
    }

    fn merge(&mut self, slots: &[i64], states: &[ArrayRef]) -> Result<(), ComputeError> {
        for (slot, state) in slots.iter().zip(states[0].as_string::<i32>()) {
            self.slots.insert(*slot, state.expect("states are texts").to_owned());
        }
        Ok(())
    }

    fn most(&self) -> usize {
        7
    }
}

/// A record: time, key, value.
type Record = (i64, i64, i64);

/// A result: time, key, how it was made.
type Shown = (i64, i64, String);

/// Hopping windows on one worker, without anything around them.
struct Bench {
    windows: Hopping,
    keys: Keys,
    fold: Scribe,
    hops: Hops,
    windowing: Windowing,
    from: i64,
}

impl Bench {
    fn new(hops: Hops, windowing: Windowing, from: i64) -> Bench {
        let fields = vec![Field::new("key", Type::Int64), Field::new("value", Type::Utf8)];
        let shape = Shape::new(arrow_schema(&Schema::new(fields)));
        Bench {
            windows: Hopping::new(hops, windowing, Timestamp(from), shape),
            keys: Keys::new(&[DataType::Int64]).unwrap(),
            fold: Scribe::default(),
            hops,
            windowing,
            from,
        }
    }

    fn insert(&mut self, records: &[Record]) -> Result<(), ComputeError> {
        let column =
            |of: fn(&Record) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(records.iter().map(of))) };
        let keys = self.keys.intern(&[column(|record| record.1)], records.len())?;
        let times: Vec<i64> = records.iter().map(|record| record.0).collect();
        let rows = Rows { times: &times, keys: &keys, columns: &[column(|record| record.2)] };
        let results = self.windows.insert(rows, &mut self.keys, &mut self.fold)?;
        assert!(results.is_none());
        self.keys.sweep(&keys);
        Ok(())
    }

    fn step(&mut self, frontier: Frontier) -> (Option<RecordBatch>, bool) {
        let step = self.windows.close(frontier, &mut self.keys, &mut self.fold).unwrap();
        if let Some(batch) = &step.results {
            assert!(batch.num_rows() <= self.fold.most(), "a step is bounded");
        }
        (step.results, step.more)
    }

    /// All results up to a frontier. What was promised before each step holds.
    fn close(&mut self, frontier: Frontier) -> Vec<Shown> {
        let mut shown = Vec::new();
        loop {
            let promise = self.windows.hold(frontier);
            let (results, more) = self.step(frontier);
            let first = shown.len();
            if let Some(batch) = results {
                let (keys, values) = (batch.column(1).as_primitive::<Int64Type>(), batch.column(2).as_string::<i32>());
                let row = |row: usize| (times(&batch)[row], keys.value(row), values.value(row).to_owned());
                shown.extend((0..batch.num_rows()).map(row));
            }
            assert!(
                shown[first..].iter().all(|(time, ..)| !promise.passed(Timestamp(*time))),
                "{promise} was promised"
            );
            if !more {
                break;
            }
        }
        assert_eq!(self.windows.hold(frontier), self.hops.frontier(frontier));
        shown.sort();
        shown
    }

    /// As a snapshot at that frontier has it, on workers of which each has some of the keys.
    fn split(self, frontier: Frontier, workers: usize) -> Vec<Bench> {
        let open = self.windows.open();
        let numbers: Vec<u32> = open.iter().map(|open| open.key).collect();
        let keys = self.keys.columns(&numbers).unwrap();
        let keys = keys[0].as_primitive::<Int64Type>();
        let restored = |worker: usize| {
            let mut bench = Bench::new(self.hops, self.windowing, self.from);
            let mine: Vec<usize> =
                (0..open.len()).filter(|row| keys.value(*row).rem_euclid(workers as i64) == worker as i64).collect();
            let column: ArrayRef = Arc::new(Int64Array::from_iter_values(mine.iter().map(|row| keys.value(*row))));
            let numbers = bench.keys.intern(&[column], mine.len()).unwrap();
            let spans: Vec<(u32, i64, i64)> =
                mine.iter().zip(&numbers).map(|(row, key)| (*key, open[*row].start, open[*row].last)).collect();
            let slots = bench.windows.reopen(&spans, frontier, &mut bench.keys);
            let states = mine.iter().map(|row| self.fold.slots.get(&open[*row].slot));
            bench.fold.merge(&slots, &[Arc::new(StringArray::from_iter(states))]).unwrap();
            bench
        };
        (0..workers).map(restored).collect()
    }
}

/// By the definition: of each window, each key's records as version 1 or 2 associates them.
fn by_definition(records: &[Record], hops: Hops, windowing: Windowing, from: i64) -> Vec<Shown> {
    let width = i128::from(hops.pane());
    let shift = i128::from(hops.offset).rem_euclid(width);
    // By (key, pane): values one after another.
    let mut panes: BTreeMap<(i64, i128), String> = BTreeMap::new();
    let mut starts: BTreeMap<(i128, i64), ()> = BTreeMap::new();
    for (time, key, value) in records.iter().filter(|record| record.0 >= from) {
        let pane = (i128::from(*time) - shift).div_euclid(width);
        let state = panes.entry((*key, pane)).or_default();
        *state = if state.is_empty() { value.to_string() } else { format!("{state} {value}") };
        let (every, offset) = (i128::from(hops.every), i128::from(hops.offset));
        let mut start = (i128::from(*time) - offset).div_euclid(every) * every + offset;
        while start + i128::from(hops.size) > i128::from(*time) {
            starts.insert((start, *key), ());
            start -= every;
        }
    }
    let mut shown = Vec::new();
    for (start, key) in starts.into_keys().filter(|(start, _)| *start >= i128::from(from)) {
        let (first, last) = ((start - shift) / width, (start - shift) / width + i128::from(hops.size) / width);
        let mine: BTreeMap<i128, &String> =
            panes.range((key, first)..(key, last)).map(|((_, pane), state)| (*pane, state)).collect();
        let parts: Vec<String> = match windowing {
            Windowing::One => mine.values().map(|state| (*state).clone()).collect(),
            Windowing::Two => {
                let (mut at, mut parts) = (first, Vec::new());
                while at < last {
                    let fits = |level: &u32| at.rem_euclid(1 << level) == 0 && at + (1 << level) <= last;
                    let level = (0..70).rev().find(fits).unwrap();
                    parts.extend(block(&mine, at, level));
                    at += 1 << level;
                }
                parts
            }
        };
        let all =
            parts.into_iter().reduce(|before, after| format!("({before}+{after})")).expect("a window has records");
        shown.push((i64::try_from(start).unwrap(), key, all));
    }
    shown.sort();
    shown
}

fn block(panes: &BTreeMap<i128, &String>, first: i128, level: u32) -> Option<String> {
    let mut inside = panes.range(first..first + (1 << level)).map(|(_, state)| (*state).clone());
    let (one, another) = (inside.next()?, inside.next());
    if another.is_none() {
        return Some(one);
    }
    let (before, after) = (block(panes, first, level - 1), block(panes, first + (1 << (level - 1)), level - 1));
    match (before, after) {
        (Some(before), Some(after)) => Some(format!("({before}+{after})")),
        (one, other) => one.or(other),
    }
}

fn hops() -> impl Strategy<Value = Hops> {
    (1..40i64, 1..40i64, 0..40i64)
        .prop_map(|(size, every, offset)| (size, every.min(size), offset))
        .prop_map(|(size, every, offset)| Hops { size, every, offset: offset % every })
}

fn windowing() -> impl Strategy<Value = Windowing> {
    prop_oneof![Just(Windowing::One), Just(Windowing::Two)]
}

/// Records in log order, and up to where the log's frontier has got behind each.
fn log() -> impl Strategy<Value = Vec<(Record, i64)>> {
    prop::collection::vec((0..15i64, 0..20i64, 0..3i64), 1..60).prop_map(|steps| {
        let (mut frontier, mut log) = (-100, Vec::new());
        for (number, (forward, ahead, key)) in steps.into_iter().enumerate() {
            log.push(((frontier + ahead, key, number as i64), frontier + forward / 3));
            frontier += forward / 3;
        }
        log
    })
}

proptest! {
    #[test]
    fn a_windows_result_is_a_function_of_its_records_alone(
        hops in hops(),
        windowing in windowing(),
        log in log(),
        start in prop_oneof![Just(i64::MIN), -120..-80i64],
        cuts in prop::collection::vec(0..60usize, 0..6),
        restarts in prop::collection::vec((0..60usize, 1..4usize), 0..3),
    ) {
        // A computation begins with the start of a window, or with the stream.
        let from = hops.start_after(Timestamp(start)).0;
        let mut benches = vec![Bench::new(hops, windowing, from)];
        let (mut batch, mut shown) = (Vec::new(), Vec::new());
        let mut frontier = Frontier::START;
        for (number, (record, reached)) in log.iter().enumerate() {
            batch.push(*record);
            let restart = restarts.iter().find(|(at, _)| *at == number);
            if cuts.contains(&number) || restart.is_some() {
                let workers = benches.len() as i64;
                for (worker, bench) in benches.iter_mut().enumerate() {
                    let mine: Vec<Record> =
                        batch.iter().copied().filter(|record| record.1.rem_euclid(workers) == worker as i64).collect();
                    bench.insert(&mine).unwrap();
                }
                batch.clear();
                frontier = Frontier::At(Timestamp(*reached));
                shown.extend(benches.iter_mut().flat_map(|bench| bench.close(frontier)));
            }
            if let Some((_, workers)) = restart {
                // A snapshot holds the keys of all workers: they are put together by restoring each of them.
                let parts = std::mem::take(&mut benches);
                let whole = join(parts, frontier);
                benches = whole.split(frontier, *workers);
            }
        }
        let workers = benches.len() as i64;
        for (worker, bench) in benches.iter_mut().enumerate() {
            let mine: Vec<Record> =
                batch.iter().copied().filter(|record| record.1.rem_euclid(workers) == worker as i64).collect();
            bench.insert(&mine).unwrap();
            shown.extend(bench.close(Frontier::Empty));
        }
        shown.sort();
        let records: Vec<Record> = log.iter().map(|(record, _)| *record).collect();
        prop_assert_eq!(shown, by_definition(&records, hops, windowing, from));
        for bench in &benches {
            prop_assert!(bench.fold.slots.is_empty(), "nothing is left: {:?}", bench.fold.slots);
        }
    }
}

/// The windows of all workers on one.
fn join(parts: Vec<Bench>, frontier: Frontier) -> Bench {
    let mut whole = Bench::new(parts[0].hops, parts[0].windowing, parts[0].from);
    for part in parts {
        let open: Vec<Open> = part.windows.open();
        let numbers: Vec<u32> = open.iter().map(|open| open.key).collect();
        let keys = part.keys.columns(&numbers).unwrap();
        let numbers = whole.keys.intern(&keys, open.len()).unwrap();
        let spans: Vec<_> = open.iter().zip(&numbers).map(|(open, key)| (*key, open.start, open.last)).collect();
        let slots = whole.windows.reopen(&spans, frontier, &mut whole.keys);
        let states = open.iter().map(|open| part.fold.slots.get(&open.slot));
        whole.fold.merge(&slots, &[Arc::new(StringArray::from_iter(states))]).unwrap();
    }
    whole
}

#[test]
fn overlapping_windows_take_few_merges_and_no_call_takes_many() {
    const RECORDS: i64 = 20_000;
    let mut bench = Bench::new(Hops { size: 1_000, every: 1, offset: 0 }, Windowing::Two, 0);
    let (mut shown, mut pairs) = (0, 0);
    for time in 0..RECORDS {
        bench.insert(&[(time, 0, 1)]).unwrap();
        // The text of a window would grow with it.
        bench.fold.slots.values_mut().for_each(|state| state.truncate(1));
        shown += bench.close(Frontier::At(Timestamp(time + 1))).len();
        pairs += std::mem::take(&mut bench.fold.pairs);
    }
    assert_eq!(shown as i64, RECORDS - 999);
    // Each pane takes part in one merge of blocks, and each window in one for each of its blocks: two of each size at most.
    assert!(pairs < RECORDS as usize * (2 + 2 * 10), "{pairs} pairs");
}

#[test]
fn a_window_of_many_panes_is_merged_in_steps() {
    for windowing in [Windowing::One, Windowing::Two] {
        const PANES: i64 = 100_000;
        let mut bench = Bench::new(Hops { size: PANES, every: 1, offset: 0 }, windowing, 0);
        let records: Vec<Record> = (0..PANES).map(|time| (time, 0, 1)).collect();
        bench.insert(&records).unwrap();
        let mut steps = 0;
        loop {
            // The text of a window would grow with it.
            bench.fold.slots.values_mut().for_each(|state| state.truncate(1));
            steps += 1;
            if !bench.step(Frontier::At(Timestamp(PANES))).1 {
                break;
            }
        }
        assert!((3..20).contains(&steps), "{steps} steps");
        assert!(bench.fold.greatest < 40_000, "{} pairs in one call", bench.fold.greatest);
    }
}

#[test]
fn memory_is_in_proportion_to_the_keys_that_panes_have() {
    const KEYS: i64 = 50_000;
    let tumbling = Hops { size: 1, every: 1, offset: 0 };
    let mut bench = Bench::new(tumbling, Windowing::Two, 0);
    let records: Vec<Record> = (0..KEYS).map(|number| (number, number, 1)).collect();
    bench.insert(&records).unwrap();
    let each = bench.windows.bytes() / KEYS as usize;
    assert!(each < 200, "{each} bytes for each of the keys that has one record in a second of its own");
    // Closing looks at no pane but its own: the quadratic would take hours.
    assert_eq!(bench.close(Frontier::Empty).len() as i64, KEYS);
    assert!(bench.windows.bytes() <= KEYS as usize * 64);
}

#[test]
fn at_the_last_nanosecond_windows_are_closed_once() {
    for every in [7, 3, 1] {
        let hops = Hops { size: 7, every, offset: 0 };
        let mut bench = Bench::new(hops, Windowing::Two, i64::MIN);
        let records = [(i64::MAX - 3, 0, 1), (i64::MAX, 0, 2)];
        bench.insert(&records).unwrap();
        assert_eq!(bench.close(Frontier::Empty), by_definition(&records, hops, Windowing::Two, i64::MIN));
        // Version 1 does not get the edge right, but it ends there, too.
        let mut bench = Bench::new(hops, Windowing::One, i64::MIN);
        bench.insert(&records).unwrap();
        for _ in 0..100 {
            if !bench.step(Frontier::Empty).1 {
                break;
            }
        }
        assert!(!bench.step(Frontier::Empty).1 && bench.windows.open().is_empty());
    }
}

#[test]
fn at_the_first_nanoseconds_a_record_is_right_or_refused() {
    let tumbling = Hops { size: 5, every: 5, offset: 3 };
    let hopping = Hops { size: 10, every: 5, offset: 0 };
    for hops in [tumbling, hopping] {
        let (mut counted, mut refused) = (Vec::new(), 0);
        let mut bench = Bench::new(hops, Windowing::Two, i64::MIN);
        for time in i64::MIN..i64::MIN + 30 {
            match bench.insert(&[(time, 0, 1)]) {
                Ok(()) => counted.push((time, 0, 1)),
                Err(error) => {
                    assert!(matches!(error, ComputeError::Edge { time: at } if at.0 == time));
                    assert!(error.to_string().contains("1677-09-21"), "{error}");
                    refused += 1;
                }
            }
        }
        assert!((1..hops.size).contains(&refused), "{refused}");
        assert_eq!(bench.close(Frontier::Empty), by_definition(&counted, hops, Windowing::Two, i64::MIN));
    }
}
