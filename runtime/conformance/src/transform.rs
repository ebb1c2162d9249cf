//! Runs a transform on a case.

use dag_frame::{Column, Type, encode};
use dag_model::{Frontier, Order, Timestamp};
use dag_wasm::{Component, Output, Transform};

use crate::case::{Case, Emitted, Outcome, batches, columns_of, lines};
use crate::subject::Subject;

/// What a transform emits.
pub fn run(component: &Component, subject: &Subject, case: &Case) -> Result<Emitted, Outcome> {
    let order = order(subject, case);
    let shards: Vec<Vec<usize>> = match case.split {
        false => vec![order],
        true => (0..2).map(|shard| of_shard(case, &order, shard)).collect(),
    };
    let mut emitted = Emitted::default();
    for shard in shards {
        emitted.0.extend(Run::new(component, subject, case)?.shard(&shard)?.0);
    }
    // Where keys do not meet, the host mixes them.
    Ok(if subject.is_keyed { emitted.sorted() } else { emitted })
}

fn of_shard(case: &Case, order: &[usize], shard: u64) -> Vec<usize> {
    order.iter().copied().filter(|index| case.records[*index].key % 2 == shard).collect()
}

/// The records in the order in which the operator wants them.
fn order(subject: &Subject, case: &Case) -> Vec<usize> {
    let mut order: Vec<_> = (0..case.records.len()).collect();
    if subject.order == Order::Time {
        order.sort_by_key(|index| (case.records[*index].time, case.records[*index].input));
    }
    order
}

/// A transform at work.
struct Run<'a> {
    component: &'a Component,
    subject: &'a Subject,
    case: &'a Case,
    instance: Transform,
    beside: Option<Transform>,
    emitted: Emitted,
    frontier: i64,
    /// Before this nothing more may be emitted, if the output is in time order.
    promised: i64,
    last: i64,
}

