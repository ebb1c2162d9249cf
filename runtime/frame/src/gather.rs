//! Columns out of columns: rows by index, rows by mask, one behind the other.

use crate::bitmap::{clear_tail, ones, set};
use crate::build::end_offset;
use crate::column::{Column, ColumnRef, Data};
use crate::{Bits, Type, Values, VarLen};

impl ColumnRef<'_> {
    /// The rows that a boolean column says yes to; its nulls are a no.
    ///
    /// # Panics
    /// If the column is not boolean.
    pub fn true_rows(&self) -> Vec<u32> {
        let Values::Boolean(bits) = self.values else { panic!("a {} column is no mask", self.ty()) };
        let mut rows = Vec::new();
        for (index, &byte) in bits.bytes[..self.len.div_ceil(8)].iter().enumerate() {
            let mut set = byte & self.validity.map_or(!0, |validity| validity.bytes[index]);
            while set != 0 {
                rows.push((index * 8) as u32 + set.trailing_zeros());
                set &= set - 1;
            }
        }
        let counted = rows.partition_point(|row| (*row as usize) < self.len);
        rows.truncate(counted);
        rows
    }

    /// The values at these rows, in that order; a row may come more than once.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn take(&self, rows: &[u32]) -> Column {
        let validity = self.validity.map(|bits| take_bits(bits, rows));
        let data = match self.values {
            Values::Boolean(bits) => Data::Boolean(take_bits(bits, rows)),
            Values::Int64(values) => Data::Int64(take_numbers(values, rows)),
            Values::Timestamp(values) => Data::Timestamp(take_numbers(values, rows)),
            Values::Float64(values) => Data::Float64(take_numbers(values, rows)),
            Values::Utf8(values) => {
                let (offsets, bytes) = take_bytes(values, rows);
                Data::Utf8(offsets, bytes)
            }
            Values::Binary(values) => {
                let (offsets, bytes) = take_bytes(values, rows);
                Data::Binary(offsets, bytes)
            }
        };
        Column { len: rows.len(), validity: without_nulls(validity, rows.len()), data }
    }

    /// The values where `mask`, a boolean column of the same length, is true.
    ///
    /// # Panics
    /// If the mask is not boolean or longer.
    pub fn filter(&self, mask: &ColumnRef) -> Column {
        self.take(&mask.true_rows())
    }

    /// A copy.
    pub fn to_column(&self) -> Column {
        let mut copy = Column::empty(self.ty());
        copy.append(self);
        copy
    }
}

impl Column {
    /// Appends the values of another column of the same type.
    ///
    /// # Panics
    /// If the types differ.
    pub fn append(&mut self, other: &ColumnRef) {
        let (len, total) = (self.len, self.len + other.len);
        if let Some(bits) = other.validity.filter(|_| other.null_count() > 0) {
            append_bits(self.validity.get_or_insert_with(|| ones(len)), len, bits);
        } else if let Some(validity) = &mut self.validity {
            let bytes = ones(other.len);
            append_bits(validity, len, Bits { bytes: &bytes, len: other.len });
        }
        match (&mut self.data, other.values) {
            (Data::Boolean(own), Values::Boolean(bits)) => append_bits(own, len, bits),
            (Data::Int64(own), Values::Int64(values)) => own.extend_from_slice(values),
            (Data::Timestamp(own), Values::Timestamp(values)) => own.extend_from_slice(values),
            (Data::Float64(own), Values::Float64(values)) => own.extend_from_slice(values),
            (Data::Utf8(offsets, bytes), Values::Utf8(values))
            | (Data::Binary(offsets, bytes), Values::Binary(values)) => append_bytes(offsets, bytes, values, other.len),
            _ => panic!("a column of {} takes none of {}", self.ty(), other.ty()),
        }
        self.len = total;
    }

