//! Whether memory grows with the number of calls.

use dag_expr::{Kind, Signature};
use dag_frame::{Column, encode};
use dag_model::{Frontier, Timestamp};
use dag_wasm::{CallError, Component};

use crate::case::SECOND;
use crate::chance::Chance;
use crate::cost::{columns, records};
use crate::subject::Subject;

/// Different frames, which come again and again.
const FRAMES: u64 = 256;
/// How often memory is looked at.
pub const MARKS: u64 = 10;
/// What memory may have grown by between the first of these and the last.
pub const GROWTH: f64 = 1.02;

/// Calls an operator so often, with frames of 1 to `most` rows of which small ones are more than large ones: a million calls should take minutes. At each tenth, `mark` is told after how many
/// calls the instance has how many bytes of memory; what it was told is returned.
///
/// # Errors
/// If the operator cannot be tried, or has several inputs.
pub fn memory(
    component: &Component,
    signature: &Signature,
    calls: u64,
    most: u64,
    mark: impl FnMut(u64, u64),
) -> Result<Vec<u64>, String> {
    let subject = Subject::find(component, signature)?;
    if subject.inputs.len() != 1 {
        return Err("it has several inputs".to_owned());
    }
    let failed = |error: CallError| error.to_string();
    match subject.kind {
        Kind::Aggregate => {
            let mut instance = component.aggregate(subject.options()).map_err(failed)?;
            let binding = instance.bind(&subject.operator, &subject.arguments(), &subject.inputs[0]).map_err(failed)?;
            let frames = frames(&subject, most, Some(&binding.columns));
            marked(calls, mark, |call| {
                instance.scan(&frames[call as usize % frames.len()])?;
                Ok(instance.memory())
            })
        }
        Kind::Transform => {
            let mut instance = component.transform(subject.options()).map_err(failed)?;
            instance.open(&subject.operator, &subject.arguments(), &subject.streams()).map_err(failed)?;
            let frames = frames(&subject, most, None);
            marked(calls, mark, |call| {
                instance.process(&frames[call as usize % frames.len()..][..1], &[])?;
                // Nothing is over by then, so that what it holds stays what it is.
                instance.advance(Frontier::At(Timestamp(0)))?;
                Ok(instance.memory())
            })
        }
    }
    .map_err(failed)
}

/// What `call` tells at each tenth of so many calls.
fn marked(
    calls: u64,
    mut mark: impl FnMut(u64, u64),
    mut call: impl FnMut(u64) -> Result<u64, CallError>,
) -> Result<Vec<u64>, CallError> {
    let mut marks = Vec::new();
    for number in 0..calls {
        let bytes = call(number)?;
        if (number + 1) * MARKS / calls > marks.len() as u64 {
            mark(number + 1, bytes);
            marks.push(bytes);
        }
    }
    Ok(marks)
}

/// Frames for a transform, or with slots and the bound columns for an aggregate.
fn frames(subject: &Subject, most: u64, bound: Option<&[usize]>) -> Vec<Vec<u8>> {
    let frame = |way| {
        let mut now = way as i64 * SECOND;
        let mut chance = Chance(way);
        // The smaller of two sizes of which as many lie between 1 and 2 as between half of the most and the most.
        let mut halvings = || chance.below(u64::from(most.ilog2()) + 1);
        let at_most = (most >> halvings().max(halvings())).max(1);
        let records = records(if way == 0 { most } else { 1 + chance.below(at_most) } as usize, 0, &mut now);
        let all = columns(subject, &records);
        let slots = Column::int64(records.iter().map(|record| Some(record.key as i64)));
        let chosen: Vec<&Column> = match bound {
            Some(bound) => [&slots, &all[0]].into_iter().chain(bound.iter().map(|column| &all[column + 1])).collect(),
            None => all.iter().collect(),
        };
        encode(records.len(), &chosen.iter().map(|column| column.view()).collect::<Vec<_>>())
    };
    (0..FRAMES).map(frame).collect()
}