impl<'a> Run<'a> {
    fn new(component: &'a Component, subject: &'a Subject, case: &'a Case) -> Result<Run<'a>, Outcome> {
        let instance = open(component, subject)?;
        let beside = case.beside.then(|| open(component, subject)).transpose()?;
        let (emitted, frontier) = (Emitted::default(), i64::MIN);
        Ok(Run { component, subject, case, instance, beside, emitted, frontier, promised: i64::MIN, last: i64::MIN })
    }

    fn shard(mut self, order: &[usize]) -> Result<Emitted, Outcome> {
        let mut rest = order;
        for (batch, behind) in batches(self.case, order) {
            rest = &rest[batch.len()..];
            let (frames, merge) = self.frames(&batch);
            let output = self.instance.process(&frames, &merge)?;
            self.take(output)?;
            if let Some(beside) = &mut self.beside {
                beside.process(&frames, &merge)?;
            }
            let Some(record) = behind.map(|index| &self.case.records[index]) else { continue };
            if let Some(earlier) = record.advances {
                let latest = self.latest(order, rest).saturating_sub(earlier);
                self.advance(Some(latest.max(self.frontier)))?;
            }
            if record.restores {
                self.restore()?;
            }
        }
        self.advance(None)?;
        Ok(self.emitted)
    }

    /// How far time has come: for who sees records in time order, the time of the next; else that of the latest one so far.
    fn latest(&self, order: &[usize], rest: &[usize]) -> i64 {
        let time = |index: &usize| self.case.records[*index].time;
        match self.subject.order {
            Order::Time => rest.iter().map(time).min().unwrap_or(self.frontier),
            Order::Log => order[..order.len() - rest.len()].iter().map(time).max().unwrap_or(self.frontier),
        }
    }

    /// A frame per input, and from which each record of the merge comes.
    fn frames(&self, batch: &[usize]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let frame = |input: usize| {
            let records: Vec<_> =
                batch.iter().map(|index| &self.case.records[*index]).filter(|record| record.input == input).collect();
            let times = Column::timestamp(records.iter().map(|record| Some(record.time)));
            let fields = self.subject.inputs[input].fields.iter().enumerate();
            let columns = fields.map(|(index, field)| {
                let values: Vec<_> = records.iter().map(|record| self.subject.value(record, index)).collect();
                Column::concat(field.ty, &values.iter().map(Column::view).collect::<Vec<_>>())
            });
            let columns: Vec<_> = std::iter::once(times).chain(columns).collect();
            encode(records.len(), &columns.iter().map(Column::view).collect::<Vec<_>>())
        };
        let frames: Vec<_> = (0..self.subject.inputs.len()).map(frame).collect();
        let merge = match frames.len() {
            1 => Vec::new(),
            _ => batch.iter().map(|index| self.case.records[*index].input as u8).collect(),
        };
        (frames, merge)
    }

    fn advance(&mut self, to: Option<i64>) -> Result<(), Outcome> {
        self.frontier = to.unwrap_or(i64::MAX);
        let frontier = to.map_or(Frontier::Empty, |time| Frontier::At(Timestamp(time)));
        let output = self.instance.advance(frontier)?;
        self.take(output)?;
        if let Some(beside) = &mut self.beside {
            while beside.advance(frontier)?.more {}
        }
        Ok(())
    }

    /// Goes on in a new instance from a snapshot of this one.
    fn restore(&mut self) -> Result<(), Outcome> {
        let (chunks, random) = (self.instance.snapshot()?, self.instance.random_state());
        self.instance = open(self.component, self.subject)?;
        self.instance.restore(self.subject.state_written, &chunks)?;
        self.instance.go_on_from(random);
        Ok(())
    }

    /// Takes output, and what there is more of it.
    fn take(&mut self, mut output: Output) -> Result<(), Outcome> {
        loop {
            let columns = columns_of(&output.frame)?;
            self.check_order(&columns)?;
            self.emitted.0.extend(lines(&columns));
            if !output.more {
                break;
            }
            let frontier = match self.frontier {
                i64::MAX => Frontier::Empty,
                frontier => Frontier::At(Timestamp(frontier)),
            };
            output = self.instance.advance(frontier)?;
        }
        let promised = output.hold.map_or(self.frontier, |hold| hold.0.min(self.frontier));
        if promised < self.promised {
            let (held, promised) = (dag_frame::time::format(promised), dag_frame::time::format(self.promised));
            return Err(Outcome::Broken(format!(
                "it holds {held} though it had promised that nothing before {promised} would follow: a hold never goes back"
            )));
        }
        self.promised = promised;
        Ok(())
    }

    /// In time order, nothing goes back behind what was emitted or promised.
    fn check_order(&mut self, columns: &[Column]) -> Result<(), Outcome> {
        let times = columns.first().filter(|column| column.ty() == Type::Timestamp && column.view().null_count() == 0);
        let Some(times) = times.and_then(|column| column.view().as_timestamp().map(<[i64]>::to_vec)) else {
            return Err(Outcome::Broken("its output does not begin with a column of times".to_owned()));
        };
        if self.subject.order == Order::Log {
            return Ok(());
        }
        for time in times {
            let shown = dag_frame::time::format;
            if time < self.last {
                return Err(Outcome::Broken(format!(
                    "it emits {} behind {}: output is in time order",
                    shown(time),
                    shown(self.last)
                )));
            }
            if time < self.promised {
                let promised = shown(self.promised);
                return Err(Outcome::Broken(format!(
                    "it emits {} though nothing before {promised} was to follow: it needs a hold",
                    shown(time)
                )));
            }
            self.last = time;
        }
        Ok(())
    }
}

fn open(component: &Component, subject: &Subject) -> Result<Transform, Outcome> {
    let mut instance = component.transform(subject.options())?;
    instance.open(&subject.operator, &subject.arguments(), &subject.streams())?;
    Ok(instance)
}
