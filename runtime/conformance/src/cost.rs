//! What an operator costs per record.

use std::time::Duration;

use dag_expr::{Kind, Signature};
use dag_frame::{Column, encode};
use dag_model::{Frontier, Timestamp};
use dag_wasm::{CallError, Component};

use crate::case::{Outcome, Record, SECOND, SLOTS};
use crate::chance::Chance;
use crate::processor::processor_time;
use crate::subject::Subject;

/// Records of a batch.
pub const BATCHES: [usize; 3] = [16, 256, 4_096];
/// Records whose batches are measured at once: what reads the clock is no part of a record's cost.
const BLOCK: usize = 4_096;
/// How many instances are made to tell what one costs.
const INSTANCES: usize = 9;
/// How much processor time each size of batch is tried, at least three blocks.
const TIME: Duration = Duration::from_millis(200);

/// Nanoseconds per record, at each of [`BATCHES`].
pub type Cost = [f64; BATCHES.len()];

/// What an instance costs that is ready for its first batch: how long it takes to be made, the median of a few, and the bytes of memory that it has then.
///
/// # Errors
/// If it cannot be tried.
pub fn instance(component: &Component, signature: &Signature) -> Result<(Duration, u64), String> {
    let subject = Subject::find(component, signature)?;
    let mut made = Vec::new();
    for _ in 0..INSTANCES {
        let begun = processor_time();
        let memory = match subject.kind {
            Kind::Aggregate => component.aggregate(subject.options()).and_then(|mut instance| {
                instance.bind(&subject.operator, &subject.arguments(), &subject.inputs[0])?;
                Ok(instance.memory())
            }),
            Kind::Transform => component.transform(subject.options()).and_then(|mut instance| {
                instance.open(&subject.operator, &subject.arguments(), &subject.streams())?;
                Ok(instance.memory())
            }),
        };
        made.push((processor_time() - begun, memory.map_err(|error| error.to_string())?));
    }
    made.sort();
    Ok(made[made.len() / 2])
}

/// What an operator costs, with the arguments of its example.
///
/// # Errors
/// If it cannot be tried.
pub fn cost(component: &Component, signature: &Signature) -> Result<Cost, String> {
    let subject = Subject::find(component, signature)?;
    let mut cost = [0.0; BATCHES.len()];
    for (cost, rows) in cost.iter_mut().zip(BATCHES) {
        *cost = per_record(component, &subject, rows).map_err(|error| match error {
            Outcome::Refused(why) | Outcome::Broken(why) => why,
        })?;
    }
    Ok(cost)
}

/// The median of blocks, in processor time, without what makes their frames.
fn per_record(component: &Component, subject: &Subject, rows: usize) -> Result<f64, Outcome> {
    let mut now = 0;
    match subject.kind {
        Kind::Aggregate => {
            let mut instance = component.aggregate(subject.options())?;
            let binding = instance.bind(&subject.operator, &subject.arguments(), &subject.inputs[0])?;
            let mut frame = || {
                let records = records(rows, 0, &mut now);
                let slots = Column::int64(records.iter().map(|record| Some(record.key as i64)));
                let mut columns = columns(subject, &records);
                let bound: Vec<_> = binding.columns.iter().map(|column| columns[column + 1].clone()).collect();
                columns = [slots, columns.swap_remove(0)].into_iter().chain(bound).collect();
                encode(rows, &columns.iter().map(Column::view).collect::<Vec<_>>())
            };
            let blocks = || (0..BLOCK / rows).map(|_| frame()).collect::<Vec<_>>();
            median(blocks, |frames| frames.iter().try_for_each(|frame| instance.update(frame)))
        }
        Kind::Transform => {
            let mut instance = component.transform(subject.options())?;
            instance.open(&subject.operator, &subject.arguments(), &subject.streams())?;
            let inputs = subject.inputs.len();
            let each = |input| std::iter::repeat_n(input as u8, rows / inputs);
            let order: Vec<_> = if inputs == 1 { Vec::new() } else { (0..inputs).flat_map(each).collect() };
            let mut frames = || {
                let frame = |input| {
                    let records = records(rows / inputs, input, &mut now);
                    let columns = columns(subject, &records);
                    encode(records.len(), &columns.iter().map(Column::view).collect::<Vec<_>>())
                };
                let frames: Vec<_> = (0..inputs).map(frame).collect();
                (frames, Frontier::At(Timestamp(now)))
            };
            let blocks = || (0..BLOCK / rows).map(|_| frames()).collect::<Vec<_>>();
            median(blocks, |batches| {
                batches.iter().try_for_each(|(frames, frontier)| {
                    let mut output = instance.process(frames, &order)?;
                    while std::mem::replace(&mut output, instance.advance(*frontier)?).more {}
                    Ok(())
                })
            })
        }
    }
}

/// Nanoseconds of processor time per record of a block: other work of the machine does not count.
fn median<B>(mut block: impl FnMut() -> B, mut run: impl FnMut(&B) -> Result<(), CallError>) -> Result<f64, Outcome> {
    let mut took: Vec<Duration> = Vec::new();
    while took.len() < 3 || took.iter().sum::<Duration>() < TIME {
        let block = block();
        let begun = processor_time();
        run(&block)?;
        took.push(processor_time() - begun);
    }
    took.sort();
    Ok(took[took.len() / 2].as_nanos() as f64 / BLOCK as f64)
}

/// Records in time order, of a few keys.
pub(crate) fn records(rows: usize, input: usize, now: &mut i64) -> Vec<Record> {
    let record = |_| {
        *now += SECOND / 1_000;
        let seed = Chance(*now as u64).next();
        Record { input, time: *now, seed, key: seed % SLOTS, ends_batch: false, advances: None, restores: false }
    };
    (0..rows).map(record).collect()
}

/// The records' times, then all of their columns.
pub(crate) fn columns(subject: &Subject, records: &[Record]) -> Vec<Column> {
    let input = records.first().map_or(0, |record| record.input);
    let times = Column::timestamp(records.iter().map(|record| Some(record.time)));
    let fields = subject.inputs[input].fields.iter().enumerate();
    let columns = fields.map(|(index, field)| {
        let mut column = Column::empty(field.ty);
        records.iter().for_each(|record| column.append(&subject.value(record, index).view()));
        column
    });
    std::iter::once(times).chain(columns).collect()
}
