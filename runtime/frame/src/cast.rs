//! Numbers as their bytes and bytes as the numbers they hold: the crate's only `unsafe`.

#[cfg(not(target_endian = "little"))]
compile_error!("frames are little endian in memory; this target is not");

mod sealed {
    /// # Safety
    /// Every bit pattern is a value, there is no padding, and the alignment divides 8.
    pub unsafe trait Number: Copy {}
    // SAFETY: primitive numbers have neither invalid patterns nor padding, and are aligned to at most 8.
    unsafe impl Number for i32 {}
    // SAFETY: as above.
    unsafe impl Number for i64 {}
    // SAFETY: as above.
    unsafe impl Number for u64 {}
    // SAFETY: as above.
    unsafe impl Number for f64 {}
}

pub(crate) use sealed::Number;

/// The bytes that these numbers take in memory.
pub(crate) fn bytes_of<T: Number>(values: &[T]) -> &[u8] {
    // SAFETY: a `Number` has no padding, so all its bytes are initialised; `u8` has no alignment; the length is the
    // slice's own size and the lifetime is the slice's.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// The same, to be written to.
pub(crate) fn bytes_of_mut<T: Number>(values: &mut [T]) -> &mut [u8] {
    let len = size_of_val(values);
    // SAFETY: as in `bytes_of`; every pattern that may be written is a value of `T`; the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), len) }
}

/// These bytes as numbers; none where the base is not aligned for them or the length is not a whole number of them.
pub(crate) fn numbers<T: Number>(bytes: &[u8]) -> Option<&[T]> {
    let whole = bytes.len().is_multiple_of(size_of::<T>()) && bytes.as_ptr().cast::<T>().is_aligned();
    // SAFETY: alignment and length have just been checked, every pattern is a value, the lifetime is that of `bytes`.
    whole.then(|| unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_their_bytes() {
        let values = [1.5f64, -0.0, f64::MAX];
        assert_eq!(numbers::<f64>(bytes_of(&values)), Some(&values[..]));
        assert_eq!(numbers::<i64>(bytes_of::<i64>(&[])), Some(&[][..]));
    }

    #[test]
    fn misaligned_or_partial_bytes_are_refused() {
        let values = [1u64, 2];
        let bytes = bytes_of(&values);
        assert_eq!(numbers::<i64>(&bytes[1..9]), None);
        assert_eq!(numbers::<i64>(&bytes[..9]), None);
    }
}