    /// These columns, one behind the other.
    ///
    /// # Panics
    /// If one is not of type `ty`.
    pub fn concat(ty: Type, columns: &[ColumnRef]) -> Column {
        let mut whole = Column::empty(ty);
        columns.iter().for_each(|column| whole.append(column));
        whole
    }
}

fn take_numbers<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
    rows.iter().map(|&row| values[row as usize]).collect()
}

fn take_bits(bits: Bits, rows: &[u32]) -> Vec<u8> {
    let byte = |rows: &[u32]| {
        let bit = |byte, (index, &row): (usize, &u32)| byte | (u8::from(bits.get(row as usize)) << index);
        rows.iter().enumerate().fold(0, bit)
    };
    rows.chunks(8).map(byte).collect()
}

fn take_bytes(values: VarLen, rows: &[u32]) -> (Vec<i32>, Vec<u8>) {
    let mut offsets = Vec::with_capacity(rows.len() + 1);
    let mut bytes = Vec::new();
    offsets.push(0);
    for &row in rows {
        bytes.extend_from_slice(values.get(row as usize));
        offsets.push(end_offset(&bytes));
    }
    (offsets, bytes)
}

/// The bitmap, or none if all its bits are set.
fn without_nulls(validity: Option<Vec<u8>>, len: usize) -> Option<Vec<u8>> {
    validity.filter(|bytes| Bits { bytes, len }.count_ones() < len)
}

/// Appends a bitmap to one of `len` bits, whose bits past its end are zero, and keeps that so.
fn append_bits(own: &mut Vec<u8>, len: usize, bits: Bits) {
    own.resize((len + bits.len).div_ceil(8), 0);
    if len.is_multiple_of(8) {
        let start = len / 8;
        own[start..].copy_from_slice(&bits.bytes[..bits.len.div_ceil(8)]);
        clear_tail(own, len + bits.len);
        return;
    }
    (0..bits.len).filter(|index| bits.get(*index)).for_each(|index| set(own, len + index));
}

fn append_bytes(offsets: &mut Vec<i32>, bytes: &mut Vec<u8>, values: VarLen, len: usize) {
    let (first, last) = (values.offsets[0], values.offsets[len]);
    let base = end_offset(bytes);
    bytes.extend_from_slice(&values.bytes[first as usize..last as usize]);
    end_offset(bytes);
    offsets.extend(values.offsets[1..=len].iter().map(|offset| base + (offset - first)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_gathered_with_their_nulls() {
        let column = Column::utf8([Some("a"), None, Some("bc")]);
        assert_eq!(column.view().take(&[2, 1, 0, 2]), Column::utf8([Some("bc"), None, Some("a"), Some("bc")]));
        assert_eq!(column.view().take(&[0, 2]), Column::utf8([Some("a"), Some("bc")]));
    }

    #[test]
    fn a_null_in_a_mask_is_a_no() {
        let mask = Column::boolean((0..19).map(|row| (row % 3 > 0).then_some(row % 2 == 0)));
        let column = Column::int64((0..19).map(Some));
        let kept = [2, 4, 8, 10, 14, 16].map(Some);
        assert_eq!(column.view().filter(&mask.view()), Column::int64(kept));
    }

    #[test]
    fn columns_concatenate_at_any_bit() {
        let values: Vec<Option<bool>> = (0..40).map(|row| (row % 7 > 0).then_some(row % 3 == 0)).collect();
        for cut in 0..values.len() {
            let parts = [&values[..cut], &values[cut..]].map(|part| Column::boolean(part.iter().copied()));
            let whole = Column::concat(Type::Boolean, &parts.each_ref().map(Column::view));
            assert_eq!(whole, Column::boolean(values.iter().copied()));
        }
    }

    #[test]
    fn text_concatenates() {
        let parts = [Column::utf8([Some("a"), None]), Column::utf8([Some("bc")])];
        let whole = Column::concat(Type::Utf8, &parts.each_ref().map(Column::view));
        assert_eq!(whole, Column::utf8([Some("a"), None, Some("bc")]));
    }
}
