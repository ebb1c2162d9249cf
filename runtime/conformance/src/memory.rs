//! Whether memory grows with the number of calls.

use dag_expr::{Kind, Signature};
use dag_frame::{Column, encode};
use dag_wasm::{CallError, Component};

use crate::case::SECOND;
use crate::chance::Chance;
use crate::cost::{columns, records};
use crate::subject::Subject;

/// Different frames, which come again and again.
const FRAMES: u64 = 64;

/// Bytes of memory that an instance has after so many calls, in which a garbage collector finds its size, and after twice as many. Frames have from 1 to
/// `most` rows.
///
/// # Errors
/// If the operator cannot be tried, or has several inputs.
pub fn memory(component: &Component, signature: &Signature, calls: u64, most: u64) -> Result<(u64, u64), String> {
    let subject = Subject::find(component, signature)?;
    if subject.inputs.len() != 1 {
        return Err("it has several inputs".to_owned());
    }
    let failed = |error: CallError| error.to_string();
    match subject.kind {
        Kind::Aggregate => {
            let mut instance = component.aggregate(subject.options(subject.seed())).map_err(failed)?;
            let binding = instance.bind(&subject.operator, &subject.arguments(), &subject.inputs[0]).map_err(failed)?;
            let frames = frames(&subject, most, Some(&binding.columns));
            after(calls, |call| {
                instance.scan(&frames[call as usize % frames.len()])?;
                Ok(instance.memory())
            })
        }
        Kind::Transform => {
            let mut instance = component.transform(subject.options(subject.seed())).map_err(failed)?;
            instance.open(&subject.operator, &subject.arguments(), &subject.streams()).map_err(failed)?;
            let frames = frames(&subject, most, None);
            after(calls, |call| {
                instance.process(&frames[call as usize % frames.len()..][..1], &[])?;
                Ok(instance.memory())
            })
        }
    }
    .map_err(failed)
}

/// What `call` tells after so many calls, and after twice as many.
fn after(calls: u64, mut call: impl FnMut(u64) -> Result<u64, CallError>) -> Result<(u64, u64), CallError> {
    let (mut first, mut last) = (0, 0);
    for number in 0..2 * calls {
        last = call(number)?;
        if number + 1 == calls {
            first = last;
        }
    }
    Ok((first, last))
}

/// Frames for a transform, or with slots and the bound columns for an aggregate.
fn frames(subject: &Subject, most: u64, bound: Option<&[usize]>) -> Vec<Vec<u8>> {
    let frame = |way| {
        let mut now = way as i64 * SECOND;
        let records = records(1 + Chance(way).below(most) as usize, 0, &mut now);
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
