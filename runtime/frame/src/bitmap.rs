//! Bitmaps as Arrow has them: bit `i` is bit `i % 8`, least significant first, of byte `i / 8`.
//!
//! Owned columns keep the bits past their last value zero, so that equal columns are equal bytes.

/// A bitmap of `len` set bits; those past the end are zero.
pub fn ones(len: usize) -> Vec<u8> {
    let mut bits = vec![!0; len.div_ceil(8)];
    clear_tail(&mut bits, len);
    bits
}

/// Sets bit `index`.
#[inline]
pub fn set(bits: &mut [u8], index: usize) {
    bits[index / 8] |= 1 << (index % 8);
}

/// Clears bit `index`.
#[inline]
pub fn clear(bits: &mut [u8], index: usize) {
    bits[index / 8] &= !(1 << (index % 8));
}

/// Clears the bits of the last byte past bit `len`.
pub fn clear_tail(bits: &mut [u8], len: usize) {
    if !len.is_multiple_of(8) {
        bits[len / 8] &= (1 << (len % 8)) - 1;
    }
}

/// A bitmap of these booleans.
pub fn pack(values: &[bool]) -> Vec<u8> {
    let byte =
        |values: &[bool]| values.iter().enumerate().fold(0, |byte, (index, value)| byte | (u8::from(*value) << index));
    let (whole, rest) = values.as_chunks::<8>();
    let mut bits: Vec<u8> = whole.iter().map(|values| byte(values)).collect();
    if !rest.is_empty() {
        bits.push(byte(rest));
    }
    bits
}
