//! What readers have seen: one record at each position, whoever looks, and each record by one version of a component.

use std::collections::BTreeMap;

use crate::component::Component;
use crate::reader::{Position, Reader};
use crate::stream::Row;

/// What readers have seen so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// By stream and position.
    records: BTreeMap<(String, Position), Row>,
    /// By run: with which record a version took over, and which of the changes of its component that was.
    moves: BTreeMap<u64, Vec<(u64, usize)>>,
}

impl Seen {
    /// Takes in what a reader has got, and compares it with what others got of the stream.
    pub fn add(&mut self, reader: &Reader, components: &[Component]) -> Result<(), String> {
        for (position, row) in &reader.got {
            let place = (reader.expression.name(), *position);
            let known = self.records.entry(place).or_insert_with(|| row.clone());
            if !known.shows(row) || known.offset != row.offset {
                return Err(format!("{reader}: {position:?} was {known:?}, and is {row:?}"));
            }
        }
        let kit = reader.expression.component();
        let component = components.iter().find(|component| Some(component.kit) == kit);
        component.map_or(Ok(()), |component| self.check_versions(&reader.expression.name(), component))
    }

    /// The node says that a run goes on there with the version that the component changed to with that change.
    pub fn moved(&mut self, first: Position, change: usize) {
        self.moves.entry(first.run).or_default().push((first.sequence, change));
    }

    /// Checks that the records of each run of a stream were made by the versions that became current, in that order, and with those on
    /// both sides of where the node said that one took over.
    fn check_versions(&self, stream: &str, component: &Component) -> Result<(), String> {
        let first = (stream.to_owned(), Position { run: 0, sequence: 0 });
        let of_stream = self.records.range(first..).take_while(|((name, _), _)| name == stream);
        let offsets = component.offsets();
        let (mut run, mut change) = (0, 0);
        for ((_, position), row) in of_stream {
            if position.run != run {
                (run, change) = (position.run, 0);
            }
            let (mut least, mut end) = (change, offsets.len());
            for (from, moved_to) in self.moves.get(&run).into_iter().flatten() {
                match *from <= position.sequence {
                    true => least = least.max(*moved_to),
                    false => end = end.min(*moved_to),
                }
            }
            let made = (least..end).find(|change| offsets[*change] == row.offset);
            change = made.ok_or_else(|| {
                format!(
                    "`{stream}` at {position:?}: {row:?} is of none of the versions {least}..{end} of {offsets:?}, which moved at {:?}",
                    self.moves.get(&run)
                )
            })?;
        }
        Ok(())
    }
}
