//! Keys, interned: a row of key columns becomes a small number that windows index by.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::DataType;
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::ComputeError;

/// The keys that windows currently refer to. A number is used again once nobody refers to it.
pub struct Keys {
    converter: Option<RowConverter>,
    table: HashTable<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// Bytes of all rows.
    rows: usize,
}

struct Entry {
    hash: u64,
    row: Box<[u8]>,
    uses: u32,
}

/// A key column in which values that are one key have one form, as in the operators' SDKs: -0.0 is 0.0, and all NaNs are one.
pub fn canonical(column: &ArrayRef) -> ArrayRef {
    let Some(floats) = column.as_primitive_opt::<Float64Type>() else { return column.clone() };
    // Adding zero makes -0.0 a 0.0.
    let one_form = |value: f64| if value.is_nan() { f64::NAN } else { value + 0.0 };
    match floats.values().iter().all(|value| value.to_bits() == one_form(*value).to_bits()) {
        true => column.clone(),
        false => Arc::new(floats.unary::<_, Float64Type>(one_form)),
    }
}

/// The fixed hash of each row of key columns: what shards are ranges of.
pub fn hashes(converter: &RowConverter, columns: &[ArrayRef]) -> Result<Vec<u64>, ComputeError> {
    Ok(converter.convert_columns(columns)?.iter().map(|row| xxh3_64(row.as_ref())).collect())
}

/// The worker out of `peers` that a key hash belongs to: workers own equal ranges of the hash.
pub fn worker_of(hash: u64, peers: usize) -> usize {
    ((u128::from(hash) * peers as u128) >> 64) as usize
}

/// A converter of key columns of these types to comparable bytes.
pub fn converter(types: &[DataType]) -> Result<RowConverter, ComputeError> {
    Ok(RowConverter::new(types.iter().cloned().map(SortField::new).collect())?)
}

impl Keys {
    /// Keys of columns of these types. With no columns there is one key, number 0.
    pub fn new(types: &[DataType]) -> Result<Keys, ComputeError> {
        let converter = if types.is_empty() { None } else { Some(converter(types)?) };
        let (entries, free) = (Vec::new(), Vec::new());
        Ok(Keys { converter, table: HashTable::new(), entries, free, rows: 0 })
    }

    /// The number of each row's key. A new key stays only if it is [`retain`](Self::retain)ed before [`sweep`](Self::sweep).
    pub fn intern(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>, ComputeError> {
        let Some(converter) = &self.converter else {
            if self.entries.is_empty() {
                self.entries.push(Entry { hash: 0, row: Box::default(), uses: 1 });
            }
            return Ok(vec![0; rows]);
        };
        let converted: Rows = converter.convert_columns(columns)?;
        let (table, entries, free, rows) = (&mut self.table, &mut self.entries, &mut self.free, &mut self.rows);
        let numbers = converted.iter().map(|row| {
            let bytes = row.as_ref();
            let hash = xxh3_64(bytes);
            let same = |number: &u32| {
                let entry = &entries[*number as usize];
                entry.hash == hash && *entry.row == *bytes
            };
            if let Some(number) = table.find(hash, same) {
                return *number;
            }
            *rows += bytes.len();
            let entry = Entry { hash, row: bytes.into(), uses: 0 };
            let number = match free.pop() {
                Some(number) => {
                    entries[number as usize] = entry;
                    number
                }
                None => {
                    entries.push(entry);
                    (entries.len() - 1) as u32
                }
            };
            table.insert_unique(hash, number, |number| entries[*number as usize].hash);
            number
        });
        Ok(numbers.collect())
    }

    /// How many numbers have been handed out: all are less than this.
    pub fn bound(&self) -> usize {
        self.entries.len()
    }

    /// About how many bytes of memory all keys take.
    pub fn bytes(&self) -> usize {
        // A number in the table takes five bytes, and the table is half empty at worst.
        self.rows + self.entries.len() * (size_of::<Entry>() + 10)
    }

    /// The bytes of a key.
    pub fn size(&self, number: u32) -> usize {
        self.entries[number as usize].row.len()
    }

    /// A window refers to this key from now on.
    pub fn retain(&mut self, number: u32) {
        self.entries[number as usize].uses += 1;
    }

    /// A window no longer refers to this key.
    pub fn release(&mut self, number: u32) {
        let entry = &mut self.entries[number as usize];
        entry.uses -= 1;
        if entry.uses == 0 {
            self.forget(number);
        }
    }

    /// Forgets those of these keys that nothing refers to: rows that fell before every window brought them in.
    pub fn sweep(&mut self, numbers: &[u32]) {
        for number in numbers {
            let entry = &self.entries[*number as usize];
            if entry.uses == 0 && !entry.row.is_empty() {
                self.forget(*number);
            }
        }
    }

    fn forget(&mut self, number: u32) {
        let hash = self.entries[number as usize].hash;
        if let Ok(found) = self.table.find_entry(hash, |other| *other == number) {
            found.remove();
            self.rows -= std::mem::take(&mut self.entries[number as usize].row).len();
            self.free.push(number);
        }
    }

    /// The key columns of these keys, row by row.
    pub fn columns(&self, numbers: &[u32]) -> Result<Vec<ArrayRef>, ComputeError> {
        let Some(converter) = &self.converter else { return Ok(Vec::new()) };
        let parser = converter.parser();
        let rows = numbers.iter().map(|number| parser.parse(&self.entries[*number as usize].row));
        Ok(converter.convert_rows(rows)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::StringArray;
    use arrow_array::cast::AsArray;

    use super::*;

    #[test]
    fn a_key_keeps_its_number_while_it_is_used_and_gives_it_back_after() {
        let mut keys = Keys::new(&[DataType::Utf8]).unwrap();
        let column: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("b"), None, Some("a")]));
        let numbers = keys.intern(std::slice::from_ref(&column), 4).unwrap();
        assert_eq!(numbers[0], numbers[3]);
        keys.retain(numbers[0]);
        keys.sweep(&numbers);
        let again = keys.intern(std::slice::from_ref(&column), 4).unwrap();
        assert_eq!(again[0], numbers[0]);
        assert_eq!(keys.columns(&again[..1]).unwrap()[0].as_string::<i32>().value(0), "a");
        assert_eq!(keys.bound(), 3);
    }
}
