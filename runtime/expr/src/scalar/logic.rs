//! Three-valued logic (SQL's, which is Kleene's): what is neither true nor false is unknown, and stored as null.

use dag_frame::{Bits, Column, Data, Values, bitmap};

use crate::scalar::vector::Vector;

/// Two bitmaps, which rows are true and which are false; the others are unknown. Bits past the last row are zero.
pub(crate) struct Truth {
    len: usize,
    yes: Vec<u8>,
    no: Vec<u8>,
}

impl Truth {
    /// True where `value` is set and false where it is not, on the rows of `validity`.
    pub fn new(len: usize, value: Vec<u8>, validity: Option<Vec<u8>>) -> Truth {
        let valid = validity.unwrap_or_else(|| bitmap::ones(len));
        let no = value.iter().zip(&valid).map(|(value, valid)| !value & valid).collect();
        let yes = value.iter().zip(&valid).map(|(value, valid)| value & valid).collect();
        Truth { len, yes, no }
    }

    /// What a boolean vector says of `len` rows.
    pub fn of(vector: &Vector, len: usize) -> Truth {
        let view = vector.view();
        let Values::Boolean(bits) = view.values else { panic!("a {} is no condition", view.ty()) };
        let spread = |bits: Bits| {
            let mut bits = match vector.is_constant() {
                true if bits.get(0) => vec![!0; len.div_ceil(8)],
                true => vec![0; len.div_ceil(8)],
                false => bits.bytes[..len.div_ceil(8)].to_vec(),
            };
            bitmap::clear_tail(&mut bits, len);
            bits
        };
        Truth::new(len, spread(bits), view.validity.map(spread))
    }

    pub fn and(mut self, other: &Truth) -> Truth {
        self.yes.iter_mut().zip(&other.yes).for_each(|(own, other)| *own &= other);
        self.no.iter_mut().zip(&other.no).for_each(|(own, other)| *own |= other);
        self
    }

    pub fn or(mut self, other: &Truth) -> Truth {
        self.yes.iter_mut().zip(&other.yes).for_each(|(own, other)| *own |= other);
        self.no.iter_mut().zip(&other.no).for_each(|(own, other)| *own &= other);
        self
    }

    /// The negation, if `negated`.
    pub fn negated(self, negated: bool) -> Truth {
        let Truth { len, yes, no } = self;
        if negated { Truth { len, yes: no, no: yes } } else { Truth { len, yes, no } }
    }

    pub fn into_column(self) -> Column {
        let known: Vec<u8> = self.yes.iter().zip(&self.no).map(|(yes, no)| yes | no).collect();
        Column { len: self.len, validity: Some(known), data: Data::Boolean(self.yes) }
    }
}
