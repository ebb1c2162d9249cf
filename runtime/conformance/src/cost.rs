//! What an operator costs per record.

use std::time::{Duration, Instant};

use dag_expr::{Kind, Signature};
use dag_frame::{Column, encode};
use dag_model::{Frontier, Timestamp};
use dag_wasm::Component;

use crate::case::{Outcome, Record, SECOND, SLOTS};
use crate::chance::Chance;
use crate::subject::Subject;

/// Records of a batch.
pub const BATCHES: [usize; 3] = [16, 256, 4_096];
/// How long each size of batch is tried.
const TIME: Duration = Duration::from_millis(300);

/// Nanoseconds per record, at each of [`BATCHES`].
pub type Cost = [f64; BATCHES.len()];

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

/// The median of batches, without what makes their frames.
fn per_record(component: &Component, subject: &Subject, rows: usize) -> Result<f64, Outcome> {
    let mut took = Vec::new();
    let (mut now, begun) = (0, Instant::now());
    match subject.kind {
        Kind::Aggregate => {
            let mut instance = component.aggregate(subject.options(subject.seed()))?;
            let binding = instance.bind(&subject.operator, &subject.arguments(), &subject.inputs[0])?;
            while begun.elapsed() < TIME || took.len() < 3 {
                let records = records(rows, 0, &mut now);
                let slots = Column::int64(records.iter().map(|record| Some(record.key as i64)));
                let mut columns = columns(subject, &records);
                let bound: Vec<_> = binding.columns.iter().map(|column| columns[column + 1].clone()).collect();
                columns = [slots, columns.swap_remove(0)].into_iter().chain(bound).collect();
                let frame = encode(rows, &columns.iter().map(Column::view).collect::<Vec<_>>());
                let call = Instant::now();
                instance.update(&frame)?;
                took.push(call.elapsed());
            }
        }
        Kind::Transform => {
            let mut instance = component.transform(subject.options(subject.seed()))?;
            instance.open(&subject.operator, &subject.arguments(), &subject.streams())?;
            let inputs = subject.inputs.len();
            while begun.elapsed() < TIME || took.len() < 3 {
                let frames: Vec<_> = (0..inputs)
                    .map(|input| {
                        let records = records(rows / inputs, input, &mut now);
                        let columns = columns(subject, &records);
                        encode(records.len(), &columns.iter().map(Column::view).collect::<Vec<_>>())
                    })
                    .collect();
                let each = |input| std::iter::repeat_n(input as u8, rows / inputs);
                let order: Vec<_> = if inputs == 1 { Vec::new() } else { (0..inputs).flat_map(each).collect() };
                let call = Instant::now();
                let mut output = instance.process(&frames, &order)?;
                let frontier = Frontier::At(Timestamp(now));
                while std::mem::replace(&mut output, instance.advance(frontier)?).more {}
                took.push(call.elapsed());
            }
        }
    }
    took.sort();
    Ok(took[took.len() / 2].as_nanos() as f64 / rows as f64)
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
